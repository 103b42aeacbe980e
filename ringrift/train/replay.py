"""From a record back to the exact positions of its decisions."""

from collections.abc import Sequence
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
from ringrift.engine.moves import REGION, kind_of
from ringrift.engine.rules import Tables
from ringrift.engine.state import PART, WINNER, Row, new_state
from ringrift.engine.text import format_move
from ringrift.train.encode import write_actions
from ringrift.train.records import GameRecord, RecordError

_FORCED_LOG = 256


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
        self._forced = np.zeros(_FORCED_LOG, dtype=np.int64)
        self._texts: dict[int, str] = {}

    def decisions(self, game: GameRecord, *, swap: bool) -> Decisions:
        """Play the record from the normal start.

        Raises RecordError when a move is not legal, the game is not over at its end or was won by
        another seat, or a row does not stand at a decision.
        """
        t = self._tables
        state = new_state(t, swap)
        states = np.zeros((len(game.rows), t.state_size), dtype=np.int16)
        actions: list[NDArray[np.int32]] = []
        at = part = move = 0
        while True:
            n, forced = settle(t, state, self._legal, self._forced, self._scratch)
            if forced > 0:  # they complete a move that was begun, if one was
                at, part = at + forced, 0
            if n == 0 or at >= len(game.moves):
                break
            if n > 1 and len(actions) < len(game.rows):
                row = game.rows[len(actions)]
                if (row.step, row.part) == (at, part):
                    states[len(actions)] = state
                    actions.append(self._indices(state, n))
            if state[PART] == 0:
                move = self._find(game.number, game.moves[at], at, state)
            if choose(t, state, part_of(t, state, move), self._scratch) == INCOMPLETE:
                part += 1
            else:
                at, part = at + 1, 0
        if n != 0 or at != len(game.moves) or int(state[WINNER]) != game.winner:
            raise RecordError(f"game {game.number} does not end as recorded after {at} moves.")
        if len(actions) != len(game.rows):
            row = game.rows[len(actions)]
            raise RecordError(
                f"game {game.number} has no decision at step {row.step}, part {row.part}."
            )
        return Decisions(states, tuple(actions), state)

    def position(self, moves: Sequence[str]) -> tuple[Row, list[int]]:
        """The position after `moves` from the normal start without the pie rule, and their codes.

        Raises RecordError when a move is not legal.
        """
        state = new_state(self._tables)
        codes: list[int] = []
        for at, text in enumerate(moves):
            codes.append(self._find(0, text, at, state))
            choose(self._tables, state, codes[-1], self._scratch)
        return state, codes

    def _indices(self, state: Row, n: int) -> NDArray[np.int32]:
        indices = np.zeros(n, dtype=np.int32)
        write_actions(self._tables, state, self._legal, n, indices)
        return indices

    def _find(self, game: int, text: str, at: int, state: Row) -> int:
        n = legal_moves(self._tables, state, self._legal, self._scratch)
        codes: list[int] = self._legal[:n].tolist()
        for code in codes:
            if self._text(state, code) == text:
                return code
        raise RecordError(f"game {game} step {at}: {text!r} is not legal there.")

    def _text(self, state: Row, code: int) -> str:
        text = self._texts.get(code)
        if text is None:
            text = format_move(self._tables, state, code, self._scratch)
            if kind_of(code) != REGION:  # whose text depends on the position besides the code
                self._texts[code] = text
        return text
