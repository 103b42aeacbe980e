"""Runs of the mover's markers: finding, collapsing, paying."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.stacks import collapse
from ringrift.engine.moves import (
    LINE,
    LINE_WHOLE,
    LINE_WINDOW,
    NO_LINE,
    PAY,
    encode,
    field_a,
    field_b,
    field_c,
)
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    CELLS,
    MARKER,
    MARKERS,
    PEND,
    PEND_LINE,
    SEAT,
    STACK,
    Moves,
    Row,
)


@kernel
def run_length(t: Tables, s: Row, cell: int, d: int, marker: int) -> int:
    """Cells holding exactly `marker` from `cell` onwards in direction `d`, `cell` included."""
    n = 0
    c = int64(cell)
    while c >= 0 and s[CELLS + c] == marker:
        n += 1
        c = int64(t.nbr[c, d])
    return n


@kernel
def _maximal_run(t: Tables, s: Row, cell: int, axis: int, marker: int) -> int:
    """Length of the run that begins on `cell` along `axis`; 0 if it begins elsewhere."""
    before = int64(t.nbr[cell, t.axis[axis, 1]])
    if before >= 0 and s[CELLS + before] == marker:
        return 0
    return run_length(t, s, cell, int64(t.axis[axis, 0]), marker)


@kernel
def any_line(t: Tables, s: Row) -> bool:
    """Whether the mover has a line of the required length or longer."""
    seat = int64(s[SEAT])
    if s[MARKERS + seat] < t.line:
        return False
    for c in range(t.cells):
        if s[CELLS + c] == MARKER + seat:
            for axis in range(t.axes):
                if _maximal_run(t, s, c, axis, MARKER + seat) >= t.line:
                    return True
    return False


@kernel
def list_windows(t: Tables, first: int, length: int, axis: int, out: Moves, n: int) -> int:
    """Append a LINE_WINDOW for each stretch of the required length; the new count."""
    c = first
    for _ in range(length - t.line + 1):
        out[n] = encode(LINE_WINDOW, c, t.line, axis)
        n += 1
        c = int64(t.nbr[c, t.axis[axis, 0]])
    return n


@kernel
def list_payers(t: Tables, s: Row, pend: int, out: Moves) -> int:
    """One payment for each stack the mover controls."""
    n = 0
    for c in range(t.cells):
        if s[CELLS + c] == STACK + s[SEAT]:
            out[n] = encode(PAY, c, pend)
            n += 1
    return n


@kernel
def list_line_phase(t: Tables, s: Row, out: Moves) -> int:
    """Everything the mover may choose in line_processing (ENGINE_NOTES 8)."""
    if s[PEND] == PEND_LINE:
        return list_payers(t, s, PEND_LINE, out)
    marker = MARKER + int64(s[SEAT])
    n = 0
    if s[MARKERS + s[SEAT]] >= t.line:
        for c in range(t.cells):
            if s[CELLS + c] != marker:
                continue
            for axis in range(t.axes):
                length = _maximal_run(t, s, c, axis, marker)
                if length == t.line:
                    out[n] = encode(LINE, c, length, axis)
                    n += 1
                elif length > t.line:
                    out[n] = encode(LINE_WHOLE, c, length, axis)
                    n = list_windows(t, c, length, axis, out, n + 1)
    if n == 0:
        out[0] = encode(NO_LINE)
        n = 1
    return n


@kernel
def collapse_run(t: Tables, s: Row, first: int, length: int, axis: int) -> None:
    """Make `length` cells from `first` along `axis` territory of the mover."""
    c = first
    for _ in range(length):
        collapse(s, c, int64(s[SEAT]))
        c = int64(t.nbr[c, t.axis[axis, 0]])


@kernel
def collapse_line(t: Tables, s: Row, move: int) -> None:
    """Effect of LINE, LINE_WHOLE and LINE_WINDOW on the board."""
    collapse_run(t, s, field_a(move), field_b(move), field_c(move))
