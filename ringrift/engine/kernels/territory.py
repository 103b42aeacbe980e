"""Regions: areas cut off by one colour's markers and walls, and what claiming one does."""

from ringrift.engine.jit import int64, kernel
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
    COLLAPSED,
    EMPTY,
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


@kernel
def _inside(s: Row, cell: int, border: int) -> bool:
    """Whether `cell` belongs to some component: no wall, and no marker of the border colour."""
    content = s[CELLS + cell]
    return content != border and (content < COLLAPSED or content >= STACK)


@kernel
def _fill(t: Tables, s: Row, lowest: int, border: int, label: Row, queue: Row) -> int:
    """Mark the component of `lowest` in `label` with `lowest`, list it in `queue`; its size."""
    label[lowest] = lowest
    queue[0] = lowest
    size = 1
    done = 0
    while done < size:
        c = int64(queue[done])
        done += 1
        for k in range(6):
            other = int64(t.adj[c, k])
            if other >= 0 and label[other] != lowest and _inside(s, other, border):
                label[other] = lowest
                queue[size] = other
                size += 1
    return size


@kernel
def _flag_payers(t: Tables, s: Row, payers: Row) -> int:
    """Flag the stacks that can pay for a region, and count them."""
    seat = int64(s[SEAT])
    total = 0
    for c in range(t.cells):
        content = s[CELLS + c]
        pays = content == STACK + seat
        if s[REC] == 1:
            pays = content >= STACK and holds_buried(t, s, c, seat)
        payers[c] = 1 if pays else 0
        total += int64(payers[c])
    return total


@kernel
def _seen_before(scratch: Scratch, size: int, lowest: int, k: int) -> bool:
    """Whether an earlier border colour gave exactly the component now in the queue."""
    for j in range(k):
        label = scratch.labels[j]
        if label[lowest] != lowest or scratch.sizes[j, lowest] != size:
            continue
        same = True
        for i in range(size):
            if label[scratch.queue[i]] != lowest:
                same = False
                break
        if same:
            return True
    return False


@kernel
def _claimable(s: Row, size: int, active: int, spare: int, scratch: Scratch) -> bool:
    """Whether the component in the queue misses an active colour and leaves a payer outside."""
    represented = 0
    paying = 0
    for i in range(size):
        c = int64(scratch.queue[i])
        content = s[CELLS + c]
        if content >= STACK:
            represented |= 1 << int64(content - STACK)
            paying += int64(scratch.payers[c])
    return represented != active and paying < spare


@kernel
def list_regions(t: Tables, s: Row, out: Moves, scratch: Scratch, limit: int) -> int:
    """Regions the mover may claim; stops once `limit` are found (ENGINE_NOTES 9.1, 9.2).

    Border colours are tried in the order none, mover, then the seats after the mover; a cell set
    that several give is listed once, under the first.
    """
    seat = int64(s[SEAT])
    if s[REC] == 0 and s[STACKS + seat] == 0:
        return 0
    spare = _flag_payers(t, s, scratch.payers)
    if spare == 0:
        return 0
    active = 0
    for q in range(t.players):
        if s[RINGS + q] > 0:
            active |= 1 << q
    n = 0
    for k in range(t.players + 1):
        border = NO_BORDER
        colour = 0
        label = scratch.labels[k]
        label[:] = -1
        if k > 0:
            owner = (seat + k - 1) % t.players
            if s[MARKERS + owner] == 0:
                continue
            border = MARKER + owner
            colour = owner + 1
        for c in range(t.cells):
            if label[c] >= 0 or not _inside(s, c, border):
                continue
            size = _fill(t, s, c, border, label, scratch.queue)
            scratch.sizes[k, c] = size
            if _claimable(s, size, active, spare, scratch) and not _seen_before(
                scratch, size, c, k
            ):
                out[n] = encode(REGION, c, colour)
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
def fill_region(t: Tables, s: Row, move: int, scratch: Scratch) -> int:
    """List the cells of a REGION in scratch.queue and mark them in scratch.labels[0]; their count.

    Marked means equal to the region's lowest cell.
    """
    label = scratch.labels[0]
    label[:] = -1
    border = NO_BORDER
    if field_b(move) > 0:
        border = MARKER + field_b(move) - 1
    return _fill(t, s, field_a(move), border, label, scratch.queue)


@kernel
def _list_border(t: Tables, s: Row, size: int, scratch: Scratch) -> int:
    """Append the border of the region in the queue; the new end of the queue.

    Seeds are the markers next to the region; from them it spreads over touching markers of any
    owner, except on the hexagonal board.
    """
    label, queue = scratch.labels[0], scratch.queue
    mark = queue[0]
    end = size
    for i in range(size):
        for k in range(6):
            c = t.adj[queue[i], k]
            if c >= 0 and label[c] != mark and EMPTY < s[CELLS + c] < COLLAPSED:
                label[c] = mark
                queue[end] = c
                end += 1
    done = size
    while done < end:
        for k in range(8):
            c = t.spread[queue[done], k]
            if c >= 0 and label[c] != mark and EMPTY < s[CELLS + c] < COLLAPSED:
                label[c] = mark
                queue[end] = c
                end += 1
        done += 1
    return end


@kernel
def claim_region(t: Tables, s: Row, move: int, scratch: Scratch) -> None:
    """Effect of REGION on the board, and the cost it leaves pending (ENGINE_NOTES 9.4)."""
    seat = int64(s[SEAT])
    size = fill_region(t, s, move, scratch)
    end = _list_border(t, s, size, scratch)
    for i in range(end):
        c = int64(scratch.queue[i])
        if s[CELLS + c] >= STACK:
            eliminate_stack(t, s, c, seat)
        collapse(s, c, seat)
    s[PEND] = PEND_RECOVERY if s[REC] == 1 else PEND_TERRITORY
