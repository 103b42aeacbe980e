"""Feature planes: a position as the seat to act sees it. Version 2.

First 13 planes for each seat, the mover first, then the seats after it:

0 controls the stack here · 1 its height / 10 · 2 its cap / 10 · 3 own rings below a top here / 5 ·
4 would control it without its cap · 5 marker · 6 territory · and on every cell of the board:
7 rings in hand / rings per player · 8 eliminations / threshold · 9 territory / territory that wins
· 10 rounds as the only seat with a real action / rounds that win · 11 real action seen this round
(1, -1 none, 0 not yet seen) · 12 opened the round.

Then 7 planes one-hot by phase, then 11 about the turn: 0 on the board · 1 must cell · 2-4 pending
cost line, territory, recovery · 5 rec · 6 act · 7 swap · 8 the marker of a chosen slide · 9 where
it slides to · 10 the whole line is chosen. Everything is 0 outside the board.

Positions with different choices have different planes. What they do not show: the order of rings
below the first under the cap, and how the seats without rings rank.
"""

import numpy as np

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.position import slide_direction, slide_start
from ringrift.engine.rules import PHASE_PLANES, SEAT_PLANES, Tables
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import (
    ACT,
    CELLS,
    COLLAPSED,
    ELIM,
    EMPTY,
    GAME_OVER,
    HAND,
    LPS_FIRST,
    LPS_HOLDER,
    LPS_MASK,
    LPS_ROUNDS,
    MARKER,
    MUST,
    OPTION,
    PART,
    PEND,
    PHASE,
    REC,
    SEAT,
    STACK,
    SWAP,
    TERR,
    Planes,
    Row,
)


@kernel
def _fill(t: Tables, flat: Planes, plane: int, value: float) -> None:
    """The same number on every cell of the board; flat[planes, height * width]."""
    if value == 0.0:
        return
    scale = np.float32(value)
    for place in range(t.height * t.width):
        flat[plane, place] = scale * t.board[place]


@kernel
def _write_cells(t: Tables, s: Row, flat: Planes) -> None:
    seat, players = int64(s[SEAT]), t.players
    for c in range(t.cells):
        content = int64(s[CELLS + c])
        if content == EMPTY:
            continue
        place = int64(t.grid[c])
        if content < COLLAPSED:
            flat[SEAT_PLANES * ((content - MARKER - seat + players) % players) + 5, place] = 1.0
            continue
        if content < STACK:
            flat[SEAT_PLANES * ((content - COLLAPSED - seat + players) % players) + 6, place] = 1.0
            continue
        first = SEAT_PLANES * ((content - STACK - seat + players) % players)
        cap = int64(s[t.at_cap + c])
        flat[first, place] = 1.0
        flat[first + 1, place] = s[t.at_height + c] / 10.0
        flat[first + 2, place] = cap / 10.0
        depth = 1
        ring = int64(s[t.at_below + s[t.at_top + c]])
        while ring >= 0:
            owner = SEAT_PLANES * ((int64(s[t.at_owner + ring]) - seat + players) % players)
            flat[owner + 3, place] += 0.2
            if depth == cap:
                flat[owner + 4, place] = 1.0
            depth += 1
            ring = int64(s[t.at_below + ring])


@kernel
def _write_seat(t: Tables, s: Row, q: int, flat: Planes) -> None:
    first = SEAT_PLANES * ((q - int64(s[SEAT]) + t.players) % t.players)
    _fill(t, flat, first + 7, s[HAND + q] / t.rings)
    _fill(t, flat, first + 8, s[ELIM + q] / t.threshold)
    _fill(t, flat, first + 9, s[TERR + q] / t.territory)
    if s[LPS_HOLDER] == q:
        _fill(t, flat, first + 10, s[LPS_ROUNDS] / t.lps_rounds)
    if s[LPS_MASK + q] >= 0:
        _fill(t, flat, first + 11, 2.0 * s[LPS_MASK + q] - 1.0)
    if s[LPS_FIRST] == q:
        _fill(t, flat, first + 12, 1.0)


@kernel
def _write_turn(t: Tables, s: Row, first: int, flat: Planes) -> None:
    _fill(t, flat, first, 1.0)
    if s[MUST] >= 0:
        flat[first + 1, int64(t.grid[s[MUST]])] = 1.0
    if s[PEND] > 0:
        _fill(t, flat, int64(first + 1 + s[PEND]), 1.0)
    _fill(t, flat, first + 5, float(s[REC]))
    _fill(t, flat, first + 6, float(s[ACT]))
    _fill(t, flat, first + 7, float(s[SWAP]))
    if s[PART] != 0:
        start = slide_start(s)
        flat[first + 8, int64(t.grid[start])] = 1.0
        flat[first + 9, int64(t.grid[t.nbr[start, slide_direction(s)]])] = 1.0
        _fill(t, flat, first + 10, float(s[OPTION]))


@kernel
def write_planes(t: Tables, s: Row, out: Planes, scratch: Scratch) -> None:
    """Write float32[t.planes, t.height, t.width] of a running game; all 0 when it is over."""
    flat = out.reshape(t.planes, t.height * t.width)
    flat[:] = 0.0
    if s[PHASE] == GAME_OVER:
        return
    _write_cells(t, s, flat)
    for q in range(t.players):
        _write_seat(t, s, q, flat)
    first = SEAT_PLANES * t.players
    _fill(t, flat, int64(first + s[PHASE]), 1.0)
    _write_turn(t, s, first + PHASE_PLANES, flat)
