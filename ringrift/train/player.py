"""Players of evaluation matches: noiseless network search, and the engine's baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ringrift.engine.kernels import new_scratch
from ringrift.engine.players import HEURISTIC_NAME, RANDOM_NAME, heuristic_choice, random_choice
from ringrift.engine.rng import Rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Moves, Row
from ringrift.train.search.search import Budget, Evaluates, Search

BASELINES = (RANDOM_NAME, HEURISTIC_NAME)


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


class RandomPlayer:
    """Every legal choice with the same probability."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def choose(self, positions: Sequence[Position]) -> list[int]:
        return [
            int(p.legal[random_choice(self._tables, p.state, p.legal, len(p.legal), p.rng)])
            for p in positions
        ]


class HeuristicPlayer:
    """The engine's greedy baseline."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._scratch = new_scratch(tables)

    def choose(self, positions: Sequence[Position]) -> list[int]:
        return [int(p.legal[self._index(p)]) for p in positions]

    def _index(self, p: Position) -> int:
        return heuristic_choice(self._tables, p.state, p.legal, len(p.legal), self._scratch, p.rng)


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
    """The baseline of that name and version; raises ValueError for any other name."""
    if name == RANDOM_NAME:
        return RandomPlayer(tables)
    if name == HEURISTIC_NAME:
        return HeuristicPlayer(tables)
    raise ValueError(f"opponent {name!r} is unknown; use weights or one of {', '.join(BASELINES)}.")
