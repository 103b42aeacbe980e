"""Datasets: right targets, newest games, byte-identical exports, damage told and mended."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ringrift.train.combine as combining
from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.engine.state import COLLAPSED, SEAT, STACK, TURN
from ringrift.train.combine import Combined, combine, forget_exports
from ringrift.train.dataset import FIELDS, Dataset, DatasetError, is_held_out, join, newest
from ringrift.train.export import export_path, exported, read_export
from ringrift.train.records import (
    DecisionRow,
    RecordError,
    ShardFile,
    read_shard,
    write_shard,
)
from ringrift.train.replay import Replayer
from ringrift.wire.job import Weights

MakeShard = Callable[..., ShardFile]
HEX8 = Config.parse("hex8_2p")


@pytest.fixture(scope="session")
def shards(make_shard: MakeShard, tmp_path_factory: pytest.TempPathFactory) -> list[ShardFile]:
    directory = tmp_path_factory.mktemp("shards")
    return [make_shard(directory, first_game=first, games=3) for first in (0, 3)]


def local(shard: ShardFile) -> Weights:
    return Weights(shard.sha256, str(shard.path))


def ignore(*_: object) -> None:
    pass


def combined(directory: Path, shards: list[ShardFile], window_rows: int = 10_000) -> Combined:
    found = combine(
        directory,
        HEX8,
        [local(shard) for shard in shards],
        window_rows=window_rows,
        progress=ignore,
        stop=lambda: False,
        note=pytest.fail,
    )
    assert found is not None
    return found


def built(directory: Path, shards: list[ShardFile], window_rows: int = 10_000) -> Dataset:
    return combined(directory, shards, window_rows).dataset


def same(one: Dataset, other: Dataset) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_rows_carry_what_their_games_teach(shards: list[ShardFile], tmp_path: Path):
    data = built(tmp_path, shards)
    games = [game for shard in shards for game in read_shard(shard.path)[1]]
    rows = [(number, row) for number, game in enumerate(games) for row in game.rows]
    assert (data.rows, data.games) == (len(rows), len(games))
    assert data.full_rows == sum(row.full for _, row in rows)
    assert data.source.tolist() == [b"untrained"] * len(games)
    for i, (number, row) in enumerate(rows):
        assert int(data.game[i]) == number
        policy = data.policy[data.offsets[i] : data.offsets[i + 1]]
        assert bool(data.full[i]) == row.full
        assert policy.tolist() == (row.policy.tolist() if row.full else [])
        # These games' root values know the winner, and so does every later judgement.
        assert data.later[i].argmax() == games[number].winner
        if data.reply[i] >= 0:
            answer = int(data.reply[i])
            assert data.full[answer]
            assert data.states[answer, SEAT] != data.states[i, SEAT]
            assert (data.states[i:answer, SEAT] == data.states[i, SEAT]).all()
            assert data.game[answer] == number
    assert (data.reply >= 0).sum() > 10


def test_games_carry_how_they_ended(shards: list[ShardFile], tmp_path: Path):
    data = built(tmp_path, shards)
    t = tables_for(HEX8)
    games = [game for shard in shards for game in read_shard(shard.path)[1]]
    for number, game in enumerate(games):
        final = Replayer(t).decisions(game, swap=False).final
        assert tuple(data.ranking[number]) == game.ranking
        assert data.turns[number] == final[TURN]
        owned = data.owner[number]
        for seat in range(2):
            cells = np.isin(final[48 : 48 + t.cells], (COLLAPSED + seat, STACK + seat))
            np.testing.assert_array_equal(owned == 1 + seat, cells)
    assert data.eliminations.max() >= 1
    assert (data.turns[data.game] - data.turn_of(np.arange(data.rows)) >= 0).all()


def test_the_same_shards_give_the_same_bytes(shards: list[ShardFile], tmp_path: Path):
    one, two = (combined(tmp_path / name, shards) for name in "ab")
    assert one.sha256 == two.sha256
    for shard in shards:
        first, second = (export_path(tmp_path / name, local(shard)) for name in "ab")
        assert first.read_bytes() == second.read_bytes()
    assert combined(tmp_path / "a", shards[:1]).sha256 != one.sha256


def test_an_export_is_made_once(shards: list[ShardFile], tmp_path: Path):
    whole = built(tmp_path, shards)
    absent = [ShardFile(Path("/absent"), s.sha256, 0, 0, 0, 0, 0) for s in shards]
    same(built(tmp_path, absent), whole)


@pytest.mark.parametrize("damage", ["cut", "flipped", "other bytes"])
def test_a_damaged_export_is_named_and_made_anew(
    shards: list[ShardFile], tmp_path: Path, damage: str
):
    shard = local(shards[0])
    rows, digest = exported(tmp_path, HEX8, shard, note=pytest.fail)
    path = export_path(tmp_path, shard)
    good = path.read_bytes()
    bad = bytearray(good)
    if damage == "flipped":
        bad[len(bad) // 2] ^= 1
    path.write_bytes({"cut": good[:-100], "other bytes": b"no export"}.get(damage, bytes(bad)))
    told: list[str] = []
    again, digest_again = exported(tmp_path, HEX8, shard, note=told.append)
    assert len(told) == 1
    assert str(path) in told[0] and told[0].endswith("It is exported anew.")
    same(again, rows)
    assert digest_again == digest
    assert path.read_bytes() == good


def test_exports_of_another_version_shard_or_content_are_refused(
    shards: list[ShardFile], tmp_path: Path
):
    shard = local(shards[0])
    exported(tmp_path, HEX8, shard, note=pytest.fail)
    path = export_path(tmp_path, shard)
    with pytest.raises(DatasetError, match="has shard "):
        read_export(path, HEX8, "0" * 64)
    with pytest.raises(DatasetError, match="has config hex8_2p, not square8_2p"):
        read_export(path, Config.parse("square8_2p"), shard.sha256)
    with np.load(path) as arrays:
        fields = dict(arrays)
    np.savez(path, **(fields | {"turns": fields["turns"] + 1}))
    with pytest.raises(DatasetError, match="its arrays do not hash"):
        read_export(path, HEX8, shard.sha256)
    np.savez(path, **(fields | {"about": np.array('{"version": 9}')}))
    with pytest.raises(DatasetError, match="has version 9, not"):
        read_export(path, HEX8, shard.sha256)


def test_the_window_counts_full_rows_of_the_newest_whole_games(
    shards: list[ShardFile], tmp_path: Path
):
    newest_two = read_shard(shards[-1].path)[1][-2:]
    wanted = sum(row.full for game in newest_two for row in game.rows)
    data = built(tmp_path, shards, window_rows=wanted)
    assert data.full_rows == wanted
    whole = built(tmp_path, shards)
    same(data, newest(whole, 2))
    assert built(tmp_path, shards, window_rows=1).games == 1


def test_joining_the_parts_gives_the_whole_back(shards: list[ShardFile], tmp_path: Path):
    whole = built(tmp_path, shards)
    parts = [exported(tmp_path, HEX8, local(shard), note=pytest.fail)[0] for shard in shards]
    same(join(parts), whole)
    same(join([newest(parts[0], 1), parts[1]]), newest(whole, 4))


def test_memory_is_bounded_and_the_cut_is_told(
    shards: list[ShardFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(combining, "MOST_BYTES", 1000)
    told: list[str] = []
    found = combine(
        tmp_path,
        HEX8,
        [local(shard) for shard in shards],
        window_rows=10_000,
        progress=ignore,
        stop=lambda: False,
        note=told.append,
    )
    assert found is not None and found.dataset.games == 3
    rows = found.dataset.full_rows
    assert told == [f"The window is cut at {rows} full-search rows: more do not fit in memory."]


def test_exports_outside_the_window_are_forgotten(shards: list[ShardFile], tmp_path: Path):
    built(tmp_path, shards)
    forget_exports(tmp_path, [local(shards[1])])
    assert list(tmp_path.iterdir()) == [export_path(tmp_path, local(shards[1]))]


def test_one_game_in_twenty_is_held_out_for_good():
    held = [is_held_out("a" * 32, number) for number in range(4000)]
    assert 0.035 < sum(held) / 4000 < 0.065
    assert held == [is_held_out("a" * 32, number) for number in range(4000)]
    assert held != [is_held_out("b" * 32, number) for number in range(4000)]


def test_progress_tells_full_rows(shards: list[ShardFile], tmp_path: Path):
    told: list[tuple[int, int]] = []
    combine(
        tmp_path,
        HEX8,
        [local(shard) for shard in shards],
        window_rows=10_000,
        progress=lambda rows, window: told.append((rows, window)),
        stop=lambda: False,
        note=pytest.fail,
    )
    assert [window for _, window in told] == [10_000, 10_000]
    assert [rows for rows, _ in told] == [
        shards[1].full_rows,
        shards[0].full_rows + shards[1].full_rows,
    ]


def test_a_stop_between_shards_ends_it(shards: list[ShardFile], tmp_path: Path):
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 2

    found = combine(
        tmp_path,
        HEX8,
        [local(shard) for shard in shards],
        window_rows=10_000,
        progress=ignore,
        stop=stop,
        note=pytest.fail,
    )
    assert found is None
    assert len(asked) == 2


def test_shards_of_another_config_or_none_are_refused(
    make_shard: MakeShard, shards: list[ShardFile], tmp_path: Path
):
    other = make_shard(tmp_path / "other", "square8_2p", games=1)
    with pytest.raises(DatasetError, match=r"holds games of square8_2p, not hex8_2p\.$"):
        built(tmp_path / "out", [*shards, other])
    with pytest.raises(DatasetError, match="shards hold no full-search decision"):
        built(tmp_path / "out", [])
    assert not (tmp_path / "out").exists()


def test_a_damaged_shard_stops_the_build(shards: list[ShardFile], tmp_path: Path):
    bad = tmp_path / "bad.shard"
    bad.write_bytes(shards[0].path.read_bytes()[:-1])
    with pytest.raises(RecordError, match="does not hash to"):
        exported(tmp_path / "out", HEX8, Weights(shards[0].sha256, str(bad)), note=pytest.fail)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("policy", "told"), [([1.0], "policy of 1 choices"), (None, r"policy sums to 2\.\d+, not 1")]
)
def test_a_policy_that_does_not_fit_is_refused(
    shards: list[ShardFile], tmp_path: Path, policy: list[float] | None, told: str
):
    header, games = read_shard(shards[0].path)
    row = games[0].rows[0]
    k = len(row.actions) if policy is None else len(policy)
    wrong = DecisionRow(
        row.step,
        True,
        row.actions[:k],
        (row.policy * 2 if policy is None else np.array(policy)).astype(np.float16),
        row.visits[:k],
        row.root_value,
        row.raw_value,
        row.simulations,
    )
    old = games[0]
    games[0] = dataclasses.replace(old, rows=(wrong, *old.rows[1:]))
    shard = write_shard(tmp_path, header, games)
    with pytest.raises(RecordError, match=told):
        built(tmp_path / "out", [shard])
