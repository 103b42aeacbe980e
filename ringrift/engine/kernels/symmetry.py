"""The symmetries of a board acting on positions and on their choices.

On planes and indices they act through these: the image of a position is encoded, and the images of
its choices are given their indices in it.
"""

import numpy as np

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.hashing import position_hash
from ringrift.engine.kernels.position import slide_direction, slide_start
from ringrift.engine.kernels.recovery import formed_run
from ringrift.engine.kernels.territory import fill_region
from ringrift.engine.moves import (
    CAPTURE_NEXT,
    EXTRACT,
    FORCED,
    LINE,
    LINE_WINDOW,
    MOVE,
    PAY,
    PLACE,
    RECOVER_LINE,
    RECOVER_STRIKE,
    RECOVER_WINDOW,
    REGION,
    SLIDE,
    SLIDE_WHOLE,
    SLIDE_WINDOW,
    encode,
    field_a,
    field_b,
    field_c,
    field_d,
    kind_of,
)
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import CELLS, MUST, PART, Row
from ringrift.engine.symmetry import Symmetries


@kernel
def transform_row(t: Tables, y: Symmetries, k: int, s: Row, out: Row) -> None:
    """Write the image of a position under symmetry `k`."""
    out[:] = s
    for c in range(t.cells):
        image = int64(y.cell[k, c])
        for at in (CELLS, t.at_height, t.at_cap, t.at_top, t.at_bottom):
            out[at + image] = s[at + c]
    if s[MUST] >= 0:
        out[MUST] = y.cell[k, s[MUST]]
    if s[PART] != 0:
        start = int64(y.cell[k, slide_start(s)])
        out[PART] = 1 + 8 * start + int64(y.direction[k, slide_direction(s)])


@kernel
def canonical_hash(t: Tables, y: Symmetries, s: Row, spare: Row) -> np.uint64:
    """A hash that a position shares with all that the rules treat alike; `spare` is a row."""
    least = position_hash(t, s)
    for k in range(1, y.cell.shape[0]):
        if y.exact[k]:
            transform_row(t, y, k, s, spare)
            least = min(least, position_hash(t, spare))
    return least


@kernel
def _first_of_run(t: Tables, y: Symmetries, k: int, first: int, length: int, axis: int) -> int:
    """The first cell of a run's image: that of one of its ends."""
    last = first
    for _ in range(length - 1):
        last = int64(t.nbr[last, t.axis[axis, 0]])
    return min(int64(y.cell[k, first]), int64(y.cell[k, last]))


@kernel
def _region(t: Tables, y: Symmetries, k: int, s: Row, move: int, scratch: Scratch) -> int:
    lowest = int64(t.cells)
    for i in range(fill_region(t, s, move, scratch)):
        lowest = min(lowest, int64(y.cell[k, scratch.queue[i]]))
    return encode(REGION, lowest, field_b(move))


@kernel
def _recovery(t: Tables, y: Symmetries, k: int, move: int) -> int:
    c, d = field_c(move), field_d(move)
    direction = int64(y.direction[k, d & 7])
    if kind_of(move) == RECOVER_WINDOW:
        c = _first_of_run(t, y, k, c, t.line, d >> 3)
        direction += 8 * int64(y.axis[k, d >> 3])
    else:
        c = int64(y.cell[k, c])
    start, end = int64(y.cell[k, field_a(move)]), int64(y.cell[k, field_b(move)])
    return encode(kind_of(move), start, end, c, direction)


@kernel
def _line_part(t: Tables, y: Symmetries, k: int, s: Row, choice: int) -> int:
    length = t.line
    if kind_of(choice) == SLIDE_WHOLE:
        start = slide_start(s)
        length = formed_run(t, s, start, int64(t.nbr[start, slide_direction(s)]))[1]
    axis = field_b(choice)
    first = _first_of_run(t, y, k, field_a(choice), length, axis)
    return encode(kind_of(choice), first, int64(y.axis[k, axis]))


@kernel
def transform_choice(
    t: Tables, y: Symmetries, k: int, s: Row, choice: int, scratch: Scratch
) -> int:
    """The image under symmetry `k` of a legal move of `s`, or of a choice of that position."""
    kind, a, b = kind_of(choice), field_a(choice), field_b(choice)
    if kind in (PLACE, PAY, FORCED, EXTRACT):
        return encode(kind, int64(y.cell[k, a]), b)
    if MOVE <= kind <= CAPTURE_NEXT:
        target = 0 if kind == MOVE else int64(y.cell[k, field_c(choice)])
        d = int64(y.direction[k, field_d(choice)])
        return encode(kind, int64(y.cell[k, a]), int64(y.cell[k, b]), target, d)
    if RECOVER_LINE <= kind <= RECOVER_STRIKE:
        return _recovery(t, y, k, choice)
    if LINE <= kind <= LINE_WINDOW:
        axis = field_c(choice)
        first = _first_of_run(t, y, k, a, b, axis)
        return encode(kind, first, b, int64(y.axis[k, axis]))
    if kind == REGION:
        return _region(t, y, k, s, choice, scratch)
    if kind == SLIDE:
        return encode(SLIDE, int64(y.cell[k, a]), int64(y.direction[k, b]))
    if kind in (SLIDE_WHOLE, SLIDE_WINDOW):
        return _line_part(t, y, k, s, choice)
    return choice
