"""Recovery: slides of a seat that controls no stack but has markers and buried rings."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.lines import collapse_run, run_length
from ringrift.engine.kernels.stacks import (
    clear_marker,
    eliminate_top,
    extract_bottommost,
    holds_buried,
    set_marker,
)
from ringrift.engine.moves import (
    RECOVER_FALLBACK,
    RECOVER_LINE,
    RECOVER_STRIKE,
    RECOVER_WINDOW,
    SKIP_RECOVERY,
    encode,
    field_a,
    field_b,
    field_c,
    field_d,
    kind_of,
)
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import CELLS, ELIM, EMPTY, MARKER, SEAT, STACK, Moves, Row


@kernel
def list_buried(t: Tables, s: Row, seat: int, out: Row) -> int:
    """Cells of the stacks that hold a ring of `seat` below the top, in cell order."""
    n = 0
    for c in range(t.cells):
        if s[CELLS + c] >= STACK and holds_buried(t, s, c, seat):
            out[n] = c
            n += 1
    return n


@kernel
def formed_run(t: Tables, s: Row, start: int, end: int) -> tuple[int, int, int]:
    """First cell, length and axis of the longest run through `end` once the marker has slid there.

    Ties go to the earlier axis. The row is as before the slide.
    """
    marker = int64(s[CELLS + start])
    s[CELLS + start] = EMPTY
    s[CELLS + end] = marker
    best = 0
    best_axis = 0
    best_back = 0
    for axis in range(t.axes):
        back = run_length(t, s, end, int64(t.axis[axis, 1]), marker) - 1
        length = back + run_length(t, s, end, int64(t.axis[axis, 0]), marker)
        if length > best:
            best, best_axis, best_back = length, axis, back
    s[CELLS + start] = marker
    s[CELLS + end] = EMPTY
    first = end
    for _ in range(best_back):
        first = int64(t.nbr[first, t.axis[best_axis, 1]])
    return first, best, best_axis


@kernel
def _list_line_slides(t: Tables, s: Row, out: Moves, payers: Row, paying: int) -> int:
    marker = MARKER + int64(s[SEAT])
    n = 0
    for start in range(t.cells):
        if s[CELLS + start] != marker:
            continue
        for d in range(t.directions):
            end = int64(t.nbr[start, d])
            if end < 0 or s[CELLS + end] != EMPTY:
                continue
            first, length, axis = formed_run(t, s, start, end)
            if length < t.line:
                continue
            for i in range(paying):
                out[n] = encode(RECOVER_LINE, start, end, int64(payers[i]), d)
                n += 1
            if length > t.line:
                for _ in range(length - t.line + 1):
                    out[n] = encode(RECOVER_WINDOW, start, end, first, d + 8 * axis)
                    n += 1
                    first = int64(t.nbr[first, t.axis[axis, 0]])
    return n


@kernel
def _list_other_slides(t: Tables, s: Row, out: Moves, payers: Row, paying: int) -> int:
    marker = MARKER + int64(s[SEAT])
    n = 0
    for start in range(t.cells):
        if s[CELLS + start] != marker:
            continue
        for d in range(t.directions):
            end = int64(t.nbr[start, d])
            if end < 0 or (s[CELLS + end] != EMPTY and s[CELLS + end] < STACK):
                continue
            kind = RECOVER_FALLBACK if s[CELLS + end] == EMPTY else RECOVER_STRIKE
            for i in range(paying):
                out[n] = encode(kind, start, end, int64(payers[i]), d)
                n += 1
    return n


@kernel
def list_recovery(t: Tables, s: Row, out: Moves, scratch: Scratch) -> int:
    """All slides of an eligible mover, and skip_recovery (ENGINE_NOTES 7)."""
    paying = list_buried(t, s, int64(s[SEAT]), scratch.payers)
    n = _list_line_slides(t, s, out, scratch.payers, paying)
    if n == 0:
        n = _list_other_slides(t, s, out, scratch.payers, paying)
    out[n] = encode(SKIP_RECOVERY)
    return n + 1


@kernel
def recover(t: Tables, s: Row, move: int) -> None:
    """Effects of the four recovery slides on the board."""
    kind, start, end = kind_of(move), field_a(move), field_b(move)
    seat = int64(s[SEAT])
    if kind == RECOVER_STRIKE:
        clear_marker(s, start)
        eliminate_top(t, s, end, seat)
    else:
        first, length, axis = formed_run(t, s, start, end)
        clear_marker(s, start)
        set_marker(s, end, seat)
        if kind == RECOVER_LINE:
            collapse_run(t, s, first, length, axis)
        elif kind == RECOVER_WINDOW:
            collapse_run(t, s, field_c(move), t.line, field_d(move) >> 3)
            return
    extract_bottommost(t, s, field_c(move), seat, False)
    s[ELIM + seat] += 1
