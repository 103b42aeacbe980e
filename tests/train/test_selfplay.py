"""The driver: shards of consecutive games, and games that go on in a later run."""

import errno
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_support import ConstantEvaluator
from selfplay_support import RUN, as_plain, games_of, job, lengths, run

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.carry import Opponent, read_carry, write_carry
from ringrift.train.records import GameRecord, RecordError, read_shard
from ringrift.train.selfplay import ShardCutter
from ringrift.wire.job import Progress, SelfplayDone, ShardWritten, Weights

NEW = Weights("f" * 64, "/nowhere")


def run_id(number: int) -> str:
    return f"{number:032x}"


def done(end) -> SelfplayDone:
    assert isinstance(end.result, SelfplayDone)
    return end.result


def test_shards_hold_all_games_in_order(tmp_path: Path):
    end, lines = run(job(tmp_path))
    shards = [line for line in lines if isinstance(line, ShardWritten)]
    assert [(s.first_game, s.games) for s in shards] == [(0, 2), (2, 2), (4, 1)]
    for shard in shards:
        header, games = read_shard(Path(shard.path), shard.sha256)
        assert (header.source, header.run_id) == ("untrained", RUN)
        assert shard.steps == sum(len(game.moves) for game in games)
        assert all(game.models == ("untrained",) for game in games)
    assert sorted(game.opened for game in games_of(lines)) == [0, 1, 2, 3, 4]
    assert not end.partial
    assert (done(end).games, done(end).decisions) == (5, sum(s.decisions for s in shards))


def test_progress_counts_games_and_speeds(tmp_path: Path):
    _, lines = run(job(tmp_path, games=1))
    progress = [line for line in lines if isinstance(line, Progress)]
    assert progress
    assert all(0 <= p.done <= p.total == 1 and p.unit == "games" for p in progress)
    assert progress[0].rate is None
    assert progress[-1].figures["evaluations_per_s"] > 0


def test_asked_to_stop_it_hands_in_what_has_finished(tmp_path: Path):
    spec = job(tmp_path, games=40, parallel_games=8, games_per_shard=40)
    end, lines = run(spec, steps=420)
    [shard] = [line for line in lines if isinstance(line, ShardWritten)]
    assert end.partial
    assert 0 < done(end).games < 40
    assert (shard.first_game, shard.games) == (0, done(end).games)
    assert done(end).carried == 0
    assert len(list(tmp_path.iterdir())) == 1


@given(st.integers(0, 30), st.integers(1, 12))
def test_no_game_is_lost_or_cut_twice(games: int, per_shard: int):
    cutter = ShardCutter(per_shard)
    records = [GameRecord(n, (), 0, (1, 2), (), n, (), 0) for n in range(games)]
    cut = [shard for record in records if (shard := cutter.add(record))]
    assert all(len(shard) == per_shard for shard in cut)
    assert [game for shard in [*cut, cutter.rest()] for game in shard] == records
    assert cutter.rest() == []


def test_short_slices_play_the_very_games_of_one_long_run(tmp_path: Path):
    """So a time limit favours no length, wherever it cuts."""
    carry = str(tmp_path / "unfinished")
    whole = games_of(run(job(tmp_path / "one", games=12, parallel_games=12))[1])
    sliced: list[GameRecord] = []
    slices = 0
    while len(sliced) < 12:
        again = job(
            tmp_path / "many",
            run_id=run_id(slices) if slices else RUN,
            games=12 - len(sliced),
            parallel_games=12,
            carry=carry,
        )
        end, lines = run(again, steps=17 + 11 * (slices % 4))
        sliced += games_of(lines)
        slices += 1
        assert end.partial == (len(sliced) < 12) == Path(carry).exists()
        assert done(end).carried == 12 - len(sliced)
    assert slices > 8
    assert lengths(sliced) == lengths(whole)
    order = {game.opened: as_plain(game) for game in whole}
    assert {game.opened: as_plain(game) for game in sliced} == order


def test_another_network_goes_on_and_is_named(tmp_path: Path):
    carry = str(tmp_path / "unfinished")
    run(job(tmp_path, carry=carry), steps=120)
    tables = tables_for(Config.parse("hex8_2p"))
    spec = job(tmp_path / "new", carry=carry, run_id=run_id(1), weights=NEW, games=3)
    end, lines = run(spec, evaluator=ConstantEvaluator(tables, [0.5, 0.5]))
    assert not end.partial
    games = games_of(lines)
    assert [game.number for game in games] == [0, 1, 2]
    assert {game.models for game in games} == {("untrained", NEW.sha256)}
    for game in games:
        models = [row.model for row in game.rows]
        assert models == sorted(models) and set(models) == {0, 1}
    assert read_shard(next((tmp_path / "new").glob("*.shard")))[0].source == NEW.sha256


