"""The phases as one machine: what is legal now, what a choice leads to, which steps are forced."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.lines import any_line, collapse_line, list_line_phase
from ringrift.engine.kernels.movement import can_capture_on, list_movement, list_travel, travel
from ringrift.engine.kernels.placement import list_placement_phase, recovery_eligible
from ringrift.engine.kernels.recovery import list_recovery, recover
from ringrift.engine.kernels.stacks import (
    eliminate_cap,
    eliminate_top,
    extract_bottommost,
    push_top,
)
from ringrift.engine.kernels.territory import claim_region, list_regions, list_territory_phase
from ringrift.engine.kernels.turn import end_turn
from ringrift.engine.moves import (
    CAPTURE_NEXT,
    FORCED,
    LINE,
    LINE_WINDOW,
    MOVE,
    NO_LINE,
    NO_MOVEMENT,
    PAY,
    PLACE,
    RECOVER_LINE,
    RECOVER_STRIKE,
    REGION,
    SKIP_CAPTURE,
    SWAP_SIDES,
    encode,
    field_a,
    field_b,
    kind_of,
)
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import (
    ACT,
    CAPTURE,
    CELLS,
    CHAIN_CAPTURE,
    ELIM,
    FORCED_ELIMINATION,
    GAME_OVER,
    HAND,
    LINE_PROCESSING,
    MOVEMENT,
    MUST,
    PEND,
    PEND_LINE,
    PEND_NONE,
    PEND_TERRITORY,
    PHASE,
    REC,
    RING_PLACEMENT,
    SEAT,
    STACK,
    STACKS,
    SWAP,
    TERRITORY_PROCESSING,
    Moves,
    Row,
)


@kernel
def _list_movement_phase(t: Tables, s: Row, out: Moves, scratch: Scratch) -> int:
    if recovery_eligible(s, int64(s[SEAT])):
        return list_recovery(t, s, out, scratch)
    n = list_movement(t, s, out)
    if n == 0:
        out[0] = encode(NO_MOVEMENT)
        n = 1
    return n


@kernel
def _list_forced(t: Tables, s: Row, out: Moves) -> int:
    n = 0
    for c in range(t.cells):
        if s[CELLS + c] == STACK + s[SEAT]:
            out[n] = encode(FORCED, c)
            n += 1
    return n


@kernel
def legal_moves(t: Tables, s: Row, out: Moves, scratch: Scratch) -> int:
    """Write every legal choice to `out` in a fixed order and return their number; 0 when over.

    `out` holds at least t.max_moves.
    """
    phase = s[PHASE]
    if phase == RING_PLACEMENT:
        return list_placement_phase(t, s, out)
    if phase == MOVEMENT:
        return _list_movement_phase(t, s, out, scratch)
    if phase == CAPTURE:
        n = list_travel(t, s, int64(s[MUST]), out, 0)
        out[n] = encode(SKIP_CAPTURE)
        return n + 1
    if phase == CHAIN_CAPTURE:
        return list_travel(t, s, int64(s[MUST]), out, 0)
    if phase == LINE_PROCESSING:
        return list_line_phase(t, s, out)
    if phase == TERRITORY_PROCESSING:
        return list_territory_phase(t, s, out, scratch)
    if phase == FORCED_ELIMINATION:
        return _list_forced(t, s, out)
    return 0


@kernel
def _enter_lines(s: Row) -> None:
    s[PHASE] = LINE_PROCESSING
    s[MUST] = -1


@kernel
def _after_travel(t: Tables, s: Row, move: int) -> None:
    end = field_b(move)
    if can_capture_on(t, s, end):
        s[PHASE] = CAPTURE if kind_of(move) == MOVE else CHAIN_CAPTURE
        s[MUST] = end
    else:
        _enter_lines(s)


@kernel
def _after_line(t: Tables, s: Row, kind: int) -> None:
    if kind != LINE_WINDOW and s[STACKS + s[SEAT]] > 0:
        s[PEND] = PEND_LINE
    elif not any_line(t, s):
        s[PHASE] = TERRITORY_PROCESSING


@kernel
def _pay(t: Tables, s: Row, move: int, scratch: Scratch) -> None:
    cell, pend, seat = field_a(move), field_b(move), int64(s[SEAT])
    s[PEND] = PEND_NONE
    s[ACT] = 1
    if pend == PEND_LINE:
        eliminate_top(t, s, cell, seat)
        return
    if pend == PEND_TERRITORY:
        eliminate_cap(t, s, cell, seat)
    else:
        extract_bottommost(t, s, cell, seat, True)
        s[ELIM + seat] += 1
    if list_regions(t, s, scratch.moves, scratch, int64(1)) == 0:
        end_turn(t, s, scratch)


@kernel
def _place(t: Tables, s: Row, move: int) -> None:
    seat, cell, count = int64(s[SEAT]), field_a(move), field_b(move)
    for _ in range(count):
        push_top(t, s, cell, seat)
    s[HAND + seat] -= count
    s[PHASE] = MOVEMENT
    s[MUST] = cell
    s[ACT] = 1


@kernel
def _leave_territory(t: Tables, s: Row, scratch: Scratch) -> None:
    if s[ACT] == 0 and s[STACKS + s[SEAT]] > 0:
        s[PHASE] = FORCED_ELIMINATION
    else:
        end_turn(t, s, scratch)


@kernel
def _act(t: Tables, s: Row, kind: int, move: int, scratch: Scratch) -> None:
    """Choices that change the board."""
    if kind == PLACE:
        _place(t, s, move)
    elif MOVE <= kind <= CAPTURE_NEXT:
        s[ACT] = 1
        travel(t, s, move)
        _after_travel(t, s, move)
    elif RECOVER_LINE <= kind <= RECOVER_STRIKE:
        s[ACT] = 1
        s[REC] = 1
        recover(t, s, move)
        _enter_lines(s)
    elif LINE <= kind <= LINE_WINDOW:
        s[ACT] = 1
        collapse_line(t, s, move)
        _after_line(t, s, kind)
    elif kind == PAY:
        _pay(t, s, move, scratch)
    elif kind == REGION:
        s[ACT] = 1
        claim_region(t, s, move, scratch)
    else:
        eliminate_cap(t, s, field_a(move), int64(s[SEAT]))
        end_turn(t, s, scratch)


@kernel
def _changes_board(kind: int) -> bool:
    return (
        kind in (PLACE, PAY, REGION, FORCED)
        or MOVE <= kind <= CAPTURE_NEXT
        or RECOVER_LINE <= kind <= RECOVER_STRIKE
        or LINE <= kind <= LINE_WINDOW
    )


@kernel
def apply_move(t: Tables, s: Row, move: int, scratch: Scratch) -> None:
    """Play `move`, which must be legal, on the row in place: effects, next phase, next seat."""
    kind = kind_of(move)
    if s[SEAT] == 1:
        s[SWAP] = 0
    if _changes_board(kind):
        _act(t, s, kind, move, scratch)
    elif s[PHASE] == RING_PLACEMENT:
        if kind != SWAP_SIDES:
            s[PHASE] = MOVEMENT
    elif kind == NO_LINE:
        s[PHASE] = TERRITORY_PROCESSING
    elif s[PHASE] == TERRITORY_PROCESSING:
        _leave_territory(t, s, scratch)
    else:
        _enter_lines(s)


@kernel
def advance(t: Tables, s: Row, out: Moves, log: Moves, scratch: Scratch) -> tuple[int, int]:
    """Apply forced single-choice steps until a decision or the end.

    Returns (n_legal, n_forced): the choices of the decision lie in `out`, the forced steps in
    `log`. n_legal is 0 when the game is over. Should `log` fill up, it stops early with n_legal 1,
    the next forced step in `out`; call again.
    """
    forced = 0
    n = legal_moves(t, s, out, scratch)
    while n == 1 and forced < log.shape[0]:
        log[forced] = out[0]
        forced += 1
        apply_move(t, s, out[0], scratch)
        n = legal_moves(t, s, out, scratch)
    return n, forced


@kernel
def is_over(s: Row) -> bool:
    """Whether the game has ended."""
    return s[PHASE] == GAME_OVER
