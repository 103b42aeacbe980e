"""`ringrift engine`: what it prints and how it exits."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ringrift.cli.engine import app

DATA = Path(__file__).parent.parent / "engine" / "data"
STATE = (
    "RR1|square8|n=2|ph=movement|p=1|hand=15,17|elim=0,0|terr=0,1|S=3,3:11;3,4:2|M=0,0:1;0,1:2"
    "|C=7,7:2|must=3,3|pend=-|rec=0|act=1|lps=1:1-:0:0|swap=0|win=-"
)


def _run(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        app(list(words))
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def _short_game() -> dict[str, Any]:
    with gzip.open(DATA / "corpus-subset.jsonl.gz", "rt") as lines:
        return min((json.loads(line) for line in lines), key=lambda game: game["n_steps"])


def _write(path: Path, game: dict[str, Any]) -> str:
    path.write_text(json.dumps(game) + "\n")
    return str(path)


def test_verify_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game = _short_game()
    path = _write(tmp_path / "game.jsonl", game)
    assert _run("verify", path, str(DATA / "vectors.jsonl.gz")) == 0
    out = capsys.readouterr().out
    assert f"{path}: 0 differences" in out
    assert f"1 games, {game['n_steps']} steps" in out
    assert "52 vectors hold, 27 illegal ones refused, 13 unusable skipped" in out


def test_verify_reports_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game = _short_game()
    game["result"]["winner"] = 4
    game["steps"][0]["n"] += 1
    assert _run("verify", _write(tmp_path / "game.jsonl", game)) == 1
    out = capsys.readouterr().out
    assert "2 differences" in out
    assert "winner is" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "verify needs at least one FILE"),
        (("absent.jsonl",), "absent.jsonl cannot be read"),
        ((__file__,), "is not JSON on line 1"),
    ],
)
def test_verify_refuses_in_one_sentence(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("verify", *words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_show_draws_the_position(capsys: pytest.CaptureFixture[str]) -> None:
    app(["show", STATE, "--legal"], result_action="return_value")
    out = capsys.readouterr().out
    assert "  3  ·      ·      ·     (●2)    ·" in out
    assert "  0  •      ·" in out
    assert out.splitlines()[8].endswith("▒▒2▒▒▒")
    assert " ○ 2                        17 0/18 1/33" in out
    assert "seat 1, movement: Move or capture" in out
    assert "overtaking_capture 3,3 3,4 3,5" in out


def test_show_shifts_hex_rows(capsys: pytest.CaptureFixture[str]) -> None:
    state = STATE.replace("square8", "hex8").replace(
        "S=3,3:11;3,4:2|M=0,0:1;0,1:2", "S=0,0,0:11|M="
    )
    state = state.replace("C=7,7:2", "C=4,0,-4:2").replace("must=3,3", "must=0,0,0")
    app(["show", state], result_action="return_value")
    lines = capsys.readouterr().out.splitlines()
    assert lines[5].startswith("y0   ·       ·       ·       ·      (●2)     ·")
    assert lines[5].endswith("▒▒▒2▒▒▒")
    assert lines[1].startswith(f"{'':8}y-4  -1      ·       ·")


def test_show_refuses_a_bad_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("show", STATE.replace("p=1", "p=7")) == 2
    assert "state field p is '7'" in capsys.readouterr().err


def test_importing_the_command_is_cheap() -> None:
    code = (
        "import sys, ringrift.cli.engine; "
        "print([m for m in ('numba', 'numpy', 'torch', 'textual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
