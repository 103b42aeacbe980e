"""How much a row counts beside the others: the thirteen strategies of the old system (SYSTEM 2.6).

Pure functions of a row's facts. A strategy that needs a fact nobody gave is an error; the old
system then fell back to equal weights, and nobody saw it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.state import CHAIN_CAPTURE, PHASE
from ringrift.train.dataset import Dataset

Array = NDArray[np.float32]

# By phase, in the order of `engine.state.PHASE_NAMES`.
_PHASES = np.array([0.8, 1.0, 1.2, 1.3, 1.5, 1.5, 1.5], dtype=np.float32)
# By how much the source of a policy can be trusted: search, a bare policy, anything else.
SOURCES = {"high": 3.0, "medium": 1.5, "base": 1.0}
_CHAIN_START, _CHAIN_REST = 2.0, 0.5


class WeightingError(ValueError):
    """A strategy that is unknown or lacks a fact: one sentence that names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What is known of N rows; None is unknown.

    `progress`: turn of the game / turns it had, in [0, 1]. `phase`: as in `engine.state`. `source`:
    a key of `SOURCES`. `chain_start`: the first segment of a capture chain (rows of later segments
    have the phase of one). `quality`: of the game, in [0, 1]. `opponent_elo`: Elo of the strongest
    other seat. `stored`: a weight computed before.
    """

    rows: int
    progress: Array | None = None
    phase: NDArray[np.int64] | None = None
    source: NDArray[np.str_] | None = None
    chain_start: NDArray[np.bool_] | None = None
    quality: Array | None = None
    opponent_elo: Array | None = None
    stored: Array | None = None


def strategy_weights(strategy: str, facts: Facts) -> Array:
    """[N] weights of a strategy by name; raises WeightingError naming what is missing."""
    if strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        raise WeightingError(f"weighting {strategy!r} is unknown; use one of {known}.")
    weights = np.ones(facts.rows, dtype=np.float32)
    for factor in STRATEGIES[strategy]:
        weights = weights * factor(facts, strategy)
    return weights.astype(np.float32)


def _known(facts: Facts, name: str, strategy: str) -> NDArray[Any]:
    found: NDArray[Any] | None = getattr(facts, name)
    if found is None:
        raise WeightingError(
            f"weighting {strategy} needs {name} of every row, which is unknown here; choose "
            "another weighting."
        )
    if len(found) != facts.rows:
        raise WeightingError(f"{name} is given for {len(found)} rows of {facts.rows}.")
    return found


def _scaled(values: NDArray[Any], base: float, slope: float) -> Array:
    return (base + slope * values).astype(np.float32)


def _strength(facts: Facts, strategy: str) -> NDArray[Any]:
    return np.clip((_known(facts, "opponent_elo", strategy) - 400) / 1600, 0, 1)


def _late(facts: Facts, strategy: str) -> Array:
    return _scaled(_known(facts, "progress", strategy), 0.5, 0.5)


def _phase(facts: Facts, strategy: str) -> Array:
    return _PHASES[_known(facts, "phase", strategy)]


def _source(facts: Facts, strategy: str) -> Array:
    names = _known(facts, "source", strategy)
    weights = np.zeros(facts.rows, dtype=np.float32)
    for name, weight in SOURCES.items():
        weights[names == name] = weight
    if not weights.all():
        odd = str(names[weights == 0][0])
        raise WeightingError(f"source {odd!r} is none of {', '.join(SOURCES)}.")
    return weights


def _chain(facts: Facts, strategy: str) -> Array:
    start = _known(facts, "chain_start", strategy)
    rest = (_known(facts, "phase", strategy) == CHAIN_CAPTURE) & ~start
    return np.where(start, _CHAIN_START, np.where(rest, _CHAIN_REST, 1.0)).astype(np.float32)


def _quality(facts: Facts, strategy: str) -> Array:
    return _scaled(_known(facts, "quality", strategy), 0.5, 1.5)


def _opponent(facts: Facts, strategy: str) -> Array:
    return _scaled(_strength(facts, strategy), 0.5, 1.5)


def _quality_of_opponent(facts: Facts, strategy: str) -> Array:
    return _scaled(_strength(facts, strategy), 0.7, 0.6)


def _stored(facts: Facts, strategy: str) -> Array:
    return _known(facts, "stored", strategy)


Factor = Callable[[Facts, str], Array]

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
    "quality_combined": (_quality, _quality_of_opponent, _late, _source),
    "precomputed": (_stored,),
    "precomputed_combined": (_stored, _late, _phase),
}


def facts_of(data: Dataset) -> Facts:
    """The facts that a dataset knows of its rows; quality, Elo and stored weights are not there."""
    rows = np.arange(data.rows)
    phase = data.states[:, PHASE].astype(np.int64)
    game = data.game
    chained = np.append(phase[1:] == CHAIN_CAPTURE, False) & (np.append(game[1:], -1) == game)
    # Weights and the untrained network played with search; other names are baselines'.
    searched = [len(name) == 64 or name == b"untrained" for name in data.source.tolist()]
    return Facts(
        rows=data.rows,
        progress=(data.turn_of(rows) / data.turns[game]).astype(np.float32),
        phase=phase,
        source=np.where(searched, "high", "base")[game],
        chain_start=chained & (phase != CHAIN_CAPTURE),
    )
