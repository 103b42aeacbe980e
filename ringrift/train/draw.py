"""Which rows a fit trains on, how often and in which order: pure functions of dataset and seed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ringrift.train.dataset import Dataset, DatasetError

# Cheap searches teach the value only, and less often than a full row by this (issue: <= .25).
CHEAP_ROW_WEIGHT = 0.1


def row_weights(data: Dataset, strategy: NDArray[np.float32]) -> NDArray[np.float64]:
    """How often each row is drawn relative to a plain full one, [N]; 0 for held-out games.

    `strategy` [N] multiplies, scaled to a mean of 1. Raises DatasetError without any full row to
    learn from.
    """
    learned = ~data.held_out
    full = data.full & learned
    if not full.any():
        raise DatasetError("shards hold no full-search decision to learn from; play more games.")
    weights = np.where(data.full, 1.0, CHEAP_ROW_WEIGHT)
    return np.where(learned, weights * strategy / strategy[learned].mean(), 0.0)


def draw_rows(weights: NDArray[np.float64], budget: int, *, seed: int) -> NDArray[np.int64]:
    """`budget` rows in order: passes over all rows, each as often as its weight says in the mean.

    A weight of 1.3 is drawn once in every pass and a second time in three of ten. Not all weights
    may be 0.
    """
    passes: list[NDArray[np.int64]] = []
    drawn = 0
    for one in _passes(weights, np.random.default_rng(seed)):
        passes.append(one)
        drawn += len(one)
        if drawn >= budget:
            break
    return np.concatenate(passes)[:budget]


def _passes(weights: NDArray[np.float64], rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    while True:
        times = np.floor(weights + rng.random(len(weights))).astype(np.int64)
        yield rng.permutation(np.repeat(np.arange(len(weights)), times))
