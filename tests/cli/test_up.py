"""`ringrift up` with a stand-in for the sentinel: start, watch, stop in order, or say why not."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT_S = 60.0
TESTS = Path(__file__).parents[1]

UP = """
import sys, pathlib
import ringrift.cli.up as up
up.sentinel_command = lambda profile, data, port_offset: [sys.executable, "-c", sys.argv[2], data]
up.up(data=pathlib.Path(sys.argv[1]))
"""
SERVES = f"""
import pathlib, signal, sys, threading
sys.path.insert(0, {str(TESTS)!r})
from fake_node import fake_node
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
with fake_node(pathlib.Path(sys.argv[1]) / "node.sock"):
    ended.wait()
pathlib.Path(sys.argv[1], "handed-in").touch()
"""
REFUSES = "import sys; print('ringrift: port 8770 is taken by nginx'); sys.exit(2)"
DIES = "import os, sys; print('out of luck', file=sys.stderr); os._exit(7)"


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rr-") as folder:  # tmp_path may exceed 107 bytes
        yield Path(folder) / "data"


def start(data: Path, sentinel: str, *before: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*before, sys.executable, "-c", UP, str(data), sentinel],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The suite itself may run under nohup, and an ignored signal is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_founds_starts_watches_and_stops_in_order(data: Path, number: signal.Signals) -> None:
    with start(data, SERVES) as process:
        assert process.stdout is not None
        assert "Starting a node" in process.stdout.readline()
        assert "trains hex8_2p" in process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, errors
    assert rest.splitlines()[-2:] == [
        "Stopping the node: its children hand in what they have.",
        "Stopped.",
    ]
    assert (data / "handed-in").exists()
    assert data.stat().st_mode & 0o077 == 0  # as the node founds it: nobody else's business


def test_an_interrupt_counts_even_where_a_shell_had_it_ignored(data: Path) -> None:
    with start(data, SERVES, "sh", "-c", "trap '' INT; exec \"$@\"", "sh") as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert "trains hex8_2p" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert rest.endswith("Stopped.\n")


@pytest.mark.parametrize(
    ("sentinel", "code", "words"),
    [
        (REFUSES, 2, "The node ended with exit status 2: ringrift: port 8770 is taken by nginx."),
        (DIES, 1, "The node ended with exit status 7: out of luck."),
        ("import sys; sys.exit(1)", 1, "it said nothing"),
    ],
)
def test_a_node_that_ends_at_once_says_why(
    data: Path, sentinel: str, code: int, words: str
) -> None:
    with start(data, sentinel) as process:
        _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == code
    assert words in errors
    assert len(errors.splitlines()) == 1


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with start(tmp_path / "file" / "data", SERVES) as process:
        _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 2
    assert "cannot be used" in errors and "Traceback" not in errors
