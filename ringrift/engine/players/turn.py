"""Strength 2: follows its own turn to all its ends, and takes the first step towards the best.

The turn is a tree: placement, movement, captures, lines, regions and what they cost. It is walked
depth-first over a stack of rows, without recursion; positions met before are not walked again.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.hashing import position_hash
from ringrift.engine.kernels.position import INCOMPLETE, choose, list_choices
from ringrift.engine.moves import SKIP_PLACEMENT, SWAP_SIDES, encode, kind_of
from ringrift.engine.players import stepwise
from ringrift.engine.players.evaluation import WEIGHTS, Scores, Weights, evaluate
from ringrift.engine.rng import Rng, uniform
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch, new_scratch
from ringrift.engine.state import GAME_OVER, PHASE, RING_PLACEMENT, SEAT, TURN, Moves, Row

TURN_NAME = "heuristic-2"

NEVER = np.inf
"""No end is good enough to stop the walk."""

_PLACEMENTS = 64
# Regions take longer to find with more than two colours of borders.
_PLACEMENTS_MANY = 40
_NODES = 6_000
# A node costs several times as much on the large boards.
_NODES_LARGE = 3_000
_LARGE_CELLS = 100

# Less than any weight could make a difference: equal ends are told apart by chance.
_TIE = 1e-6


class Walk(NamedTuple):
    """Work arrays of `walk_turn` and what it found. All but the ends is meaningless between calls.

    No array can overflow: a row is stacked, and a hash kept, only for a node that is counted.
    """

    weights: Weights
    placements: int  # followed, of those that strength 1 likes best
    nodes: int  # positions within the turn and at its end that are looked at
    rows: NDArray[np.int16]  # [nodes + 1, state_size] still to be followed
    first: Moves  # [nodes + 1] the turn's first move on the way to each of them
    here: Row  # [state_size] the one that is followed
    choices: Moves  # [max_moves] its choices
    values: Scores  # [3 x cells + 2] of placements: three counts a cell, to skip and to swap
    seen: NDArray[np.uint64]  # [a power of two >= 2 x nodes] hash table of positions met; 0 is free
    scores: Scores  # [players]
    ends: NDArray[np.int16]  # [kept, state_size] the best first
    end_moves: Moves  # [kept] the turn's first move on the way to each end
    end_values: Scores  # [kept] points for the seat whose turn it is


def new_walk(
    t: Tables,
    *,
    kept: int = 1,
    weights: Weights = WEIGHTS,
    placements: int | None = None,
    nodes: int | None = None,
) -> Walk:
    """Work arrays for turns of `t` that keep the `kept` best ends."""
    if placements is None:
        placements = _PLACEMENTS if t.players == 2 else _PLACEMENTS_MANY
    if nodes is None:
        nodes = _NODES if t.cells < _LARGE_CELLS else _NODES_LARGE
    return Walk(
        weights=weights,
        placements=placements,
        nodes=nodes,
        rows=np.zeros((nodes + 1, t.state_size), dtype=np.int16),
        first=np.zeros(nodes + 1, dtype=np.int64),
        here=np.zeros(t.state_size, dtype=np.int16),
        choices=np.zeros(t.max_moves, dtype=np.int64),
        values=np.zeros(3 * t.cells + 2),
        seen=np.zeros(1 << (2 * nodes - 1).bit_length(), dtype=np.uint64),
        scores=np.zeros(t.players),
        ends=np.zeros((kept, t.state_size), dtype=np.int16),
        end_moves=np.zeros(kept, dtype=np.int64),
        end_values=np.zeros(kept),
    )


@kernel
def _meet(seen: NDArray[np.uint64], h: np.uint64) -> bool:
    """Remember a position; whether it was met before."""
    mask = np.uint64(len(seen) - 1)
    i = h & mask
    while seen[i] != np.uint64(0):
        if seen[i] == h:
            return True
        i = (i + np.uint64(1)) & mask
    seen[i] = h
    return False


@kernel
def _sift(w: Walk, n: int) -> int:
    """Sort the best placements of n choices to the front, to skip behind them; how many remain."""
    choices, values = w.choices, w.values
    skips = 1 if kind_of(choices[n - 1]) == SKIP_PLACEMENT else 0
    places = n - skips
    kept = min(places, w.placements)
    for i in range(kept):
        best = i
        for j in range(i + 1, places):
            if values[j] > values[best]:
                best = j
        values[i], values[best] = values[best], values[i]
        choices[i], choices[best] = choices[best], choices[i]
    choices[kept] = choices[n - 1]
    return kept + skips


@kernel
def _keep(w: Walk, found: int, end: Row, move: int, value: float) -> int:
    """Insert an end among the best, if it is one; how many there are now."""
    kept = w.end_values.shape[0]
    if found == kept and value <= w.end_values[kept - 1]:
        return found
    found = min(found + 1, kept)
    k = found - 1
    while k > 0 and w.end_values[k - 1] < value:
        w.end_values[k] = w.end_values[k - 1]
        w.end_moves[k] = w.end_moves[k - 1]
        w.ends[k] = w.ends[k - 1]
        k -= 1
    w.end_values[k] = value
    w.end_moves[k] = move
    w.ends[k] = end
    return found


@kernel
def walk_turn(
    t: Tables, s: Row, w: Walk, scratch: Scratch, rng: Rng, enough: float
) -> tuple[int, int]:
    """Follow the turn of a running game to its ends: (ends kept, at least one; nodes looked at).

    An end is where another turn begins or the game is over; it is evaluated for the seat whose turn
    it was. When the nodes run out, what has not been followed is left out, but for the last one,
    which is evaluated as it stands. An end worth more than `enough` stops the walk. To swap sides
    is no part of a turn and not followed.
    """
    turn, seat = int64(s[TURN]), int64(s[SEAT])
    w.seen[:] = np.uint64(0)
    w.rows[0] = s
    w.first[0] = INCOMPLETE
    top = 1
    nodes = 0
    found = 0
    while top > 0 and nodes < w.nodes:
        top -= 1
        w.here[:] = w.rows[top]
        first = w.first[top]
        n = list_choices(t, w.here, w.choices, scratch)
        if kind_of(w.choices[n - 1]) == SWAP_SIDES:
            n -= 1
        ranking = w.here[PHASE] == RING_PLACEMENT
        # Backwards, so that what is best comes to lie on top.
        i = n
        while i > 0 and nodes < w.nodes:
            i -= 1
            child = w.rows[top]
            child[:] = w.here
            move = choose(t, child, w.choices[i], scratch)
            if ranking:
                assert n <= len(w.values)
                w.values[i] = stepwise.evaluate(t, child, seat)
                if i == 0:
                    n = _sift(w, n)
                    i = n
                    ranking = False
                continue
            if first != INCOMPLETE:
                move = first
            goes_on = False
            while child[TURN] == turn and child[PHASE] != GAME_OVER:
                goes_on = list_choices(t, child, scratch.moves, scratch) > 1
                if goes_on:
                    break
                forced = choose(t, child, scratch.moves[0], scratch)
                if move == INCOMPLETE:
                    move = forced
            if _meet(w.seen, position_hash(t, child)):
                continue
            nodes += 1
            if goes_on and nodes < w.nodes:
                w.first[top] = move
                top += 1
                assert top <= nodes < len(w.rows)
                continue
            value = evaluate(t, child, seat, w.weights, w.scores) + _TIE * uniform(rng)
            found = _keep(w, found, child, move, value)
            if value > enough:
                return found, nodes
    return found, nodes


def index_of(moves: Moves, move: int) -> int:
    """Where `move` lies in `moves`, which have it."""
    return int(np.flatnonzero(moves == move)[0])


def with_swap(moves: Moves, move: int, value: float) -> int:
    """`move`, or to swap sides where that is legal and the turn's best `value` is a disadvantage.

    Who swaps leaves this turn and what comes of it to the opponent.
    """
    swap = int(encode(SWAP_SIDES))
    return swap if value < 0 and swap in moves else move


class TurnPlayer:
    """Strength 2 at the boards of one config."""

    def __init__(self, tables: Tables, weights: Weights = WEIGHTS) -> None:
        self._tables = tables
        self._scratch = new_scratch(tables)
        self._walk = new_walk(tables, weights=weights)

    def choose(self, s: Row, moves: Moves, rng: Rng) -> int:
        """See `baseline.Baseline`."""
        walk_turn(self._tables, s, self._walk, self._scratch, rng, NEVER)
        move, value = int(self._walk.end_moves[0]), float(self._walk.end_values[0])
        return index_of(moves, with_swap(moves, move, value))
