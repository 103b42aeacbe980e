"""Positions as search sees them: a state, and what of a recovery has been chosen so far.

A recovery is one canonical move with up to 574 spellings, so search chooses it in parts: the slide,
then the whole line or a window of it where that is open, then the stack that pays. Parts lie in the
row (PART, OPTION); the last one completes the move. Everything else is chosen as a whole.
"""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.placement import recovery_eligible
from ringrift.engine.kernels.play import apply_move, legal_moves
from ringrift.engine.kernels.recovery import formed_run, list_buried
from ringrift.engine.moves import (
    EXTRACT,
    RECOVER_FALLBACK,
    RECOVER_LINE,
    RECOVER_STRIKE,
    RECOVER_WINDOW,
    SKIP_RECOVERY,
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
from ringrift.engine.state import (
    CELLS,
    COLLAPSED,
    EMPTY,
    MARKER,
    MOVEMENT,
    OPTION,
    PART,
    PHASE,
    SEAT,
    STACK,
    Moves,
    Row,
)

INCOMPLETE = -1
"""Instead of a move: what was chosen is only part of one."""


@kernel
def slide_start(s: Row) -> int:
    """The marker that the chosen slide takes; PART must be set."""
    return int64(s[PART] - 1) >> 3


@kernel
def slide_direction(s: Row) -> int:
    """The direction of the chosen slide; PART must be set."""
    return int64(s[PART] - 1) & 7


@kernel
def _list_slides(t: Tables, s: Row, out: Moves) -> int:
    """The slides of an eligible mover: those that make a line, or all others if none does."""
    marker = MARKER + int64(s[SEAT])
    n = 0
    for lines in (True, False):
        for start in range(t.cells):
            if s[CELLS + start] != marker:
                continue
            for d in range(t.directions):
                end = int64(t.nbr[start, d])
                if end < 0 or EMPTY < s[CELLS + end] < STACK:
                    continue
                if lines and (s[CELLS + end] != EMPTY or formed_run(t, s, start, end)[1] < t.line):
                    continue
                out[n] = encode(SLIDE, start, d)
                n += 1
        if n > 0:
            break
    return n


@kernel
def _list_rest(t: Tables, s: Row, out: Moves, scratch: Scratch) -> int:
    """What is still open once the slide is chosen."""
    start = slide_start(s)
    end = int64(t.nbr[start, slide_direction(s)])
    n = 0
    if s[OPTION] == 0 and s[CELLS + end] == EMPTY:
        first, length, axis = formed_run(t, s, start, end)
        if length > t.line:
            out[0] = encode(SLIDE_WHOLE, first, axis)
            n = 1
            for _ in range(length - t.line + 1):
                out[n] = encode(SLIDE_WINDOW, first, axis)
                n += 1
                first = int64(t.nbr[first, t.axis[axis, 0]])
            return n
    n = list_buried(t, s, int64(s[SEAT]), scratch.payers)
    for i in range(n):
        out[i] = encode(EXTRACT, int64(scratch.payers[i]))
    return n


@kernel
def list_choices(t: Tables, s: Row, out: Moves, scratch: Scratch) -> int:
    """Write every choice of a position to `out` and return their number; 0 when over.

    They are legal moves, or parts of recoveries. `out` holds at least t.max_moves.
    """
    if s[PART] != 0:
        return _list_rest(t, s, out, scratch)
    if s[PHASE] == MOVEMENT and recovery_eligible(s, int64(s[SEAT])):
        n = _list_slides(t, s, out)
        out[n] = encode(SKIP_RECOVERY)
        return n + 1
    return legal_moves(t, s, out, scratch)


@kernel
def _completed(t: Tables, s: Row, choice: int) -> int:
    start, d = slide_start(s), slide_direction(s)
    end = int64(t.nbr[start, d])
    if kind_of(choice) == SLIDE_WINDOW:
        return encode(RECOVER_WINDOW, start, end, field_a(choice), d + 8 * field_b(choice))
    kind = RECOVER_STRIKE
    if s[CELLS + end] < COLLAPSED:
        kind = RECOVER_LINE if formed_run(t, s, start, end)[1] >= t.line else RECOVER_FALLBACK
    return encode(kind, start, end, field_a(choice), d)


@kernel
def choose(t: Tables, s: Row, choice: int, scratch: Scratch) -> int:
    """Take a choice of the position in place; the move that it is or completes, else INCOMPLETE.

    A legal move may also be given whole, as long as no part of one is chosen.
    """
    kind = kind_of(choice)
    if kind == SLIDE:
        s[PART] = 1 + 8 * field_a(choice) + field_b(choice)
        return INCOMPLETE
    if kind == SLIDE_WHOLE:
        s[OPTION] = 1
        return INCOMPLETE
    move = choice
    if kind in (SLIDE_WINDOW, EXTRACT):
        move = _completed(t, s, choice)
        s[PART] = 0
        s[OPTION] = 0
    apply_move(t, s, move, scratch)
    return move


@kernel
def part_of(t: Tables, s: Row, move: int) -> int:
    """The choice of this position that leads to a legal move."""
    kind = kind_of(move)
    if not RECOVER_LINE <= kind <= RECOVER_STRIKE:
        return move
    if s[PART] == 0:
        return encode(SLIDE, field_a(move), field_d(move) & 7)
    if kind == RECOVER_WINDOW:
        return encode(SLIDE_WINDOW, field_c(move), field_d(move) >> 3)
    if kind == RECOVER_LINE and s[OPTION] == 0:
        first, length, axis = formed_run(t, s, field_a(move), field_b(move))
        if length > t.line:
            return encode(SLIDE_WHOLE, first, axis)
    return encode(EXTRACT, field_c(move))


@kernel
def settle(t: Tables, s: Row, out: Moves, log: Moves, scratch: Scratch) -> tuple[int, int]:
    """Take single choices until a decision or the end.

    Returns (n_choices, n_forced): the choices of the decision lie in `out`, the moves that the
    forced ones completed in `log`. n_choices is 0 when the game is over. Should `log` fill up, it
    stops early with n_choices 1; call again.
    """
    forced = 0
    n = list_choices(t, s, out, scratch)
    while n == 1 and forced < log.shape[0]:
        # A slide, and which of its options, are never without an alternative: this completes.
        log[forced] = choose(t, s, out[0], scratch)
        forced += 1
        n = list_choices(t, s, out, scratch)
    return n, forced
