"""The engine against the recorded games and vectors that the suite carries."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from engine_support import DATA, subset_games

from ringrift.engine.config import CONFIGS
from ringrift.engine.errors import EngineError
from ringrift.engine.verify import Report, verify_file


def _silent(report: Report) -> None:
    assert report.differences >= 0


def test_subset_covers_every_config_move_ending_and_start() -> None:
    games = subset_games()
    assert {f"{g['board']}_{g['players']}p" for g in games} == {c.name for c in CONFIGS}
    assert {g["result"]["reason"] for g in games} == {
        "elimination",
        "territory",
        "lps_rounds",
        "last_survivor",
        "stalemate",
    }
    assert {g["start"] for g in games} == {"initial", "synthetic", "stale", "recov"}
    moves = [step["m"].split(" ") for game in games for step in game["steps"]]
    assert {words[0] for words in moves} == {
        "place_ring",
        "skip_placement",
        "no_placement_action",
        "swap_sides",
        "move_stack",
        "overtaking_capture",
        "continue_capture_segment",
        "skip_capture",
        "no_movement_action",
        "recovery_slide",
        "skip_recovery",
        "process_line",
        "choose_line_option",
        "no_line_action",
        "eliminate_rings_from_stack",
        "choose_territory_option",
        "skip_territory_processing",
        "no_territory_action",
        "forced_elimination",
    }
    modes = {words[1] for words in moves if words[0] == "recovery_slide"}
    assert modes == {"line", "fallback", "stack_strike"}
    payments = {words[1] for words in moves if words[0] == "eliminate_rings_from_stack"}
    assert payments == {"line", "territory", "recovery"}


def test_every_step_of_the_subset_matches() -> None:
    reports: list[int] = []
    report = verify_file(
        DATA / "corpus-subset.jsonl.gz", lambda report: reports.append(report.games)
    )
    assert report.examples == []
    assert (report.games, report.steps, report.differences) == (109, 11141, 0)
    assert reports == list(range(1, 110))


def test_vectors_hold_and_illegal_ones_are_refused() -> None:
    report = verify_file(DATA / "vectors.jsonl.gz", _silent)
    assert report.examples == []
    counts = (report.vectors_held, report.vectors_refused, report.vectors_skipped)
    assert counts == (52, 27, 13)


def _tampered(path: Path, change: Any) -> Path:
    game = min(subset_games(), key=lambda g: g["n_steps"])
    change(game)
    path.write_bytes(gzip.compress(json.dumps(game).encode()))
    return path


def _set_step(key: str, value: object) -> Any:
    return lambda game: game["steps"][0].__setitem__(key, value)


def _set_result(key: str, value: object) -> Any:
    return lambda game: game["result"].__setitem__(key, value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_set_step("lh", "0" * 16), "hash of legal choices"),
        (_set_step("sh", "0" * 16), "state hash"),
        (_set_step("n", 99999), "number of legal choices"),
        (_set_step("legal", []), "legal choices"),
        (_set_step("state", "RR1"), "state"),
        (_set_step("p", 9), "seat"),
        (_set_step("ph", "movement?"), "phase"),
        (_set_step("m", "place_ring nowhere 1"), "move 'place_ring nowhere 1'"),
        (_set_result("winner", 9), "winner"),
        (_set_result("reason", "boredom"), "reason"),
        (_set_result("ranking", [7]), "ranking"),
    ],
)
def test_each_binding_fact_is_compared(tmp_path: Path, change: Any, named: str) -> None:
    report = verify_file(_tampered(tmp_path / "game.jsonl.gz", change), _silent)
    assert report.differences >= 1
    assert f" {named} is " in report.examples[0].replace(": ", ":  ")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"not json\n", "is not JSON on line 1"),
        (b"[1]\n", "holds no object on line 1"),
        (b"{}\n", "lacks 'steps or status' on line 1"),
        (b'{"steps": []}\n', "lacks 'rules' on line 1"),
        (b"\x1f\x8b garbage", "cannot be read"),
        (gzip.compress(b'{"status": "unusable", "id": 1}\n' * 9)[:30], "is cut off"),
        (b"\xff\xfe\n", "is cut off or not text"),
    ],
)
def test_unusable_files_are_refused_in_one_sentence(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "file.jsonl"
    path.write_bytes(content)
    with pytest.raises(EngineError) as error:
        verify_file(path, _silent)
    assert why in str(error.value)
    assert str(error.value).count(". ") == 0


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        verify_file(tmp_path / "absent.jsonl", _silent)
