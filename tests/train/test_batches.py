"""Batches under symmetries: the same game, turned; every choice keeps an index of its own."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from ringrift.engine.config import Config
from ringrift.engine.kernels import (
    action_index,
    list_choices,
    new_scratch,
    transform_row,
    write_planes,
)
from ringrift.engine.rules import tables_for
from ringrift.engine.state import CELLS, PHASE, SEAT, STACK, TERRITORY_PROCESSING, Row
from ringrift.engine.symmetry import symmetries_for
from ringrift.train.batches import Batch, Batches
from ringrift.train.dataset import Dataset
from ringrift.train.export import rows_of
from ringrift.train.records import ShardFile, read_shard

MakeShard = Callable[..., ShardFile]


@pytest.fixture(scope="module", params=["hex8_2p", "square8_3p"])
def data(
    request: pytest.FixtureRequest, make_shard: MakeShard, tmp_path_factory: pytest.TempPathFactory
) -> Dataset:
    name: str = request.param
    shard = make_shard(tmp_path_factory.mktemp(name), name, games=6)
    header, games = read_shard(shard.path)
    return rows_of(Config.parse(name), header, games)


def indices(config: Config, s: Row) -> list[int]:
    t = tables_for(config)
    moves = np.zeros(t.max_moves, np.int64)
    n = list_choices(t, s, moves, new_scratch(t))
    return [int(action_index(t, s, int(move))) for move in moves[:n]]


def test_without_a_symmetry_rows_are_as_recorded(data: Dataset):
    config = Config.parse(data.config)
    t, scratch = tables_for(config), new_scratch(tables_for(config))
    rows = np.arange(data.rows)
    batch = Batches(data).of(rows, root_share=0.0)
    planes = np.zeros((t.planes, t.height, t.width), np.float32)
    for place, row in enumerate(batch.policy.rows.tolist()):
        write_planes(t, data.states[row], planes, scratch)
        np.testing.assert_array_equal(batch.planes[row].numpy(), planes)
        legal = batch.policy.legal[place]
        assert batch.policy.actions[place][legal].tolist() == indices(config, data.states[row])
        recorded = data.policy[data.offsets[row] : data.offsets[row + 1]].astype(np.float64)
        expected = recorded / recorded.sum()
        np.testing.assert_allclose(batch.policy.policy[place][legal], expected, atol=1e-6)
        assert not batch.policy.policy[place][~legal].any()
    assert batch.policy.rows.tolist() == np.flatnonzero(data.full).tolist()


def test_an_image_has_the_choices_of_the_turned_position(data: Dataset):
    """Under every symmetry, and with claims of regions under those that keep their rules."""
    config = Config.parse(data.config)
    t, y = tables_for(config), symmetries_for(config)
    batches = Batches(data)
    full = np.flatnonzero(data.full)[::3]
    claims = np.flatnonzero(data.full & (data.states[:, PHASE] == TERRITORY_PROCESSING))
    rows = np.concatenate([full, claims])
    image, planes = np.zeros(t.state_size, np.int16), np.zeros((t.planes, t.height, t.width))
    planes = planes.astype(np.float32)
    for k in range(batches.symmetries):
        batch = batches.of(rows, 0.0, np.full(len(rows), k))
        for place, row in enumerate(rows):
            candidates = [k] if y.exact[k] or row not in claims else np.flatnonzero(y.exact)
            legal = batch.policy.legal[place]
            given = batch.policy.actions[place][legal].tolist()
            assert len(set(given)) == len(given)
            matches = 0
            for symmetry in candidates:
                transform_row(t, y, int(symmetry), data.states[row], image)
                write_planes(t, image, planes, new_scratch(t))
                if np.array_equal(planes, batch.planes[place].numpy()):
                    matches += sorted(indices(config, image)) == sorted(given)
            assert matches, (k, row)


def test_owner_eliminations_and_turns_are_seen_from_the_mover(data: Dataset):
    config = Config.parse(data.config)
    t, y = tables_for(config), symmetries_for(config)
    last = data.starts[1:] - 1
    symmetry = np.arange(len(last)) % len(y.exact)
    batch = Batches(data).of(last, 0.0, symmetry)
    for i, row in enumerate(last.tolist()):
        seat, game = int(data.states[row, SEAT]), int(data.game[row])
        owners = batch.owner[i].tolist()
        assert len(owners) == t.cells
        mover = data.owner[game] == 1 + seat
        assert owners.count(1) == mover.sum()
        if data.states[row, PHASE] != TERRITORY_PROCESSING:
            for cell in np.flatnonzero(mover):
                assert owners[y.cell[symmetry[i], cell]] == 1
        relative = [(seat + j) % t.players for j in range(t.players)]
        assert batch.wins[i].argmax() == relative.index(int(data.ranking[game].argmin()))
        np.testing.assert_allclose(batch.eliminations[i], data.eliminations[game][relative])
        assert batch.ranks[i].sum().item() == pytest.approx(t.players)
        ranks = (batch.ranks[i] * torch.arange(1, t.players + 1)).sum(1)
        assert ranks.argmin() == batch.wins[i].argmax()
        assert 0 <= batch.turns_left[i] <= 3


def test_the_value_target_mixes_outcome_and_later_judgement(data: Dataset):
    later = np.full_like(data.later, 1 / data.later.shape[1])
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    even = Dataset(**(fields | {"later": later}))
    wins = Batches(even).of(np.arange(20), root_share=0.3).wins
    players = wins.shape[1]
    np.testing.assert_allclose(wins.max(1).values, 0.7 + 0.3 / players, rtol=1e-6)
    np.testing.assert_allclose(wins.sum(1), 1, rtol=1e-6)


def test_replies_are_the_policy_of_the_answer_under_the_same_symmetry(data: Dataset):
    batches = Batches(data, replies=True)
    rows = np.arange(data.rows)
    symmetry = np.random.default_rng(1).integers(batches.symmetries, size=len(rows))
    batch = batches.of(rows, 0.0, symmetry)
    assert batch.reply is not None
    asked = batch.reply.rows.tolist()
    assert asked == np.flatnonzero(data.reply >= 0).tolist()
    for place, row in enumerate(asked[:40]):
        answer = batches.of(data.reply[[row]].astype(np.int64), 0.0, symmetry[[row]])
        given = batch.reply.actions[place][batch.reply.legal[place]]
        same = torch.equal(given, answer.policy.actions[0])
        assert same or TERRITORY_PROCESSING in data.states[[row, data.reply[row]], PHASE]


def test_cheap_rows_alone_are_a_batch(data: Dataset):
    batch: Batch = Batches(data).of(np.flatnonzero(~data.full)[:5], 0.0)
    assert batch.rows == 5
    assert len(batch.policy.rows) == 0
    assert batch.planes[:, : 13 * data.ranking.shape[1]].any()
    assert (data.states[:, CELLS:] >= STACK).any()
