"""Ring placement, and what counts as a real action for the last-player-standing counter."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.movement import any_travel, can_capture, can_travel, open_run
from ringrift.engine.moves import NO_PLACEMENT, PLACE, SKIP_PLACEMENT, SWAP_SIDES, encode
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    CELLS,
    EMPTY,
    HAND,
    MARKERS,
    RINGS,
    SEAT,
    STACK,
    STACKS,
    SWAP,
    Moves,
    Row,
)


@kernel
def recovery_eligible(s: Row, seat: int) -> bool:
    """No stack, a marker, and a ring on the board (then necessarily a buried one)."""
    return s[STACKS + seat] == 0 and s[MARKERS + seat] > 0 and s[RINGS + seat] > 0


@kernel
def _can_add_one(t: Tables, s: Row, cell: int, seat: int) -> bool:
    cap = 1
    if s[CELLS + cell] == STACK + seat:
        cap += int64(s[t.at_cap + cell])
    return can_travel(t, s, cell, int64(s[t.at_height + cell]) + 1, cap)


@kernel
def list_placements(t: Tables, s: Row, seat: int, out: Moves, limit: int) -> int:
    """Placements of `seat` in cell order, by rising count; stops once `limit` are found."""
    most = min(3, int64(s[HAND + seat]))
    n = 0
    if most <= 0:
        return n
    for c in range(t.cells):
        if n >= limit:
            break
        content = s[CELLS + c]
        if content == EMPTY:
            run = open_run(t, s, c, most)
            for count in range(1, most + 1):
                if count <= run or can_capture(t, s, c, count, count):
                    out[n] = encode(PLACE, c, count)
                    n += 1
        elif content >= STACK and _can_add_one(t, s, c, seat):
            out[n] = encode(PLACE, c, 1)
            n += 1
    return n


@kernel
def list_placement_phase(t: Tables, s: Row, out: Moves) -> int:
    """Everything the mover may choose in ring_placement (ENGINE_NOTES 4)."""
    seat = int64(s[SEAT])
    n = list_placements(t, s, seat, out, t.max_moves)
    if n > 0 and (any_travel(t, s, seat) or recovery_eligible(s, seat)):
        out[n] = encode(SKIP_PLACEMENT)
        n += 1
    if n == 0:
        out[0] = encode(NO_PLACEMENT)
        n = 1
    if s[SWAP] == 1 and seat == 1:
        out[n] = encode(SWAP_SIDES)
        n += 1
    return n


@kernel
def real_action(t: Tables, s: Row, seat: int, spare: Moves) -> bool:
    """Whether `seat` has a placement, move or capture now, whoever's turn it is."""
    return any_travel(t, s, seat) or list_placements(t, s, seat, spare, int64(1)) > 0
