"""The friendly door: a game as texts, with refusals in one sentence."""

from dataclasses import dataclass

import numpy as np

from ringrift.engine.config import Config
from ringrift.engine.errors import EngineError
from ringrift.engine.kernels import apply_move, new_scratch, ranking
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import (
    PHASE,
    PHASE_NAMES,
    REASON,
    REASON_NAMES,
    SEAT,
    TURN,
    WINNER,
    Row,
    new_state,
)
from ringrift.engine.text import (
    board_of,
    check_grammar,
    format_state,
    illegal_move,
    legal_texts,
    parse_state,
)


@dataclass(frozen=True, slots=True)
class Result:
    """How a game ended; seats are numbered from 1.

    `reason` and `ranking` are None for a finished position read from text, which does not tell.
    """

    winner: int
    reason: str | None
    ranking: tuple[int, ...] | None


class Game:
    """One running game. All positions and choices are canonical texts (FORMAT section 1)."""

    def __init__(self, tables: Tables, row: Row) -> None:
        self._tables = tables
        self._row = row
        self._scratch = new_scratch(tables)
        self._legal: dict[str, int] | None = None
        self._before: list[Row] = []

    @classmethod
    def new(cls, config: str, *, swap: bool = False) -> "Game":
        """A game from the normal start, e.g. Game.new("hex8_2p"); `swap` turns the pie rule on.

        Raises EngineError when the config is unknown, or the pie rule is asked for with more than
        two seats.
        """
        parsed = Config.parse(config)
        if swap and parsed.players != 2:
            raise EngineError(f"swap is on for {config}; the pie rule is for two seats only.")
        tables = tables_for(parsed)
        return cls(tables, new_state(tables, swap))

    @classmethod
    def from_text(
        cls,
        state: str,
        *,
        rings_per_player: int | None = None,
        victory_threshold: int | None = None,
        lps_rounds: int = 3,
    ) -> "Game":
        """A game from a state text, optionally with other rule numbers; raises EngineError."""
        tables, row = parse_state(
            state,
            rings_per_player=rings_per_player,
            victory_threshold=victory_threshold,
            lps_rounds=lps_rounds,
        )
        return cls(tables, row)

    def _choices(self) -> dict[str, int]:
        if self._legal is None:
            self._legal = legal_texts(self._tables, self._row, self._scratch)
        return self._legal

    def legal(self) -> list[str]:
        """Every legal choice of the seat to act, in the engine's fixed order; empty when over."""
        return list(self._choices())

    def play(self, text: str) -> None:
        """Play one legal choice; raises EngineError and changes nothing otherwise."""
        check_grammar(self._tables, text)
        code = self._choices().get(text)
        if code is None:
            raise illegal_move(self._row, text)
        self._before.append(self._row.copy())
        apply_move(self._tables, self._row, code, self._scratch)
        self._legal = None

    def undo(self) -> None:
        """Take back the last `play`, bit for bit; raises EngineError when there is none."""
        if not self._before:
            raise EngineError("there is no move to take back; the game is at its start.")
        self._row = self._before.pop()
        self._legal = None

    @property
    def tables(self) -> Tables:
        """The rule numbers that are played by."""
        return self._tables

    @property
    def row(self) -> Row:
        """A copy of the position as the kernels know it."""
        return self._row.copy()

    @property
    def turn(self) -> int:
        """Number of the turn, from 1."""
        return int(self._row[TURN])

    @property
    def seat(self) -> int:
        """Seat to act, from 1; 0 when the game is over."""
        return int(self._row[SEAT]) + 1

    @property
    def phase(self) -> str:
        """Name of the phase."""
        return PHASE_NAMES[int(self._row[PHASE])]

    @property
    def state(self) -> str:
        """The canonical state text."""
        return format_state(self._tables, self._row)

    @property
    def result(self) -> Result | None:
        """None while the game runs."""
        winner = int(self._row[WINNER])
        if winner < 0:
            return None
        reason = REASON_NAMES[int(self._row[REASON])]
        if reason is None:
            return Result(winner + 1, None, None)
        ranks = np.zeros(self._tables.players, dtype=np.int64)
        ranking(self._tables, self._row, ranks)
        return Result(winner + 1, reason, tuple(ranks.tolist()))

    def __repr__(self) -> str:
        name = f"{board_of(self._tables)}_{self._tables.players}p"
        result = self.result
        if result is not None:
            return f"<Game {name}: seat {result.winner} won by {result.reason or 'unknown means'}>"
        choices = len(self._choices())
        return f"<Game {name}: seat {self.seat} in {self.phase}, {choices} choices>"
