"""Feature planes: a position as the seat to act sees it.

First 12 planes for each seat, the mover first, then the seats after it:

0 controls the stack here · 1 its height / 10 · 2 its cap / 10 · 3 own rings below a top here / 5 ·
4 marker · 5 territory · and on every cell of the board: 6 rings in hand / rings per player ·
7 eliminations / threshold · 8 territory / territory that wins · 9 rounds as the only seat with a
real action / rounds that win · 10 real action seen this round (1, -1 none, 0 not yet seen) ·
11 opened the round.

Then 7 planes one-hot by phase, then 8 about the turn: 0 on the board · 1 must cell · 2-4 pending
cost line, territory, recovery · 5 rec · 6 act · 7 swap. Everything is 0 outside the board.
"""

import numpy as np

from ringrift.engine.jit import int64, kernel
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
def _fill_board(t: Tables, out: Planes, plane: int, value: float) -> None:
    if value == 0.0:
        return
    flat = out[plane].reshape(t.height * t.width)
    for c in range(t.cells):
        flat[t.grid[c]] = np.float32(value)


@kernel
def _relative(t: Tables, s: Row, seat: int) -> int:
    """First plane of a seat."""
    return SEAT_PLANES * ((seat - s[SEAT] + t.players) % t.players)


@kernel
def _write_cell(t: Tables, s: Row, c: int, out: Planes) -> None:
    content = s[CELLS + c]
    x, y = t.grid[c] // t.width, t.grid[c] % t.width
    if content == EMPTY:
        return
    if content < COLLAPSED:
        out[_relative(t, s, int64(content - MARKER)) + 4, x, y] = 1.0
        return
    if content < STACK:
        out[_relative(t, s, int64(content - COLLAPSED)) + 5, x, y] = 1.0
        return
    first = _relative(t, s, int64(content - STACK))
    out[first, x, y] = 1.0
    out[first + 1, x, y] = s[t.at_height + c] / 10.0
    out[first + 2, x, y] = s[t.at_cap + c] / 10.0
    ring = s[t.at_below + s[t.at_top + c]]
    while ring >= 0:
        out[_relative(t, s, int64(s[t.at_owner + ring])) + 3, x, y] += 0.2
        ring = s[t.at_below + ring]


@kernel
def _write_seat(t: Tables, s: Row, seat: int, out: Planes) -> None:
    first = _relative(t, s, seat)
    _fill_board(t, out, first + 6, s[HAND + seat] / t.rings)
    _fill_board(t, out, first + 7, s[ELIM + seat] / t.threshold)
    _fill_board(t, out, first + 8, s[TERR + seat] / t.territory)
    if s[LPS_HOLDER] == seat:
        _fill_board(t, out, first + 9, s[LPS_ROUNDS] / t.lps_rounds)
    if s[LPS_MASK + seat] >= 0:
        _fill_board(t, out, first + 10, 2.0 * s[LPS_MASK + seat] - 1.0)
    if s[LPS_FIRST] == seat:
        _fill_board(t, out, first + 11, 1.0)


@kernel
def write_planes(t: Tables, s: Row, out: Planes, scratch: Scratch) -> None:
    """Write float32[t.planes, t.height, t.width] of a running game; all 0 when it is over."""
    out[:] = 0.0
    if s[PHASE] == GAME_OVER:
        return
    for c in range(t.cells):
        _write_cell(t, s, c, out)
    for seat in range(t.players):
        _write_seat(t, s, seat, out)
    first = SEAT_PLANES * t.players
    _fill_board(t, out, int64(first + s[PHASE]), 1.0)
    first += PHASE_PLANES
    _fill_board(t, out, first, 1.0)
    if s[MUST] >= 0:
        place = t.grid[s[MUST]]
        out[first + 1, place // t.width, place % t.width] = 1.0
    if s[PEND] > 0:
        _fill_board(t, out, int64(first + 1 + s[PEND]), 1.0)
    _fill_board(t, out, first + 5, float(s[REC]))
    _fill_board(t, out, first + 6, float(s[ACT]))
    _fill_board(t, out, first + 7, float(s[SWAP]))
