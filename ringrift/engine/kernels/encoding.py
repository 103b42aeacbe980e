"""Policy indices: where a choice lies in the network's output.

Planes of height x width, in this order:

| planes | choice | cell |
| --- | --- | --- |
| 3 | place_ring by count | the cell |
| directions x distances | moves and captures by direction, then distance of the landing | from |
| 1 | eliminations of every kind | the stack |
| 2 x axes | lines by axis: the whole of a line, or a window of one | first cell |
| players + 1 | regions: without a border colour, or by its seat from the mover on | lowest cell |
| directions | recovery slides (their options are lines, their extractions eliminations) | from |
| 6 | skip_placement, skip_capture, skip_recovery, skip_territory_processing, | cell 0 |
| | swap_sides, and every forced no-op | |

Every choice of a position has an index of its own among them.
"""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.moves import (
    CAPTURE_NEXT,
    EXTRACT,
    FORCED,
    LINE,
    LINE_WINDOW,
    MOVE,
    PAY,
    PLACE,
    REGION,
    SKIP_CAPTURE,
    SKIP_PLACEMENT,
    SKIP_RECOVERY,
    SKIP_TERRITORY,
    SLIDE,
    SLIDE_WHOLE,
    SLIDE_WINDOW,
    SWAP_SIDES,
    field_a,
    field_b,
    field_c,
    field_d,
    kind_of,
)
from ringrift.engine.rules import PLACE_PLANES, Tables
from ringrift.engine.state import SEAT, Row


@kernel
def _scalar_plane(kind: int) -> int:
    if kind == SKIP_PLACEMENT:
        return 0
    if kind == SKIP_CAPTURE:
        return 1
    if kind == SKIP_RECOVERY:
        return 2
    if kind == SKIP_TERRITORY:
        return 3
    if kind == SWAP_SIDES:
        return 4
    return 5


@kernel
def ray_distance(t: Tables, start: int, end: int) -> int:
    """Steps between two cells of one ray (on hex boards too: z never changes by more)."""
    dx = abs(int64(t.xy[start, 0]) - int64(t.xy[end, 0]))
    dy = abs(int64(t.xy[start, 1]) - int64(t.xy[end, 1]))
    return max(dx, dy)


@kernel
def _index(t: Tables, plane: int, cell: int) -> int:
    return plane * t.height * t.width + int64(t.grid[cell])


@kernel
def action_index(t: Tables, s: Row, choice: int) -> int:
    """Index of a choice of a position in [0, t.actions); seats are counted from the mover."""
    kind = kind_of(choice)
    cell = field_a(choice)
    plane = 0
    if kind == PLACE:
        return _index(t, field_b(choice) - 1, cell)
    plane += PLACE_PLANES
    if MOVE <= kind <= CAPTURE_NEXT:
        plane += field_d(choice) * t.distances + ray_distance(t, cell, field_b(choice)) - 1
        return _index(t, plane, cell)
    plane += t.directions * t.distances
    if kind in (PAY, FORCED, EXTRACT):
        return _index(t, plane, cell)
    plane += 1
    if LINE <= kind <= LINE_WINDOW:
        plane += 2 * field_c(choice) + (1 if kind == LINE_WINDOW else 0)
        return _index(t, plane, cell)
    if kind in (SLIDE_WHOLE, SLIDE_WINDOW):
        plane += 2 * field_b(choice) + (1 if kind == SLIDE_WINDOW else 0)
        return _index(t, plane, cell)
    plane += 2 * t.axes
    if kind == REGION:
        if field_b(choice) > 0:
            plane += 1 + (field_b(choice) - 1 - int64(s[SEAT]) + t.players) % t.players
        return _index(t, plane, cell)
    plane += t.players + 1
    if kind == SLIDE:
        return _index(t, plane + field_b(choice), cell)
    plane += t.directions + _scalar_plane(kind)
    return _index(t, plane, 0)