def test_a_game_that_the_new_run_does_not_need_waits_for_the_next(tmp_path: Path):
    carry = tmp_path / "unfinished"
    run(job(tmp_path, carry=str(carry)), steps=60)
    run(job(tmp_path, carry=str(carry), run_id=run_id(9)), steps=0)  # stopped before it began
    before = {game.opened: game for game in read_carry(carry, "hex8_2p")}
    assert sorted(before) == [0, 1, 2]
    end, lines = run(job(tmp_path, carry=str(carry), run_id=run_id(1), games=1))
    assert (end.partial, done(end).carried) == (False, 2)
    [played] = games_of(lines)
    left = read_carry(carry, "hex8_2p")
    assert sorted([played.opened, *(game.opened for game in left)]) == [0, 1, 2]
    assert all(game.rng == before[game.opened].rng for game in left)


def test_games_of_a_child_that_will_not_come_back_are_played_on_too(tmp_path: Path):
    own, orphan = tmp_path / "own", tmp_path / "orphan"
    for path, number in ((own, 0), (orphan, 1)):
        run(job(tmp_path, carry=str(path), run_id=run_id(number)), steps=60)
    wanted = {game.moves for path in (own, orphan) for game in read_carry(path, "hex8_2p")}
    spec = job(tmp_path / "new", carry=str(own), adopt=(str(orphan),), run_id=run_id(2), games=6)
    _, lines = run(spec)
    assert not orphan.exists()
    played = {game.moves for game in games_of(lines)}
    assert len(played) == len(wanted) == 6
    assert all(any(game[: len(begun)] == begun for game in played) for begun in wanted)


def test_an_opponent_plays_on_after_a_carry_although_the_new_run_has_none(tmp_path: Path):
    carry = str(tmp_path / "unfinished")
    two = {"games": 2, "parallel_games": 2}
    asked = {"opponent": "heuristic-1", "opponent_share": 1.0}
    whole = games_of(run(job(tmp_path, **two, **asked))[1])
    run(job(tmp_path, carry=carry, **two, **asked), steps=30)
    _, lines = run(job(tmp_path / "new", carry=carry, run_id=run_id(1), **two))
    assert {as_plain(game)[2] for game in games_of(lines)} == {game.moves for game in whole}
    assert all("heuristic-1" in game.models for game in games_of(lines))


def test_the_carry_file_is_gone_before_a_move_is_made(tmp_path: Path):
    """Whoever kills the run then loses unfinished games, but never has one played on twice."""
    carry = tmp_path / "unfinished"
    run(job(tmp_path, carry=str(carry)), steps=60)

    class Killed(BaseException):
        pass

    class Killer:
        def evaluate(self, planes):
            assert not carry.exists()
            raise Killed

    with pytest.raises(Killed):
        run(job(tmp_path, carry=str(carry), run_id=run_id(1)), evaluator=Killer())
    assert not carry.exists()


@pytest.mark.parametrize("how", ["flipped", "illegal", "other config", "unknown opponent"])
def test_a_bad_carry_file_is_set_aside_and_play_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
):
    carry = tmp_path / "unfinished"
    run(job(tmp_path, carry=str(carry)), steps=60)
    games = read_carry(carry, "hex8_2p")
    if how == "flipped":
        content = bytearray(carry.read_bytes())
        content[-3] ^= 1
        carry.write_bytes(content)
    elif how == "illegal":
        bad = replace(games[0], moves=("place_ring 9,9,-18 1",), rows=())
        write_carry(carry, "hex8_2p", [bad, *games[1:]])
    elif how == "other config":
        write_carry(carry, "hex8_3p", [])
    else:
        write_carry(carry, "hex8_2p", [replace(games[0], opponent=Opponent(1, "nobody-7"))])
    bad_bytes = carry.read_bytes()
    with caplog.at_level(logging.WARNING):
        end, lines = run(job(tmp_path, carry=str(carry), run_id=run_id(1), games=1))
    assert not end.partial
    assert len(games_of(lines)) == 1
    assert (tmp_path / "unfinished.damaged").read_bytes() == bad_bytes
    [told] = caplog.messages
    assert told.startswith("Unfinished games are set aside as") and told.endswith(".")
    assert "\n" not in told


def test_a_full_disk_ends_the_run_in_one_sentence_and_keeps_earlier_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced = iter([True])
    real = os.fsync

    def fsync(fd: int) -> None:
        if not next(synced, os.path.isdir(f"/proc/self/fd/{fd}")):  # noqa: PTH112
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RecordError, match=r"cannot be written to .*No space left on device"):
        run(job(tmp_path))
    [path] = tmp_path.iterdir()
    assert read_shard(path, path.stem)[0].games == 2


@pytest.mark.parametrize(
    "fields", [{"opponent_share": 0.5}, {"opponent": "heuristic-1"}], ids=["nobody", "never"]
)
def test_an_opponent_needs_a_share_and_a_share_an_opponent(tmp_path: Path, fields: dict):
    with pytest.raises(ValueError, match="give a baseline and a share above 0, or neither"):
        run(job(tmp_path, **fields))
    assert list(tmp_path.iterdir()) == []
