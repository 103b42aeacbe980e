"""Players of evaluation matches: noiseless network search, and the engine's baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringrift.engine.players import Baseline, find_baseline
from ringrift.engine.rng import Rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Moves, Row
from ringrift.train.search.search import Budget, Evaluates, Search


@dataclass(frozen=True, slots=True)
class Position:
    """A decision to be made in one game: where it stands, the choices, the game's own generator."""

    state: Row
    legal: Moves
    rng: Rng


class Player(Protocol):
    """Decides many games at once."""

    def choose(self, positions: Sequence[Position]) -> list[int]:
        """One legal move a position, independent of the other positions."""
        ...


class BaselinePlayer:
    """A baseline of the engine, asked about one position after the other."""

    def __init__(self, player: Baseline) -> None:
        self._player = player

    def choose(self, positions: Sequence[Position]) -> list[int]:
        return [int(p.legal[self._player.choose(p.state, p.legal, p.rng)]) for p in positions]


class SearchPlayer:
    """A network that searches without noise, so it plays a position always alike."""

    def __init__(self, tables: Tables, evaluator: Evaluates, budget: Budget, *, slots: int) -> None:
        self._search = Search(tables, evaluator, slots=slots, simulations=budget.simulations)
        self._budget = budget

    @property
    def evaluations(self) -> int:
        """Positions the network has judged so far."""
        return self._search.evaluations

    def choose(self, positions: Sequence[Position]) -> list[int]:
        moves: list[int] = []
        for start in range(0, len(positions), self._search.slots):
            moves.extend(self._choose_at_once(positions[start : start + self._search.slots]))
        return moves

    def _choose_at_once(self, positions: Sequence[Position]) -> list[int]:
        for slot, position in enumerate(positions):
            self._search.begin(slot, position.state, self._budget, None)
        while len(self._search.step()) < len(positions):
            pass
        decisions = [self._search.result(slot) for slot in range(len(positions))]
        return [int(d.moves[d.winner]) for d in decisions]


def match_budget(simulations: int) -> Budget:
    """The search of evaluation matches: the root starts from a quarter of its simulations, 2..16.

    32 simulations consider 8 choices, the proportion of a full search in selfplay.
    """
    return Budget(simulations, min(16, max(2, simulations // 4)))


def baseline(name: str, tables: Tables) -> Player:
    """The baseline of that name and version; raises EngineError for any other name."""
    return BaselinePlayer(find_baseline(name)(tables))
