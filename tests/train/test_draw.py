"""Which rows are drawn: weights, held-out games, budgets."""

import numpy as np
import pytest

from ringrift.train.dataset import Dataset, DatasetError
from ringrift.train.draw import CHEAP_ROW_WEIGHT, draw_rows, row_weights


def rows(full: list[bool], held: list[bool]) -> Dataset:
    """A dataset of one-row games of which only the flags matter."""
    n = len(full)
    return Dataset(
        config="hex8_2p",
        states=np.zeros((n, 1), np.int16),
        offsets=np.zeros(n + 1, np.int64),
        policy=np.zeros(0, np.float16),
        full=np.array(full),
        later=np.zeros((n, 2), np.float32),
        surprise=np.zeros(n, np.float32),
        reply=np.full(n, -1, np.int32),
        simulations=np.zeros(n, np.int32),
        starts=np.arange(n + 1),
        owner=np.zeros((n, 1), np.int8),
        eliminations=np.zeros((n, 2), np.float32),
        ranking=np.ones((n, 2), np.int8),
        turns=np.ones(n, np.int32),
        holdout=np.array(held),
        source=np.full(n, b"untrained"),
    )


def weights(full: list[bool], held: list[bool]) -> list[float]:
    return row_weights(rows(full, held), np.ones(len(full), np.float32)).tolist()


def test_cheap_rows_are_light_and_held_out_ones_are_nothing():
    found = weights([True, False, True], [False, False, True])
    assert found == pytest.approx([1, CHEAP_ROW_WEIGHT, 0])
    assert CHEAP_ROW_WEIGHT <= 0.25


def test_a_strategy_multiplies_the_weights_scaled_to_its_mean():
    data = rows([True, True], [False, False])
    found = row_weights(data, np.array([1, 3], np.float32))
    assert found.tolist() == pytest.approx([0.5, 1.5])


def test_a_full_row_is_needed():
    with pytest.raises(DatasetError, match="no full-search decision"):
        weights([True, False], [True, False])


def test_rows_are_drawn_as_often_as_they_weigh():
    given = np.array([0.5, 1.0, 2.25, 0.0] * 50)
    drawn = draw_rows(given, 40_000, seed=3)
    assert len(drawn) == 40_000
    counts = np.bincount(drawn, minlength=200).reshape(50, 4)
    share = counts.sum(axis=0) / counts.sum()
    assert share == pytest.approx([0.5 / 3.75, 1 / 3.75, 2.25 / 3.75, 0], abs=0.01)
    # Whole passes: a row of weight 1 is never drawn twice before all others once.
    assert counts[:, 1].max() - counts[:, 1].min() <= 1


def test_the_seed_decides():
    given = np.ones(100)
    one, same, other = (draw_rows(given, 150, seed=seed) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist() != other.tolist()
