"""Playing a game choice by choice; what is chosen in parts is recorded as the move it becomes."""

import numpy as np

from ringrift.engine.kernels import (
    INCOMPLETE,
    apply_move,
    choose,
    legal_moves,
    new_scratch,
    settle,
)
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
        """Apply forced steps to `state`: (choices of the decision reached, the moves played).

        There are at least two choices, or none when the game is over.
        """
        steps: list[int] = []
        legal = 1
        while legal == 1:
            legal, forced = settle(self.tables, state, self._legal, self._forced, self._scratch)
            steps.extend(self._forced[:forced].tolist())
        return self._legal[:legal].copy(), steps

    def play(self, state: Row, choice: int) -> tuple[Moves, list[int]]:
        """Take a choice, then settle: (choices of the next decision, all moves played)."""
        move = choose(self.tables, state, choice, self._scratch)
        legal, forced = self.settle(state)
        return legal, forced if move == INCOMPLETE else [move, *forced]

    def legal(self, state: Row) -> Moves:
        """Every legal move of a state of which no part of a move is chosen."""
        return self._legal[: legal_moves(self.tables, state, self._legal, self._scratch)].copy()

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
    """Play `turns` random turns on `state`: (choices of the decision reached, all moves)."""
    legal, moves = referee.settle(state)
    while len(legal) > 0 and state[TURN] <= turns:
        legal, played = referee.play(state, int(legal[below(rng, len(legal))]))
        moves.extend(played)
    return legal, moves
