"""The only writers of cells and rings; they keep every counter of the row in step."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    CELLS,
    COLLAPSED,
    ELIM,
    EMPTY,
    FREE,
    MARKER,
    MARKERS,
    RINGS,
    STACK,
    STACKS,
    TERR,
    Row,
)


@kernel
def push_top(t: Tables, s: Row, cell: int, seat: int) -> None:
    """Put one new ring of `seat` on top of what stands on `cell` (a stack or nothing)."""
    ring = s[FREE]
    s[FREE] = s[t.at_below + ring]
    s[t.at_owner + ring] = seat
    content = s[CELLS + cell]
    if content < STACK:
        s[t.at_below + ring] = -1
        s[t.at_bottom + cell] = ring
        s[t.at_height + cell] = 1
        s[t.at_cap + cell] = 1
        s[STACKS + seat] += 1
    else:
        s[t.at_below + ring] = s[t.at_top + cell]
        s[t.at_height + cell] += 1
        if content == STACK + seat:
            s[t.at_cap + cell] += 1
        else:
            s[t.at_cap + cell] = 1
            s[STACKS + content - STACK] -= 1
            s[STACKS + seat] += 1
    s[CELLS + cell] = STACK + seat
    s[t.at_top + cell] = ring
    s[RINGS + seat] += 1


@kernel
def count_cap(t: Tables, s: Row, cell: int) -> int:
    """Equal rings from the top of the stack on `cell`, by walking them."""
    ring = s[t.at_top + cell]
    owner = s[t.at_owner + ring]
    cap = 0
    while ring >= 0 and s[t.at_owner + ring] == owner:
        cap += 1
        ring = s[t.at_below + ring]
    return cap


@kernel
def pop_top(t: Tables, s: Row, cell: int) -> int:
    """Take the top ring off the board and return its owner; an emptied stack disappears."""
    ring = s[t.at_top + cell]
    owner = int64(s[t.at_owner + ring])
    under = s[t.at_below + ring]
    s[t.at_below + ring] = s[FREE]
    s[FREE] = ring
    s[RINGS + owner] -= 1
    s[t.at_top + cell] = under
    s[t.at_height + cell] -= 1
    if under < 0:
        s[CELLS + cell] = EMPTY
        s[t.at_cap + cell] = 0
        s[t.at_bottom + cell] = -1
        s[STACKS + owner] -= 1
    elif s[t.at_cap + cell] > 1:
        s[t.at_cap + cell] -= 1
    else:
        controller = s[t.at_owner + under]
        s[STACKS + owner] -= 1
        s[STACKS + controller] += 1
        s[CELLS + cell] = STACK + controller
        s[t.at_cap + cell] = count_cap(t, s, cell)
    return owner


@kernel
def slide_under(t: Tables, s: Row, cell: int, seat: int) -> None:
    """Put one new ring of `seat` under the bottom of the stack on `cell`."""
    ring = s[FREE]
    s[FREE] = s[t.at_below + ring]
    s[t.at_owner + ring] = seat
    s[t.at_below + ring] = -1
    s[t.at_below + s[t.at_bottom + cell]] = ring
    s[t.at_bottom + cell] = ring
    if s[t.at_cap + cell] == s[t.at_height + cell] and s[CELLS + cell] == STACK + seat:
        s[t.at_cap + cell] += 1
    s[t.at_height + cell] += 1
    s[RINGS + seat] += 1


@kernel
def holds_buried(t: Tables, s: Row, cell: int, seat: int) -> bool:
    """Whether the stack on `cell` holds a ring of `seat` below its top ring."""
    ring = s[t.at_below + s[t.at_top + cell]]
    while ring >= 0:
        if s[t.at_owner + ring] == seat:
            return True
        ring = s[t.at_below + ring]
    return False


@kernel
def extract_bottommost(t: Tables, s: Row, cell: int, seat: int, keep_top: bool) -> None:
    """Take the bottommost ring of `seat` out of the stack on `cell`; `keep_top` spares the top."""
    above = -1
    found_above = -1
    found = -1
    ring = s[t.at_top + cell]
    if keep_top:
        above = ring
        ring = s[t.at_below + ring]
    while ring >= 0:
        if s[t.at_owner + ring] == seat:
            found = ring
            found_above = above
        above = ring
        ring = s[t.at_below + ring]
    if found_above < 0:
        pop_top(t, s, cell)
        return
    s[t.at_below + found_above] = s[t.at_below + found]
    if s[t.at_bottom + cell] == found:
        s[t.at_bottom + cell] = found_above
    s[t.at_below + found] = s[FREE]
    s[FREE] = found
    s[RINGS + seat] -= 1
    s[t.at_height + cell] -= 1
    s[t.at_cap + cell] = count_cap(t, s, cell)


@kernel
def relocate(t: Tables, s: Row, start: int, end: int) -> None:
    """Carry the stack from `start` to the empty cell `end`."""
    s[CELLS + end] = s[CELLS + start]
    s[t.at_height + end] = s[t.at_height + start]
    s[t.at_cap + end] = s[t.at_cap + start]
    s[t.at_top + end] = s[t.at_top + start]
    s[t.at_bottom + end] = s[t.at_bottom + start]
    s[CELLS + start] = EMPTY
    s[t.at_height + start] = 0
    s[t.at_cap + start] = 0
    s[t.at_top + start] = -1
    s[t.at_bottom + start] = -1


@kernel
def set_marker(s: Row, cell: int, seat: int) -> None:
    """Put a marker of `seat` on an empty cell."""
    s[CELLS + cell] = MARKER + seat
    s[MARKERS + seat] += 1


@kernel
def clear_marker(s: Row, cell: int) -> None:
    """Take the marker off `cell`."""
    s[MARKERS + s[CELLS + cell] - MARKER] -= 1
    s[CELLS + cell] = EMPTY


@kernel
def collapse(s: Row, cell: int, seat: int) -> None:
    """Make a cell that holds a marker or nothing territory of `seat`."""
    content = s[CELLS + cell]
    if content != EMPTY:
        s[MARKERS + content - MARKER] -= 1
    s[CELLS + cell] = COLLAPSED + seat
    s[TERR + seat] += 1


@kernel
def eliminate_top(t: Tables, s: Row, cell: int, causer: int) -> None:
    """Eliminate the top ring of a stack, credited to `causer`."""
    pop_top(t, s, cell)
    s[ELIM + causer] += 1


@kernel
def eliminate_cap(t: Tables, s: Row, cell: int, causer: int) -> None:
    """Eliminate the whole cap of a stack, credited to `causer`."""
    for _ in range(s[t.at_cap + cell]):
        eliminate_top(t, s, cell, causer)


@kernel
def eliminate_stack(t: Tables, s: Row, cell: int, causer: int) -> None:
    """Eliminate every ring of a stack, credited to `causer`."""
    for _ in range(s[t.at_height + cell]):
        eliminate_top(t, s, cell, causer)
