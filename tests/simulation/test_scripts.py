"""What the Raft core does, case by case: every script's trace is what its commands give now.

`retrace.py` rewrites the traces.
"""

from difflib import unified_diff
from pathlib import Path

import pytest
from script import ScriptError, retrace

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.stem for path in SCRIPTS])
def test_script(path: Path) -> None:
    told = path.read_text()
    done = retrace(told)
    lines = unified_diff(told.splitlines(), done.splitlines(), "told", "done", lineterm="")
    assert told == done, "\n".join(lines)


def test_every_script_begins_by_saying_what_it_shows() -> None:
    assert len(SCRIPTS) >= 28
    assert [path.stem for path in SCRIPTS if not path.read_text().startswith("# ")] == []


def test_a_trace_is_the_same_every_time() -> None:
    text = "> nodes a b c seed=7\n> run 3s\n> show\n"
    assert retrace(text) == retrace(text)
    assert retrace(text) != retrace(text.replace("seed=7", "seed=8"))


@pytest.mark.parametrize("command", ["dance a", "deliver ab", "nodes a timing=slow", "crash x"])
def test_a_command_without_meaning_is_refused(command: str) -> None:
    with pytest.raises(ScriptError) as caught:
        retrace(f"> nodes a b\n> {command}\n")
    assert command in str(caught.value)
