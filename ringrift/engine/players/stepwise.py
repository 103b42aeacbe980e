"""Strength 1: every choice is judged by where it leads at once, forced steps included."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.play import advance, apply_move
from ringrift.engine.rng import Rng, below, uniform
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch, new_scratch
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
    TERR,
    WINNER,
    Moves,
    Row,
)

HEURISTIC_NAME = "heuristic-1"

# Weights of the evaluation, where the whole way to victory by eliminations is 100. Found by a
# coarse coordinate search on the 2-seat small boards, against random and against earlier weights.
_W_ELIMINATED = 100.0
_W_TERRITORY = 60.0
_W_STACK = 6.0
_W_BURIED = -3.0
_W_MOBILITY = 0.1
_W_PAIR = 1.2
_W_ALIVE = 0.3
WIN = 10_000.0
"""Value of a won game: more than all that evaluations can add up to."""

# With more choices than this a random subset is weighed: placements on the large boards are many
# and alike.
_MOST_WEIGHED = 96


@kernel
def _marker_pairs(t: Tables, s: Row, seat: int) -> int:
    """Adjacent pairs of own markers along the line axes: lines in the making."""
    n = 0
    for c in range(t.cells):
        if s[CELLS + c] == MARKER + seat:
            for axis in range(t.axes):
                other = t.nbr[c, t.axis[axis, 0]]
                if other >= 0 and s[CELLS + other] == MARKER + seat:
                    n += 1
    return n


@kernel
def _landings(t: Tables, s: Row, cell: int) -> int:
    """Moves and captures of the stack on `cell`, whoever is to act."""
    height = s[t.at_height + cell]
    n = 0
    for d in range(t.directions):
        c = t.nbr[cell, d]
        distance = 1
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            n += 1 if distance >= height else 0
            c = t.nbr[c, d]
            distance += 1
        if c < 0 or s[CELLS + c] < STACK or s[t.at_cap + c] > s[t.at_cap + cell]:
            continue
        c = t.nbr[c, d]
        distance += 1
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            n += 1 if distance >= height else 0
            c = t.nbr[c, d]
            distance += 1
    return n


@kernel
def _standing(t: Tables, s: Row, seat: int) -> float:
    """How well `seat` stands, whoever is to act."""
    score = _W_ELIMINATED * s[ELIM + seat] / t.threshold
    score += _W_TERRITORY * s[TERR + seat] / t.territory
    score += _W_ALIVE * (s[HAND + seat] + s[RINGS + seat])
    covered = int64(s[RINGS + seat])  # what is left of them after all caps lies under others
    for c in range(t.cells):
        if s[CELLS + c] != STACK + seat:
            continue
        covered -= int64(s[t.at_cap + c])
        score += _W_STACK
        score += _W_MOBILITY * _landings(t, s, c)
    score += _W_BURIED * covered
    return score + _W_PAIR * _marker_pairs(t, s, seat)


@kernel
def evaluate(t: Tables, s: Row, seat: int) -> float:
    """Advantage of `seat` over its best opponent; a decided game outweighs everything."""
    if s[PHASE] == GAME_OVER:
        return WIN if s[WINNER] == seat else -WIN
    best = -WIN
    for q in range(t.players):
        if q != seat:
            best = max(best, _standing(t, s, q))
    return _standing(t, s, seat) - best


@kernel
def heuristic_choice(t: Tables, s: Row, moves: Moves, n: int, scratch: Scratch, rng: Rng) -> int:
    """Index of the choice whose outcome, forced steps included, evaluates best; ties at random.

    `moves` must not be scratch.moves, which is overwritten.
    """
    seat = int64(s[SEAT])
    trial = scratch.rows[0]
    weighed = min(n, _MOST_WEIGHED)
    best = 0
    best_value = -2.0 * WIN
    ties = 1.0
    for k in range(weighed):
        # k-th of `weighed` strata, a random member of it: all of them when few.
        low, high = k * n // weighed, (k + 1) * n // weighed
        i = low + below(rng, high - low)
        trial[:] = s
        apply_move(t, trial, moves[i], scratch)
        advance(t, trial, scratch.moves, scratch.log, scratch)
        value = evaluate(t, trial, seat)
        if value > best_value:
            best, best_value, ties = i, value, 1.0
        elif value == best_value:
            ties += 1.0
            if uniform(rng) * ties < 1.0:
                best = i
    return best


class StepwisePlayer:
    """Strength 1 at the boards of one config."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._scratch = new_scratch(tables)

    def choose(self, s: Row, moves: Moves, rng: Rng) -> int:
        """See `baseline.Baseline`."""
        return heuristic_choice(self._tables, s, moves, len(moves), self._scratch, rng)
