"""Datasets: right targets, newest games, bounded, byte-identical, damage told."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ringrift.engine.config import Config
from ringrift.engine.state import SEAT
from ringrift.train.artifacts import Artifact
from ringrift.train.dataset import (
    Dataset,
    DatasetError,
    build_dataset,
    is_held_out,
    read_dataset,
)
from ringrift.train.records import (
    DecisionRow,
    RecordError,
    ShardFile,
    read_shard,
    write_shard,
)
from ringrift.wire.job import Weights

MakeShard = Callable[..., ShardFile]
HEX8 = Config.parse("hex8_2p")


@pytest.fixture(scope="session")
def shards(make_shard: MakeShard, tmp_path_factory: pytest.TempPathFactory) -> list[ShardFile]:
    directory = tmp_path_factory.mktemp("shards")
    return [make_shard(directory, first_game=first, games=3) for first in (0, 3)]


def local(shards: list[ShardFile]) -> tuple[Weights, ...]:
    return tuple(Weights(shard.sha256, str(shard.path)) for shard in shards)


def ignore(rows: int, window: int) -> None:
    pass


def never() -> bool:
    return False


def build(directory: Path, shards: list[ShardFile], window_rows: int = 10_000) -> Artifact:
    file = build_dataset(
        directory, HEX8, local(shards), window_rows=window_rows, progress=ignore, stop=never
    )
    assert file is not None
    return file


def built(directory: Path, shards: list[ShardFile], window_rows: int = 10_000) -> Dataset:
    file = build(directory, shards, window_rows)
    return read_dataset(file.path, file.sha256)


def test_rows_carry_the_targets_of_their_games(shards: list[ShardFile], tmp_path: Path):
    data = built(tmp_path, shards)
    games = [game for shard in shards for game in read_shard(shard.path)[1]]
    rows = [(game, row) for game in games for row in game.rows]
    assert data.rows == len(rows) == data.offsets.shape[0] - 1
    for i, (game, row) in enumerate(rows):
        mover = int(data.states[i, SEAT])
        assert data.outcomes[i].argmax() == (game.winner - mover) % 2
        assert data.outcomes[i].sum() == 1
        assert data.root_values[i, 0] == row.root_value[mover]
        actions = data.actions[data.offsets[i] : data.offsets[i + 1]]
        policy = data.policy[data.offsets[i] : data.offsets[i + 1]]
        assert bool(data.full[i]) == row.full
        if not row.full:
            assert len(actions) == 0
            continue
        assert len(set(actions.tolist())) == len(actions)
        assert policy.sum() == pytest.approx(1, abs=1e-5)
        for action, share in zip(actions, policy, strict=True):
            recorded = row.policy[row.actions == action].astype(np.float64).sum()
            assert share == pytest.approx(recorded, abs=2e-3)


def test_the_same_shards_give_the_same_bytes(shards: list[ShardFile], tmp_path: Path):
    first, second = build(tmp_path / "a", shards), build(tmp_path / "b", shards)
    assert first.sha256 == second.sha256
    assert first.path.read_bytes() == second.path.read_bytes()


def test_the_window_keeps_the_newest_whole_games(shards: list[ShardFile], tmp_path: Path):
    newest = read_shard(shards[-1].path)[1][-2:]
    wanted = sum(len(game.rows) for game in newest)
    data = built(tmp_path, shards, window_rows=wanted + 1)
    assert data.rows == wanted
    whole = built(tmp_path, shards)
    np.testing.assert_array_equal(data.states, whole.states[-wanted:])
    np.testing.assert_array_equal(
        data.policy, whole.policy[whole.offsets[-wanted - 1] : whole.offsets[-1]]
    )
    assert built(tmp_path, shards, window_rows=1).rows == len(newest[-1].rows)


def test_one_game_in_twenty_is_held_out_for_good():
    held = [is_held_out("a" * 32, number) for number in range(4000)]
    assert 0.035 < sum(held) / 4000 < 0.065
    assert held == [is_held_out("a" * 32, number) for number in range(4000)]
    assert held != [is_held_out("b" * 32, number) for number in range(4000)]


def test_progress_tells_rows(shards: list[ShardFile], tmp_path: Path):
    told: list[tuple[int, int]] = []
    build_dataset(
        tmp_path,
        HEX8,
        local(shards),
        window_rows=10_000,
        progress=lambda rows, window: told.append((rows, window)),
        stop=never,
    )
    assert [window for _, window in told] == [10_000, 10_000]
    assert 0 < told[0][0] < told[1][0] < 10_000


def test_a_stop_between_shards_leaves_nothing(shards: list[ShardFile], tmp_path: Path):
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 2

    out = tmp_path / "out"
    arguments = {"window_rows": 10_000, "progress": ignore, "stop": stop}
    assert build_dataset(out, HEX8, local(shards), **arguments) is None
    assert len(asked) == 2
    assert not out.exists()


def test_shards_of_another_config_or_none_are_refused(
    make_shard: MakeShard, shards: list[ShardFile], tmp_path: Path
):
    other = make_shard(tmp_path / "other", "square8_2p", games=1)
    with pytest.raises(DatasetError, match=r"holds games of square8_2p, not hex8_2p\.$"):
        build(tmp_path / "out", [*shards, other])
    with pytest.raises(DatasetError, match="shards hold no decisions"):
        build(tmp_path / "out", [])
    assert not (tmp_path / "out").exists()


def test_a_damaged_shard_stops_the_build(shards: list[ShardFile], tmp_path: Path):
    bad = tmp_path / "bad.shard"
    bad.write_bytes(shards[0].path.read_bytes()[:-1])
    with pytest.raises(RecordError, match="does not hash to"):
        build_dataset(
            tmp_path / "out",
            HEX8,
            (Weights(shards[0].sha256, str(bad)),),
            window_rows=10,
            progress=ignore,
            stop=never,
        )
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
        build(tmp_path / "out", [shard])


def test_damage_of_a_dataset_is_told(shards: list[ShardFile], tmp_path: Path):
    file = build(tmp_path, shards)
    half = file.path.read_bytes()[: file.bytes // 2]
    file.path.write_bytes(half)
    with pytest.raises(DatasetError, match="does not hash to"):
        read_dataset(file.path, file.sha256)
    with pytest.raises(DatasetError, match="is not a readable dataset"):
        read_dataset(file.path, hashlib.sha256(half).hexdigest())
    with pytest.raises(DatasetError, match="cannot be read"):
        read_dataset(tmp_path / "absent.npz", file.sha256)


def test_a_later_version_is_named(shards: list[ShardFile], tmp_path: Path):
    with np.load(build(tmp_path, shards).path) as arrays:
        later = dict(arrays) | {"about": np.array('{"version": 2, "config": "hex8_2p"}')}
    path = tmp_path / "later.npz"
    np.savez(path, **later)
    with pytest.raises(DatasetError, match="has dataset version 2; this ringrift reads 1"):
        read_dataset(path, hashlib.sha256(path.read_bytes()).hexdigest())
