"""The baselines by name. A name carries strength and version.

Any change to weights, sampling, budgets or tie-breaks makes a new player with a new rating: the
next version of heuristic-2 is called heuristic-2v2, and heuristic-2 stays what it was or goes.
"""

from collections.abc import Callable
from typing import Protocol

from ringrift.engine.errors import EngineError, shown
from ringrift.engine.players.reply import REPLY_NAME, ReplyPlayer
from ringrift.engine.players.stepwise import HEURISTIC_NAME, StepwisePlayer
from ringrift.engine.players.turn import TURN_NAME, TurnPlayer
from ringrift.engine.players.uniform import RANDOM_NAME, RandomPlayer
from ringrift.engine.rng import Rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Moves, Row


class Baseline(Protocol):
    """A player that needs no network; one object serves one thread."""

    def choose(self, s: Row, moves: Moves, rng: Rng) -> int:
        """Index of one of `moves`, all legal ones of `s`, of which no part of a move is chosen.

        The same position, moves and generator choose the same; only the generator is changed.
        """
        ...


_BASELINES: dict[str, Callable[[Tables], Baseline]] = {
    RANDOM_NAME: RandomPlayer,
    HEURISTIC_NAME: StepwisePlayer,
    TURN_NAME: TurnPlayer,
    REPLY_NAME: ReplyPlayer,
}

BASELINES = tuple(_BASELINES)
"""All names, the weakest first."""


def find_baseline(name: str) -> Callable[[Tables], Baseline]:
    """What makes the baseline of that name and version; raises EngineError for any other name."""
    if name not in _BASELINES:
        raise EngineError(f"player {shown(name)} is unknown; use one of {', '.join(BASELINES)}.")
    return _BASELINES[name]
