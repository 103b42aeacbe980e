"""Between turns: who has rings, the last-player-standing counter, victory and rotation."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels.placement import real_action
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import Scratch
from ringrift.engine.state import (
    ACT,
    CELLS,
    COLLAPSED,
    ELIM,
    EMPTY,
    GAME_OVER,
    GONE,
    HAND,
    LPS_FIRST,
    LPS_HOLDER,
    LPS_MASK,
    LPS_ROUNDS,
    MARKERS,
    MUST,
    PEND,
    PEND_NONE,
    PHASE,
    REASON,
    REASON_ELIMINATION,
    REASON_LAST_SURVIVOR,
    REASON_LPS_ROUNDS,
    REASON_STALEMATE,
    REASON_TERRITORY,
    REC,
    RING_PLACEMENT,
    RINGS,
    SEAT,
    STACKS,
    SWAP,
    TERR,
    TURN,
    WINNER,
    Row,
)


@kernel
def has_rings(s: Row, seat: int) -> bool:
    """Whether `seat` still has a ring in hand or anywhere on the board."""
    return s[HAND + seat] > 0 or s[RINGS + seat] > 0


@kernel
def _finish(s: Row, winner: int, reason: int) -> None:
    s[PHASE] = GAME_OVER
    s[SEAT] = -1
    s[WINNER] = winner
    s[REASON] = reason
    s[MUST] = -1
    s[PEND] = PEND_NONE
    s[REC] = 0
    s[ACT] = 0
    s[SWAP] = 0
    s[LPS_FIRST] = -1
    s[LPS_HOLDER] = -1
    s[LPS_ROUNDS] = 0
    s[LPS_MASK : LPS_MASK + 4] = -1


@kernel
def _reach_thresholds(t: Tables, s: Row) -> bool:
    """Victory by eliminations, then by territory."""
    for q in range(t.players):
        if s[ELIM + q] >= t.threshold:
            _finish(s, q, REASON_ELIMINATION)
            return True
    total = 0
    for q in range(t.players):
        total += int64(s[TERR + q])
    for q in range(t.players):
        if s[TERR + q] >= t.territory and 2 * s[TERR + q] > total:
            _finish(s, q, REASON_TERRITORY)
            return True
    return False


@kernel
def _survive(t: Tables, s: Row) -> bool:
    """Victory of the only seat that controls a stack when no other seat has any ring."""
    survivor = -1
    for q in range(t.players):
        if s[STACKS + q] > 0:
            if survivor >= 0:
                return False
            survivor = q
    if survivor < 0:
        return False
    for q in range(t.players):
        if q != survivor and has_rings(s, q):
            return False
    _finish(s, survivor, REASON_LAST_SURVIVOR)
    return True


@kernel
def _bare_board_playable(t: Tables, s: Row) -> bool:
    """Whether some seat could place a ring that can move, on a board without stacks."""
    holding = 0
    for q in range(t.players):
        holding += int64(s[HAND + q])
    if holding == 0:
        return False
    for c in range(t.cells):
        if s[CELLS + c] != EMPTY:
            continue
        for d in range(t.directions):
            other = t.nbr[c, d]
            if other >= 0 and s[CELLS + other] < COLLAPSED:
                return True
    return False


@kernel
def _rung_score(s: Row, seat: int, rung: int) -> int:
    if rung == 0:
        return int64(s[TERR + seat])
    if rung == 1:
        return int64(s[ELIM + seat]) + int64(s[HAND + seat])
    return int64(s[MARKERS + seat])


@kernel
def _stalemate(t: Tables, s: Row) -> None:
    """Tie-breaks on a dead bare board; the mover is the seat whose turn just ended."""
    tied = (1 << t.players) - 1
    for rung in range(3):
        best = -1
        for q in range(t.players):
            if (tied >> q) & 1:
                best = max(best, _rung_score(s, q, rung))
        for q in range(t.players):
            if (tied >> q) & 1 and _rung_score(s, q, rung) < best:
                tied &= ~(1 << q)
    # One seat left or several: either way the first one met going backwards.
    q = int64(s[SEAT])
    while not (tied >> q) & 1:
        q = (q + t.players - 1) % t.players
    _finish(s, q, REASON_STALEMATE)


@kernel
def _count_round(t: Tables, s: Row, seat: int) -> None:
    """Steps 1 and 2 of the counter's update (ENGINE_NOTES 11)."""
    first, holder = int64(s[LPS_FIRST]), int64(s[LPS_HOLDER])
    seen = False
    for q in range(t.players):
        seen = seen or s[LPS_MASK + q] >= 0
    if first < 0 or not has_rings(s, first):
        s[LPS_FIRST] = seat
        if holder < 0 or not has_rings(s, holder):
            s[LPS_HOLDER] = -1
            s[LPS_ROUNDS] = 0
    elif seat == first and seen:
        only = -1
        acting = 0
        for q in range(t.players):
            if s[LPS_MASK + q] == 1 and has_rings(s, q):
                only = q
                acting += 1
        if acting != 1:
            s[LPS_HOLDER] = -1
            s[LPS_ROUNDS] = 0
        elif only == holder:
            s[LPS_ROUNDS] += 1
        else:
            s[LPS_HOLDER] = only
            s[LPS_ROUNDS] = 1
    else:
        return
    s[LPS_MASK : LPS_MASK + 4] = -1


@kernel
def start_turn(t: Tables, s: Row, scratch: Scratch) -> None:
    """Counter update and its win test for the seat now to act."""
    seat = int64(s[SEAT])
    _count_round(t, s, seat)
    real = real_action(t, s, seat, scratch.moves)
    s[LPS_MASK + seat] = 1 if real else 0
    if s[LPS_ROUNDS] < t.lps_rounds or s[LPS_HOLDER] != seat or not real:
        return
    for q in range(t.players):
        if q != seat and has_rings(s, q) and real_action(t, s, q, scratch.moves):
            return
    _finish(s, seat, REASON_LPS_ROUNDS)


@kernel
def end_turn(t: Tables, s: Row, scratch: Scratch) -> None:
    """Victory tests, then the next seat that has rings begins its turn (ENGINE_NOTES 12)."""
    for q in range(t.players):
        if s[GONE + q] == 0 and not has_rings(s, q):
            s[GONE + q] = s[TURN]
    if _reach_thresholds(t, s) or _survive(t, s):
        return
    stacks = 0
    for q in range(t.players):
        stacks += int64(s[STACKS + q])
    if stacks == 0 and not _bare_board_playable(t, s):
        _stalemate(t, s)
        return
    seat = (int64(s[SEAT]) + 1) % t.players
    while not has_rings(s, seat):
        seat = (seat + 1) % t.players
    s[SEAT] = seat
    s[TURN] += 1
    s[PHASE] = RING_PLACEMENT
    s[MUST] = -1
    s[PEND] = PEND_NONE
    s[REC] = 0
    s[ACT] = 0
    start_turn(t, s, scratch)
