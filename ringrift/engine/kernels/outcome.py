"""Ranks of a finished game."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.rules import Tables
from ringrift.engine.state import (
    ELIM,
    GONE,
    HAND,
    MARKERS,
    REASON,
    REASON_STALEMATE,
    TERR,
    WINNER,
    Moves,
    Row,
)


@kernel
def _credit(s: Row, seat: int) -> int:
    if s[REASON] == REASON_STALEMATE:
        return int64(s[ELIM + seat]) + int64(s[HAND + seat])
    return int64(s[ELIM + seat])


@kernel
def _better(s: Row, a: int, b: int) -> bool:
    """Whether seat `a` compares better than `b`: territory, eliminations, markers, time."""
    if s[TERR + a] != s[TERR + b]:
        return s[TERR + a] > s[TERR + b]
    if _credit(s, a) != _credit(s, b):
        return _credit(s, a) > _credit(s, b)
    if s[MARKERS + a] != s[MARKERS + b]:
        return s[MARKERS + a] > s[MARKERS + b]
    if s[GONE + a] == 0 or s[GONE + b] == 0:
        return s[GONE + a] == 0 and s[GONE + b] != 0
    return s[GONE + a] > s[GONE + b]


@kernel
def ranking(t: Tables, s: Row, out: Moves) -> None:
    """Write the rank of every seat of a finished game: 1 for the winner, ties share a rank.

    FORMAT section 2. Who lost its last ring when is known from the turns played on this row.
    """
    winner = int64(s[WINNER])
    for a in range(t.players):
        rank = 1
        if a != winner:
            rank = 2
            for b in range(t.players):
                if winner != b != a and _better(s, b, a):
                    rank += 1
        out[a] = rank
