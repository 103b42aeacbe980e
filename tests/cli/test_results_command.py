"""`ringrift results`: every figure computed again, and how it exits."""

import json
from pathlib import Path

import pytest

from ringrift.cli.results import app

SHA = "ab" * 32


def _run(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        app(list(words))
    return int(stopped.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    match = {
        "lone": f"hex8_2p/{SHA}/none",
        "others": "hex8_2p/heuristic-2/none",
        "searches": {},
        "seed": "s",
        "first_opening": 0,
        "judge": None,
        "openings": [f"{n:016x}" for n in range(4)],
        "blocks": [2, 1, 2, 1],
        "finals": [[f"{n:016x}", f"{n + 9:016x}"] for n in range(4)],
        "early": False,
        "commit": "c",
        "seconds": 1.0,
    }
    run = tmp_path / "hex8_2p"
    run.mkdir()
    (run / "matches.jsonl").write_text(json.dumps(match) + "\n")
    return tmp_path


def test_what_was_summarised_verifies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("summarise", str(folder / "hex8_2p")) == 0
    assert _run("verify", str(folder)) == 0
    out = capsys.readouterr().out
    assert "equal    matches[0].score = 0.75" in out
    assert "0 differ" in out


def test_a_changed_figure_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run("summarise", str(folder / "hex8_2p"))
    path = folder / "hex8_2p" / "summary.json"
    path.write_text(path.read_text().replace('"score": 0.75', '"score": 0.85'))
    assert _run("verify", str(folder), "--quiet") == 1
    out = capsys.readouterr().out
    assert "differs  matches[0].score: stated 0.85, the raw matches give 0.75" in out
    assert "equal   " not in out


def test_a_changed_game_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run("summarise", str(folder / "hex8_2p"))
    path = folder / "hex8_2p" / "matches.jsonl"
    path.write_text(path.read_text().replace('"blocks": [2', '"blocks": [1'))
    assert _run("verify", str(folder)) == 1
    assert "differs  matches[0].first_places: stated 6, the raw" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("no summary", "has no summary.json in its folder or above"),
        ("no matches", "holds no raw matches"),
        ("torn match", "matches.jsonl, line 1"),
        ("torn summary", "summary.json: "),
    ],
)
def test_bad_input_is_one_sentence(
    spoil: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "hex8_2p"
    _run("summarise", str(run))
    if spoil == "no summary":
        (run / "summary.json").unlink()
    elif spoil == "no matches":
        (run / "matches.jsonl").unlink()
    else:
        path = run / ("matches.jsonl" if spoil == "torn match" else "summary.json")
        path.write_text(path.read_text()[:40])
    assert _run("verify", str(folder)) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
