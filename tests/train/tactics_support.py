"""An exhaustive solver for two seats, and the stored positions whose answers it proved.

It knows the rules and nothing of search: plain recursion over every choice up to a turn number.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ringrift.engine.kernels import choose, list_choices, new_scratch
from ringrift.engine.rules import Tables
from ringrift.engine.state import SEAT, TURN, WINNER, Row
from ringrift.engine.text import format_move, parse_state

FILE = Path(__file__).parent / "data" / "tactics.json"


class TooManyError(Exception):
    """The solver met more positions than it was allowed."""


class Solver:
    """What every choice leads to by force, for whoever asks, until a given turn begins."""

    def __init__(self, tables: Tables, limit: int = 100_000) -> None:
        self.tables = tables
        self._limit = limit
        self._scratch = new_scratch(tables)
        self._room = np.zeros(tables.max_moves, dtype=np.int64)
        self._known: dict[tuple[bytes, int, int], int] = {}

    def choices(self, state: Row) -> list[int]:
        """The choices of a position; none when the game is over."""
        n = list_choices(self.tables, state, self._room, self._scratch)
        return self._room[:n].tolist()

    def after(self, state: Row, choice: int) -> Row:
        """The next decision, or the end, that `choice` leads to."""
        state = state.copy()
        choose(self.tables, state, choice, self._scratch)
        while len(forced := self.choices(state)) == 1:
            choose(self.tables, state, forced[0], self._scratch)
        return state

    def successors(self, state: Row) -> list[Row]:
        """What each choice leads to, in their order."""
        return [self.after(state, choice) for choice in self.choices(state)]

    def value(self, state: Row, seat: int, until: int) -> int:
        """1: `seat` wins by force before turn `until` begins; -1: it loses by force; 0: neither.

        Raises TooManyError beyond the limit.
        """
        if state[WINNER] >= 0:
            return 1 if state[WINNER] == seat else -1
        if state[TURN] >= until:
            return 0
        key = (state.tobytes(), seat, until)
        if key not in self._known:
            if len(self._known) >= self._limit:
                raise TooManyError
            sign = 1 if state[SEAT] == seat else -1
            best = -1
            for after in self.successors(state):
                best = max(best, sign * self.value(after, seat, until))
                if best == 1:
                    break
            self._known[key] = sign * best
        return self._known[key]

    def values(self, state: Row, turns: int) -> list[int]:
        """`value` of each choice for the seat that makes it, over this turn and what follows of
        `turns` in all.
        """
        seat, until = int(state[SEAT]), int(state[TURN]) + turns
        return [self.value(after, seat, until) for after in self.successors(state)]

    def wins_at_once(self, state: Row) -> bool:
        """Whether a single choice wins."""
        return any(after[WINNER] == state[SEAT] for after in self.successors(state))


@dataclass(frozen=True, slots=True)
class Case:
    """A position of a real game and the choices that are right in it.

    `kind` "turn": they win before the own turn ends, or by force within three turns as far as that
    was proven. "reply": they win by force before the opponent's turn ends, or else are the only
    ones that do not lose by then, nor within four turns.
    """

    kind: str
    config: str
    game: int
    choices: int
    right: tuple[str, ...]
    state: str

    def __str__(self) -> str:
        return f"{self.config} game {self.game}"

    def load(self) -> tuple[Tables, Row]:
        return parse_state(self.state)

    def is_right(self, tables: Tables, state: Row, choice: int) -> bool:
        return format_move(tables, state, choice) in self.right


def read_cases(path: Path = FILE) -> list[Case]:
    return msgspec.json.decode(path.read_bytes(), type=list[Case])


def write_cases(cases: list[Case], path: Path = FILE) -> None:
    lines = b",\n".join(msgspec.json.encode(case) for case in cases)
    path.write_bytes(b"[\n" + lines + b"\n]\n")
