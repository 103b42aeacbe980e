"""Regions: areas cut off by one colour's markers and walls, and what claiming one does."""

import numpy as np

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.bitmaps import (
    ONE,
    ZERO,
    Bits,
    area_of,
    bit_of,
    border_of,
    flood,
    list_cells,
    row_of,
    scan,
)
from ringrift.engine.kernels.lines import list_payers
from ringrift.engine.kernels.stacks import collapse, eliminate_stack, holds_buried
from ringrift.engine.moves import (
    NO_TERRITORY,
    PAY,
    REGION,
    SKIP_TERRITORY,
    encode,
    field_a,
    field_b,
)
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import (
    CELLS,
    MARKER,
    MARKERS,
    PEND,
    PEND_NONE,
    PEND_RECOVERY,
    PEND_TERRITORY,
    REC,
    RINGS,
    SEAT,
    STACK,
    STACKS,
    Moves,
    Row,
)

NO_BORDER = -1

# Places in scratch.areas.
PAYERS = 0
INSIDE = 1
LEFT = 2
AREA = 3


@kernel
def _write_payers(t: Tables, s: Row, scratch: Scratch) -> bool:
    """Write the stacks that can pay for a region; whether there are any."""
    payers = scratch.areas[PAYERS]
    payers[:] = ZERO
    any_payer = False
    for c in range(t.cells):
        content = s[CELLS + c]
        pays = content == STACK + s[SEAT]
        if s[REC] == 1:
            pays = content >= STACK and holds_buried(t, s, c, int64(s[SEAT]))
        if pays:
            payers[row_of(t, c)] |= bit_of(t, c)
            any_payer = True
    return any_payer


@kernel
def _claimable(t: Tables, area: Bits, active: int, scratch: Scratch) -> bool:
    """Whether an area misses an active colour, and leaves a payer outside."""
    payers = scratch.areas[PAYERS]
    missing = active
    paid = False
    for x in range(t.height):
        paid = paid or (payers[x] & ~area[x]) != ZERO
        for q in range(t.players):
            if area[x] & scratch.bits[STACK + q, x]:
                missing &= ~(1 << q)
    return paid and missing != 0


@kernel
def _listed(area: Bits, n: int, scratch: Scratch) -> bool:
    """Whether an earlier border colour gave exactly this area."""
    for i in range(n):
        same = True
        for x in range(area.shape[0]):
            if scratch.regions[i, x] != area[x]:
                same = False
                break
        if same:
            return True
    return False


@kernel
def _lowest(t: Tables, area: Bits) -> int:
    """The lowest cell of an area that is not empty."""
    x = 0
    while area[x] == ZERO:
        x += 1
    y = 0
    while not (area[x] >> np.uint64(y)) & ONE:
        y += 1
    return int64(t.cell_at[x * t.width + y])


@kernel
def _next_area(t: Tables, x: int, inside: Bits, left: Bits, area: Bits) -> bool:
    """Move the area of the first cell left in row `x` from `left` to `area`.

    Whether there are others: an area that is all there is leaves no payer outside.
    """
    area[:] = ZERO
    area[x] = left[x] & (~left[x] + ONE)
    flood(t, inside, area)
    others = False
    for i in range(t.height):
        others = others or area[i] != inside[i]
        left[i] &= ~area[i]
    return others


@kernel
def list_regions(t: Tables, s: Row, out: Moves, scratch: Scratch, limit: int) -> int:
    """Regions the mover may claim; stops once `limit` are found (ENGINE_NOTES 9.1, 9.2).

    Border colours are tried in the order none, mover, then the seats after the mover; a cell set
    that several give is listed once, under the first.
    """
    seat = int64(s[SEAT])
    if s[REC] == 0 and s[STACKS + seat] == 0:
        return 0
    if not _write_payers(t, s, scratch):
        return 0
    scan(t, s, scratch.bits)
    active = 0
    for q in range(t.players):
        if s[RINGS + q] > 0:
            active |= 1 << q
    inside, left, area = scratch.areas[INSIDE], scratch.areas[LEFT], scratch.areas[AREA]
    n = 0
    for k in range(t.players + 1):
        border = NO_BORDER
        colour = 0
        if k > 0:
            owner = (seat + k - 1) % t.players
            if s[MARKERS + owner] == 0:
                continue
            border = MARKER + owner
            colour = owner + 1
        area_of(t, scratch.bits, border, inside)
        left[:] = inside
        for x in range(t.height):
            while left[x] != ZERO:
                others = _next_area(t, x, inside, left, area)
                if not others or not _claimable(t, area, active, scratch):
                    continue
                if not _listed(area, n, scratch):
                    scratch.regions[n] = area
                    out[n] = encode(REGION, _lowest(t, area), colour)
                    n += 1
                    if n >= limit:
                        return n
    return n


@kernel
def list_buried_payers(t: Tables, s: Row, out: Moves) -> int:
    """One recovery payment for each stack holding a buried ring of the mover."""
    n = 0
    for c in range(t.cells):
        if s[CELLS + c] >= STACK and holds_buried(t, s, c, int64(s[SEAT])):
            out[n] = encode(PAY, c, PEND_RECOVERY)
            n += 1
    return n


@kernel
def list_territory_phase(t: Tables, s: Row, out: Moves, scratch: Scratch) -> int:
    """Everything the mover may choose in territory_processing (ENGINE_NOTES 9.3)."""
    if s[PEND] == PEND_RECOVERY:
        return list_buried_payers(t, s, out)
    if s[PEND] != PEND_NONE:
        return list_payers(t, s, PEND_TERRITORY, out)
    n = list_regions(t, s, out, scratch, t.max_moves - 1)
    out[n] = encode(NO_TERRITORY if n == 0 else SKIP_TERRITORY)
    return n + 1


@kernel
def _region(t: Tables, s: Row, move: int, scratch: Scratch) -> None:
    """Write the area of a REGION to scratch.areas[AREA]."""
    cell = field_a(move)
    border = NO_BORDER
    if field_b(move) > 0:
        border = MARKER + field_b(move) - 1
    scan(t, s, scratch.bits)
    area_of(t, scratch.bits, border, scratch.areas[INSIDE])
    area = scratch.areas[AREA]
    area[:] = ZERO
    area[row_of(t, cell)] = bit_of(t, cell)
    flood(t, scratch.areas[INSIDE], area)


@kernel
def fill_region(t: Tables, s: Row, move: int, scratch: Scratch) -> int:
    """List the cells of a REGION in scratch.queue, in cell order; their number."""
    _region(t, s, move, scratch)
    return list_cells(t, scratch.areas[AREA], scratch.queue)


@kernel
def claim_region(t: Tables, s: Row, move: int, scratch: Scratch) -> None:
    """Effect of REGION on the board, and the cost it leaves pending (ENGINE_NOTES 9.4)."""
    seat = int64(s[SEAT])
    _region(t, s, move, scratch)
    area, border = scratch.areas[AREA], scratch.areas[LEFT]
    border_of(t, scratch.bits, area, border)
    for x in range(t.height):
        border[x] |= area[x]
    for i in range(list_cells(t, border, scratch.queue)):
        c = int64(scratch.queue[i])
        if s[CELLS + c] >= STACK:
            eliminate_stack(t, s, c, seat)
        collapse(s, c, seat)
    s[PEND] = PEND_RECOVERY if s[REC] == 1 else PEND_TERRITORY
