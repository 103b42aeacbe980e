"""The 13 ways to weight training rows, as products of factors over named columns (SYSTEM 2.6).

A strategy whose column is missing is an error that names it; it once fell back to "uniform"
without a word. Columns, one entry a row:

    turn, turns         number of the turn from 1, and how many the game had
    phase               the engine's phase number (engine.state)
    source              what chose the moves: "gumbel", "mcts", "human", "policy", "descent", ...
    chain               1 where a capture chain starts, 2 where one goes on, else 0
    quality             of the game's data, 0..1
    opponent_elo        rating of the strongest other player
    stored_weight       as `stored_weights` made it when the rows were written
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.state import PHASE_NAMES
from ringrift.train.feedback.signals import FeedbackError

Weights = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
Factor = Callable[[Columns], Weights]

_OF_PHASE = {
    "ring_placement": 0.8,
    "movement": 1.0,
    "capture": 1.2,
    "chain_capture": 1.3,
    "line_processing": 1.5,
    "territory_processing": 1.5,
    "forced_elimination": 1.5,
}
_BY_PHASE = np.array([_OF_PHASE[name] for name in PHASE_NAMES[:-1]])
_BY_CHAIN = np.array([1.0, 2.0, 0.5])
_OF_SOURCE = {"gumbel": 3.0, "mcts": 3.0, "human": 3.0, "policy": 1.5, "descent": 1.5}
_FRESHNESS_HALF_LIFE_D = 3.0


def _numbers(columns: Columns, name: str, low: float, high: float = np.inf) -> Weights:
    values = np.asarray(_column(columns, name), dtype=np.float64)
    if not np.all((values >= low) & (values <= high)):
        raise FeedbackError(f"column {name} leaves the range from {low:g} to {high:g}.")
    return values


def _column(columns: Columns, name: str) -> NDArray[Any]:
    if name not in columns:
        raise FeedbackError(f"column {name} is missing; export it or choose another strategy.")
    return columns[name]


def _looked_up(columns: Columns, name: str, table: Weights) -> Weights:
    return table[_numbers(columns, name, 0, len(table) - 1).astype(np.intp)]


def _late(columns: Columns) -> Weights:
    turns = _numbers(columns, "turns", 1)
    return 0.5 + 0.5 * np.minimum(1.0, _numbers(columns, "turn", 0) / turns)


def _phase(columns: Columns) -> Weights:
    return _looked_up(columns, "phase", _BY_PHASE)


def _source(columns: Columns) -> Weights:
    names, which = np.unique(_column(columns, "source"), return_inverse=True)
    return np.array([_OF_SOURCE.get(str(name), 1.0) for name in names])[which.ravel()]


def _chain(columns: Columns) -> Weights:
    return _looked_up(columns, "chain", _BY_CHAIN)


def _quality(columns: Columns) -> Weights:
    return 0.5 + 1.5 * _numbers(columns, "quality", 0, 1)


def _strength(columns: Columns) -> Weights:
    """Opponents of 400 Elo and less are 0, of 2,000 and more 1."""
    return np.clip((_numbers(columns, "opponent_elo", -np.inf) - 400) / 1600, 0, 1)


def _opponent(columns: Columns) -> Weights:
    return 0.5 + 1.5 * _strength(columns)


def _mild_opponent(columns: Columns) -> Weights:
    return 0.7 + 0.6 * _strength(columns)


def _stored(columns: Columns) -> Weights:
    return _numbers(columns, "stored_weight", 0)


STRATEGIES: dict[str, tuple[Factor, ...]] = {
    "uniform": (),
    "late_game": (_late,),
    "phase_emphasis": (_phase,),
    "combined": (_late, _phase),
    "source": (_source,),
    "combined_source": (_late, _phase, _source),
    "chain_emphasis": (_chain,),
    "combined_chain": (_late, _phase, _source, _chain),
    "quality": (_quality,),
    "opponent_elo": (_opponent,),
    "quality_combined": (_quality, _mild_opponent, _late, _source),
    "precomputed": (_stored,),
    "precomputed_combined": (_stored, _late, _phase),
}


def row_weights(strategy: str, rows: int, columns: Columns) -> Weights:
    """Weights float64[rows] of all rows, finite and at least 0.

    Raises FeedbackError on an unknown strategy, or a column that is missing, of another length or
    out of its range (NaN included).
    """
    if strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        raise FeedbackError(f"strategy {strategy!r} is unknown; use one of {known}.")
    for name, column in columns.items():
        if column.shape != (rows,):
            raise FeedbackError(f"column {name} has shape {column.shape}; it must be ({rows},).")
    weights = np.ones(rows)
    for factor in STRATEGIES[strategy]:
        weights = weights * factor(columns)
    return weights


def stored_weights(columns: Columns) -> Weights:
    """What "precomputed" reads: source × freshness, of mean 1.

    Freshness halves every 3 days of column `age_d`, within .1 and 1. Raises FeedbackError as above.
    """
    age = _numbers(columns, "age_d", 0)
    weights = _source(columns) * np.maximum(0.1, 2 ** (-age / _FRESHNESS_HALF_LIFE_D))
    return weights / weights.mean() if len(weights) else weights
