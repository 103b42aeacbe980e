"""What strengths 2 and 3 think of a position: a weighted sum a seat, less the best opponent's."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64, kernel
from ringrift.engine.players.stepwise import WIN
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    CELLS,
    COLLAPSED,
    ELIM,
    GAME_OVER,
    HAND,
    MARKER,
    PHASE,
    RINGS,
    SEAT,
    STACK,
    STACKS,
    TERR,
    WINNER,
    Row,
)

Scores = NDArray[np.float64]

_SMALL_RINGS = 18.0


class Weights(NamedTuple):
    """Points of a seat, where the whole way to victory by eliminations is 100 on a small board.

    On a large board, whose way has more rings, it is longer in proportion.
    """

    eliminated: float  # the whole way to victory by eliminations
    territory: float  # the whole way to victory by territory
    hand: float  # a ring in hand
    buried: float  # a ring on the board that is in no cap of its owner's
    stack: float  # a stack under control
    cap: float  # a ring of its cap
    mobility: float  # a cell where a stack could land, by move or capture
    threat: float  # an opponent's stack that a stack could capture
    strike: float  # besides, if its seat is the next to act
    marker: float  # a marker
    pair: float  # two adjacent markers on a line axis
    triple: float  # three in a row on a line axis
    bare: float  # to have neither a stack nor a ring in hand


WEIGHTS = Weights(
    eliminated=100.0,
    territory=65.0,
    hand=0.45,
    buried=-2.4,
    stack=5.0,
    cap=0.58,
    mobility=0.133,
    threat=0.32,
    strike=1.45,
    marker=0.9,
    pair=2.15,
    triple=0.8,
    bare=-3.4,
)
"""Found by `benchmarks/tune_heuristic.py` (docs/heuristic.md says how)."""


@kernel
def _stack(t: Tables, s: Row, cell: int, w: Weights) -> float:
    """What the stack on `cell` is worth to its controller."""
    own = s[CELLS + cell]
    height, cap = int64(s[t.at_height + cell]), int64(s[t.at_cap + cell])
    threat = w.threat + (w.strike if own == STACK + s[SEAT] else 0.0)
    score = w.stack + (w.cap - w.buried) * cap
    landings = 0
    for d in range(t.directions):
        c = t.nbr[cell, d]
        distance = 1
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            landings += 1 if distance >= height else 0
            c = t.nbr[c, d]
            distance += 1
        if c < 0 or s[CELLS + c] < STACK or s[t.at_cap + c] > cap:
            continue
        foreign = s[CELLS + c] != own
        reached = landings
        c = t.nbr[c, d]
        distance += 1
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            landings += 1 if distance >= height else 0
            c = t.nbr[c, d]
            distance += 1
        if foreign and landings > reached:
            score += threat
    return score + w.mobility * landings


@kernel
def _marker(t: Tables, s: Row, cell: int, w: Weights) -> float:
    """What the marker on `cell` is worth to its owner, with those that follow it on line axes."""
    own = s[CELLS + cell]
    score = w.marker
    for axis in range(t.axes):
        forward = t.axis[axis, 0]
        c = t.nbr[cell, forward]
        if c >= 0 and s[CELLS + c] == own:
            score += w.pair
            c = t.nbr[c, forward]
            if c >= 0 and s[CELLS + c] == own:
                score += w.triple
    return score


@kernel
def evaluate(t: Tables, s: Row, seat: int, w: Weights, scores: Scores) -> float:
    """Advantage of `seat` over its best opponent, in points; a decided game outweighs everything.

    `scores` has room for a number a seat.
    """
    if s[PHASE] == GAME_OVER:
        return WIN if s[WINNER] == seat else -WIN
    way = t.rings / _SMALL_RINGS
    for q in range(t.players):
        score = way * w.eliminated * s[ELIM + q] / t.threshold
        score += way * w.territory * s[TERR + q] / t.territory
        score += w.hand * s[HAND + q]
        # A stack takes back what its cap is not: buried.
        score += w.buried * s[RINGS + q]
        score += w.bare if s[STACKS + q] == 0 and s[HAND + q] == 0 else 0.0
        scores[q] = score
    for c in range(t.cells):
        content = int64(s[CELLS + c])
        if content >= STACK:
            scores[content - STACK] += _stack(t, s, c, w)
        elif MARKER <= content < COLLAPSED:
            scores[content - MARKER] += _marker(t, s, c, w)
    best = -WIN
    for q in range(t.players):
        if q != seat:
            best = max(best, scores[q])
    return scores[seat] - best
