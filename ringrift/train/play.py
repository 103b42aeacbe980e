"""Playing a game step by step: a chosen move, then every forced step that follows it."""

import numpy as np

from ringrift.engine.kernels import advance, apply_move, new_scratch
from ringrift.engine.rng import Rng, below
from ringrift.engine.rules import Tables
from ringrift.engine.state import TURN, WINNER, Moves, Row
from ringrift.engine.text import format_move

_FORCED_LOG = 64


class Referee:
    """Applies moves to rows of one config and keeps the work space for it."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._scratch = new_scratch(tables)
        self._legal = np.zeros(tables.max_moves, dtype=np.int64)
        self._forced = np.zeros(_FORCED_LOG, dtype=np.int64)

    def settle(self, state: Row) -> tuple[Moves, list[int]]:
        """Apply forced steps to `state`: (choices of the decision reached, the steps applied).

        There are at least two choices, or none when the game is over.
        """
        steps: list[int] = []
        legal = 1
        while legal == 1:
            legal, forced = advance(self.tables, state, self._legal, self._forced, self._scratch)
            steps.extend(self._forced[:forced].tolist())
        return self._legal[:legal].copy(), steps

    def play(self, state: Row, move: int) -> tuple[Moves, list[int]]:
        """Apply a legal `move`, then settle."""
        apply_move(self.tables, state, move, self._scratch)
        return self.settle(state)

    def texts(self, start: Row, moves: list[int]) -> tuple[tuple[str, ...], Row]:
        """Canonical texts of `moves` played from `start`, and the position after them."""
        state = start.copy()
        texts: list[str] = []
        for move in moves:
            texts.append(format_move(self.tables, state, move))
            apply_move(self.tables, state, move, self._scratch)
        return tuple(texts), state


def winner_of(state: Row) -> int:
    """The 0-based seat that won; -1 while the game runs."""
    return int(state[WINNER])


def play_random_turns(
    referee: Referee, state: Row, turns: int, rng: Rng
) -> tuple[Moves, list[int]]:
    """Play `turns` random turns on `state`: (choices of the decision reached, all steps)."""
    legal, steps = referee.settle(state)
    while len(legal) > 0 and state[TURN] <= turns:
        move = int(legal[below(rng, len(legal))])
        legal, forced = referee.play(state, move)
        steps.append(move)
        steps.extend(forced)
    return legal, steps
