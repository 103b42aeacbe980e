"""What a fresh process has imported: heavy packages stay out where they have no business."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numba", "numpy", "textual", "httpx", "trio")
MAIN = "import sys; sys.argv = ['ringrift', {arguments}]; from ringrift.cli.main import main\n"


def loaded(script: str) -> set[str]:
    """The heavy packages that this script has loaded when it ends."""
    tail = f"\nprint('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script + tail], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.strip().splitlines()[-1].split()[1:])


def after_main(*arguments: str) -> set[str]:
    quoted = ", ".join(repr(argument) for argument in arguments)
    run = "try:\n    main()\nexcept SystemExit:\n    pass"
    return loaded(MAIN.format(arguments=quoted) + run)


def test_the_probe_sees_what_is_loaded() -> None:
    assert loaded("import sys, numpy") == {"numpy"}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("nonsense",)])
def test_the_command_line_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert after_main(*arguments) == set()


def test_the_first_page_does_not_even_load_the_parser() -> None:
    page = MAIN.format(arguments="'--help'") + "main()\n"
    check = "assert not {'cyclopts', 'rich', 'msgspec'} & sys.modules.keys()"
    assert loaded(page + check) == set()


@pytest.mark.parametrize(
    "verb", ["up", "node", "tui", "status", "events", "drain", "doctor", "sim", "play", "selfplay"]
)
def test_help_of_a_verb_loads_nothing_heavy(verb: str) -> None:
    assert after_main(verb, "--help") == set()


def test_looking_at_a_node_needs_httpx_only() -> None:
    # httpcore looks for trio when it opens a connection.
    assert after_main("status", "--data", "/nonexistent-ringrift") == {"httpx", "trio"}


def test_text_frames_are_free_of_textual() -> None:
    assert loaded("import sys, ringrift.tui.frame, ringrift.tui.seen") == set()


def test_the_doctor_stays_light() -> None:
    assert loaded("import sys, ringrift.doctor.examine") == {"httpx"}


def test_the_client_needs_no_part_of_the_node() -> None:
    script = (
        "import sys, ringrift.client\nassert not any('ringrift.node' in m for m in sys.modules)"
    )
    assert loaded(script) == {"httpx"}
