"""From a record back to the exact positions of its decisions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.kernels import (
    INCOMPLETE,
    Scratch,
    choose,
    legal_moves,
    new_scratch,
    part_of,
    settle,
)
from ringrift.engine.rules import Tables
from ringrift.engine.state import PART, WINNER, Row, new_state
from ringrift.engine.text import format_move
from ringrift.train.encode import write_actions
from ringrift.train.records import GameRecord, RecordError


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """The positions of a record's rows: `states` int16[rows, state_size]; per row the policy
    indices int32[k] of its k choices in the engine's order. `final` is the position at the end.
    """

    states: NDArray[np.int16]
    actions: tuple[NDArray[np.int32], ...]
    final: Row


class Replayer:
    """Replays records of one config; holds the work arrays that a replay needs."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._scratch: Scratch = new_scratch(tables)
        self._legal = np.zeros(tables.max_moves, dtype=np.int64)
        self._forced = np.zeros(256, dtype=np.int64)

    def decisions(self, game: GameRecord, *, swap: bool) -> Decisions:
        """Play the record from the normal start.

        Raises RecordError when a move is not legal, the game is not over at its end or was won by
        another seat, or a row does not stand at a decision.
        """
        t = self._tables
        state = new_state(t, swap)
        states = np.zeros((len(game.rows), t.state_size), dtype=np.int16)
        actions: list[NDArray[np.int32]] = []
        at, move = 0, INCOMPLETE
        while True:
            n, forced = settle(t, state, self._legal, self._forced, self._scratch)
            at += forced
            if n == 0 or at >= len(game.moves):
                break
            row = len(actions)
            if n > 1 and row < len(game.rows) and game.rows[row].step == at:
                states[row] = state
                indices = np.zeros(n, dtype=np.int32)
                write_actions(t, state, self._legal, n, indices)
                actions.append(indices)
            if state[PART] == 0:
                move = self._find(game, at, state)
            if choose(t, state, part_of(t, state, move), self._scratch) != INCOMPLETE:
                at += 1
        if n != 0 or at != len(game.moves) or int(state[WINNER]) != game.winner:
            raise RecordError(f"game {game.number} does not end as recorded after {at} moves.")
        if len(actions) != len(game.rows):
            raise RecordError(
                f"game {game.number} has no decision at step {game.rows[len(actions)].step}."
            )
        return Decisions(states, tuple(actions), state)

    def _find(self, game: GameRecord, at: int, state: Row) -> int:
        text = game.moves[at]
        n = legal_moves(self._tables, state, self._legal, self._scratch)
        codes: list[int] = self._legal[:n].tolist()
        for code in codes:
            if format_move(self._tables, state, code, self._scratch) == text:
                return code
        raise RecordError(f"game {game.number} step {at}: {text!r} is not legal there.")
