"""What is saved is a recorded game; what is loaded is one, or is refused in a sentence."""

import gzip
import json
from pathlib import Path

import pytest
from play_support import DATA, fresh, people, recorded, rows_equal, settle

from ringrift.cli.engine import app as engine_app
from ringrift.cli.play import play
from ringrift.engine.errors import EngineError
from ringrift.engine.verify import verify_file
from ringrift.play.session import Session
from ringrift.play.trace import load


def loaded(path: Path) -> Session:
    trace = load(path)
    assert trace.seats is not None and trace.seed is not None
    return Session(trace.start, trace.moves, tuple(trace.seats.split(",")), trace.seed)


def differences(path: Path) -> int:
    return verify_file(path, lambda _: None).differences


@pytest.mark.parametrize("config", ["square8_2p", "square19_3p", "hex8_4p", "hexagonal_2p"])
def test_a_finished_game_there_and_back(config: str, tmp_path: Path) -> None:
    path = tmp_path / "game.jsonl"
    session = fresh(config, *["random"] * int(config[-2]), seed=4)
    settle(session)
    assert " won by " in session.verdict
    assert session.command(f"s {path}") == [f"saved to {path}"]
    assert differences(path) == 0
    again = loaded(path)
    assert again.played == session.played
    assert (again.verdict, again.saved) == (session.verdict, True)
    assert rows_equal(again.game, session.game)


def test_an_unfinished_game_goes_on_as_it_would_have(tmp_path: Path) -> None:
    path = tmp_path / "game.jsonl"
    session = fresh("square8_2p", "human", "heuristic", seed=9, swap=True)
    for line in ("3,4 2", "3,4 3,6", "0,0 1", "0,0 0,1"):
        settle(session)
        session.command(line)
    session.command(f"s {path}")
    assert differences(path) == 0
    again = loaded(path)
    assert rows_equal(again.game, session.game)
    settle(again)
    settle(session)
    assert again.played == session.played


def test_a_resignation_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "game.jsonl"
    session = fresh("hex8_2p", "human", "human")
    session.command("0,0 1")
    assert session.command("r") == ["Seat 1 (human) resigned"]
    assert (session.waiting, session.legal) == ("over", [])
    session.command(f"s {path}")
    assert json.loads(path.read_text())["resigned"] == 1
    assert differences(path) == 0
    assert session.command("u") == ["the resignation is taken back"]
    assert session.waiting == "person"


def test_the_pie_rule_changes_places() -> None:
    session = fresh("hex8_2p", "human", "random", swap=True)
    for line in ("0,0 1", "0,0 2,0"):
        settle(session)
        session.command(line)
    while session.waiting == "forced":
        session.step()
    session.game.play("swap_sides")
    session.game.undo()
    session.take(["swap_sides"])
    assert session.players == ("random", "human")


def test_a_corpus_verified_by_the_engine_can_be_played_on() -> None:
    game = recorded()[0]
    assert people(game, game["n_steps"]).verdict.startswith("Seat")


def test_a_foreign_file_is_not_written_over(tmp_path: Path) -> None:
    session, mine, theirs = fresh("hex8_2p", "human", "human"), tmp_path / "a", tmp_path / "b"
    theirs.write_text("a diary")
    session.command("0,0 1")
    assert "is there already" in session.command(f"s {theirs}")[0]
    assert theirs.read_text() == "a diary"
    for _ in range(2):
        assert session.command(f"s {mine}") == [f"saved to {mine}"]
    assert "not saved" in session.command(f"s {tmp_path}/none/x")[0]
    assert "not saved" in session.command("s ~nobody-of-that-name/x")[0]
    assert "not saved" in session.command("s a\0b")[0]
    assert session.command("s") == ["s needs the name of a file"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


def test_leaving_offers_to_save(tmp_path: Path) -> None:
    session = fresh("hex8_2p", "human", "human")
    session.command("0,0 1")
    assert "Save first?" in session.command("q")[0]
    assert "not saved" in session.command(f"{tmp_path}/none/x")[0]
    assert not session.left
    session.command("q")
    assert session.command(f"{tmp_path}/x") == [f"saved to {tmp_path}/x"]
    assert session.left


def hostile() -> dict[str, bytes]:
    game = min(recorded(), key=lambda game: game["n_steps"])
    line = json.dumps(game)
    return {
        "empty": b"",
        "text": b"once upon a time",
        "binary": bytes(range(256)),
        "cut": line[:-100].encode(),
        "cut gzip": gzip.compress(line.encode())[:-400],
        "damaged gzip": gzip.compress(line.encode())[:40] + b"x" * 400,
        "list": b"[1, 2]",
        "deep": b"[" * 100_000,
        "vectors": (DATA / "vectors.jsonl.gz").read_bytes(),
        "start": json.dumps(game | {"init": "RR1|chess"}).encode(),
        "start of another kind": json.dumps(game | {"init": 5}).encode(),
        "steps": json.dumps(game | {"steps": [{"m": None}]}).encode(),
        "illegal": json.dumps(game | {"steps": [{"m": "skip_capture"}]}).encode(),
        "rings": json.dumps(game | {"rules": {"ringsPerPlayer": "x", "lpsRounds": 3}}).encode(),
        "huge rings": json.dumps(
            game | {"rules": {"ringsPerPlayer": 10**30, "lpsRounds": 3}}
        ).encode(),
    }


@pytest.mark.parametrize("what", hostile())
def test_a_hostile_file_is_one_sentence(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "game.jsonl"
    path.write_bytes(hostile()[what])
    with pytest.raises(EngineError):
        load(path)
    refused(capsys, load=path)


def refused(capsys: pytest.CaptureFixture[str], **options: object) -> None:
    with pytest.raises(SystemExit) as stopped:
        play(**options)  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert (stopped.value.code, said.out, said.err.count("\n")) == (2, "", 1), said.err


@pytest.mark.parametrize(
    "options",
    [
        {"load": Path("/nonexistent/game")},
        {"load": Path("/")},
        {"load": Path("/dev/null")},
        {"config": "chess"},
        {"config": "hex8_2p", "seats": "human"},
        {"seats": "human,grandmaster"},
        {"seats": ""},
        {"config": "hex8_3p", "swap": True},
        {"moves": True},
        {"load": Path("x"), "config": "hex8_2p"},
    ],
)
def test_bad_options_are_one_sentence(
    options: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, **options)


def test_the_engine_verifies_and_play_prints_moves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "game.jsonl"
    session = fresh("square8_2p", "random", "random")
    settle(session)
    session.command(f"s {path}")
    with pytest.raises(SystemExit) as stopped:
        engine_app(["verify", str(path)])
    assert stopped.value.code == 0
    capsys.readouterr()
    play(load=path, moves=True)
    assert capsys.readouterr().out.splitlines() == [played.text for played in session.played]
