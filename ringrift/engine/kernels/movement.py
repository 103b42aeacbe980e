"""Rays: what a stack may move to or capture, and what its journey does to the cells it passes."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.stacks import (
    clear_marker,
    collapse,
    eliminate_top,
    pop_top,
    relocate,
    set_marker,
    slide_under,
)
from ringrift.engine.moves import (
    CAPTURE_FIRST,
    CAPTURE_NEXT,
    MOVE,
    encode,
    field_a,
    field_b,
    field_c,
    field_d,
    kind_of,
)
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    CELLS,
    CHAIN_CAPTURE,
    COLLAPSED,
    EMPTY,
    MARKER,
    MOVEMENT,
    MUST,
    PHASE,
    SEAT,
    STACK,
    Moves,
    Row,
)


@kernel
def can_capture(t: Tables, s: Row, cell: int, height: int, cap: int) -> bool:
    """Whether a stack of that height and cap standing on `cell` would have a capture."""
    for d in range(t.directions):
        target = t.nbr[cell, d]
        distance = 1
        while target >= 0 and s[CELLS + target] < COLLAPSED:
            target = t.nbr[target, d]
            distance += 1
        if target < 0 or s[CELLS + target] < STACK or s[t.at_cap + target] > cap:
            continue
        landing = t.nbr[target, d]
        distance += 1
        while landing >= 0 and s[CELLS + landing] < COLLAPSED:
            if distance >= height:
                return True
            landing = t.nbr[landing, d]
            distance += 1
    return False


@kernel
def open_run(t: Tables, s: Row, cell: int, enough: int) -> int:
    """Longest run of empty or marker cells from `cell` in any direction, counted up to `enough`."""
    best = 0
    for d in range(t.directions):
        run = 0
        c = t.nbr[cell, d]
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            run += 1
            if run >= enough:
                return run
            c = t.nbr[c, d]
        best = max(best, run)
    return best


@kernel
def can_travel(t: Tables, s: Row, cell: int, height: int, cap: int) -> bool:
    """Whether a stack of that height and cap standing on `cell` could move or capture."""
    return open_run(t, s, cell, height) >= height or can_capture(t, s, cell, height, cap)


@kernel
def any_travel(t: Tables, s: Row, seat: int) -> bool:
    """Whether any stack that `seat` controls could move or capture."""
    for c in range(t.cells):
        if s[CELLS + c] == STACK + seat and can_travel(
            t, s, c, int64(s[t.at_height + c]), int64(s[t.at_cap + c])
        ):
            return True
    return False


@kernel
def list_travel(t: Tables, s: Row, cell: int, out: Moves, n: int) -> int:
    """Append what the stack on `cell` may do in this phase; the new count.

    Moves are for movement alone, captures for movement, capture and chain_capture.
    """
    moves = s[PHASE] == MOVEMENT
    capture = CAPTURE_NEXT if s[PHASE] == CHAIN_CAPTURE else CAPTURE_FIRST
    height = int64(s[t.at_height + cell])
    cap = int64(s[t.at_cap + cell])
    for d in range(t.directions):
        c = t.nbr[cell, d]
        distance = 1
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            if moves and distance >= height:
                out[n] = encode(MOVE, cell, int64(c), 0, d)
                n += 1
            c = t.nbr[c, d]
            distance += 1
        if c < 0 or s[CELLS + c] < STACK or s[t.at_cap + c] > cap:
            continue
        target = c
        c = t.nbr[c, d]
        distance += 1
        while c >= 0 and s[CELLS + c] < COLLAPSED:
            if distance >= height:
                out[n] = encode(capture, cell, int64(c), int64(target), d)
                n += 1
            c = t.nbr[c, d]
            distance += 1
    return n


@kernel
def list_movement(t: Tables, s: Row, out: Moves) -> int:
    """All moves and first captures of the stacks the mover may use."""
    if s[MUST] >= 0:
        return list_travel(t, s, int64(s[MUST]), out, 0)
    n = 0
    for c in range(t.cells):
        if s[CELLS + c] == STACK + s[SEAT]:
            n = list_travel(t, s, c, out, n)
    return n


@kernel
def _cross(t: Tables, s: Row, start: int, end: int, d: int) -> bool:
    """Carry a stack along direction `d`; whether a marker was landed on (and removed)."""
    seat = int64(s[SEAT])
    c = int64(t.nbr[start, d])
    while c != end:
        content = s[CELLS + c]
        if content == MARKER + seat:
            collapse(s, c, seat)
        elif EMPTY < content < COLLAPSED:
            clear_marker(s, c)
            set_marker(s, c, seat)
        c = int64(t.nbr[c, d])
    landed = s[CELLS + end] != EMPTY
    if landed:
        clear_marker(s, end)
    relocate(t, s, start, end)
    set_marker(s, start, seat)
    return landed


@kernel
def travel(t: Tables, s: Row, move: int) -> None:
    """Effects of MOVE, CAPTURE_FIRST and CAPTURE_NEXT on the board (ENGINE_NOTES 5 and 6)."""
    start, end = field_a(move), field_b(move)
    captured = -1
    if kind_of(move) != MOVE:
        captured = pop_top(t, s, field_c(move))
    landed = _cross(t, s, start, end, field_d(move))
    if captured >= 0:
        slide_under(t, s, end, captured)
    if landed:
        eliminate_top(t, s, end, int64(s[SEAT]))


@kernel
def can_capture_on(t: Tables, s: Row, cell: int) -> bool:
    """Whether the mover controls a stack on `cell` that has a capture."""
    return s[CELLS + cell] == STACK + s[SEAT] and can_capture(
        t, s, cell, int64(s[t.at_height + cell]), int64(s[t.at_cap + cell])
    )
