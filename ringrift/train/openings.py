"""Where the games of a match begin.

Players are noiseless, so openings carry the variety of a match: random full turns from a seeded
generator, no two alike under the symmetries of the board, and none that a judge thinks decided.
The k-th opening of a seed is the same however many are asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as numbers
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.kernels import canonical_hash, new_scratch
from ringrift.engine.rng import below, seed_rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Row, new_state
from ringrift.engine.symmetry import symmetries_for
from ringrift.engine.text import board_of
from ringrift.train.encode import write_batch
from ringrift.train.play import Referee, play_random_turns
from ringrift.train.search.search import Evaluates
from ringrift.train.seeds import seed_of

Judge = Callable[[Sequence[Row]], NDArray[np.float32]]
"""Utilities [B, players] of decisions, relative to their movers."""

LARGEST_EDGE = 0.3
"""How far from even any seat's utility may lie, by the judge, for an opening to be kept."""

_MOST_TURNS = 3
_ATTEMPTS_PER_OPENING = 50
# Attempts are judged in groups that depend on nothing but their numbers: a network's answers differ
# in the last bits with the size of the batch, and so might which openings are kept.
_JUDGED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Opening:
    """A decision at the start of a turn; positions alike under symmetry share the key."""

    start: Row
    key: int


def judge_by(tables: Tables, evaluator: Evaluates) -> Judge:
    """The judgement of a network (the champion's), without search."""

    scratch = new_scratch(tables)

    def judge(states: Sequence[Row]) -> NDArray[np.float32]:
        shape = (len(states), tables.planes, tables.height, tables.width)
        planes = np.zeros(shape, dtype=np.float32)
        write_batch(tables, np.stack(states), planes, scratch)
        return evaluator.evaluate(planes)[1]

    return judge


def even_utility(players: int) -> float:
    """The utility of every seat when nobody is ahead: half, or .8 / n + .2 / 2 from 3 seats on."""
    return 0.5 if players == 2 else 0.8 / players + 0.1


def random_openings(
    tables: Tables, seed: int, count: int, *, first: int = 0, judge: Judge | None = None
) -> list[Opening]:
    """Openings `first` to `first + count - 1` of `seed`: 1-3 random full turns per seat.

    `judge` None keeps all. Raises ValueError when so many cannot be found.
    """
    limit = (first + count) * _ATTEMPTS_PER_OPENING
    found = list(islice(_openings(tables, seed, judge, limit), first + count))
    if len(found) < first + count:
        kept = "distinct ones" if judge is None else "distinct and even ones"
        raise ValueError(
            f"openings is {first + count}; only {len(found)} {kept} were found in {limit} attempts."
        )
    return found[first:]


def _openings(tables: Tables, seed: int, judge: Judge | None, limit: int) -> Iterator[Opening]:
    referee = Referee(tables)
    symmetries, spare = symmetries_for(Config(board_of(tables), tables.players)), new_state(tables)
    seen: set[int] = set()
    for begin in numbers(0, _JUDGED_AT_ONCE):
        if begin >= limit:
            return
        fresh: list[Opening] = []
        for attempt in range(begin, begin + _JUDGED_AT_ONCE):
            start = _attempt(referee, seed, attempt)
            if start is None:
                continue
            key = int(canonical_hash(tables, symmetries, start, spare))
            if key not in seen:
                seen.add(key)
                fresh.append(Opening(start, key))
        yield from fresh if judge is None or not fresh else _even(fresh, judge, tables.players)


def _attempt(referee: Referee, seed: int, attempt: int) -> Row | None:
    """A position after random turns; None when the game ended within them."""
    tables = referee.tables
    rng = seed_rng(seed_of(seed, "opening", attempt))
    turns = (1 + below(rng, _MOST_TURNS)) * tables.players
    state = new_state(tables)
    legal, _ = play_random_turns(referee, state, turns, rng)
    return state if len(legal) > 0 else None


def _even(openings: list[Opening], judge: Judge, players: int) -> list[Opening]:
    edges = np.abs(judge([opening.start for opening in openings]) - even_utility(players))
    kept = edges.max(axis=1) <= LARGEST_EDGE
    return [opening for opening, even in zip(openings, kept.tolist(), strict=True) if even]
