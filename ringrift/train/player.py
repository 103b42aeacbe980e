"""Players of evaluation matches: noiseless network search, its parts, and the baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.kernels import list_choices, new_scratch, write_planes
from ringrift.engine.players import Baseline, find_baseline
from ringrift.engine.rng import Rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Moves, Row
from ringrift.train.encode import write_actions
from ringrift.train.search import kernels, rollouts
from ringrift.train.search.forest import new_forest, new_work, with_room
from ringrift.train.search.search import Budget, Evaluates, Search

# Like a baseline of the engine: its simulations, then the version of everything that it does.
ROLLOUTS_NAME = "rollouts-64-1"
_ROLLOUTS = 64


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


class NetworkPlayer(Player, Protocol):
    """A player that asks a network; `evaluations` counts the positions it has judged so far."""

    @property
    def evaluations(self) -> int: ...


class SearchPlayer:
    """A network that searches without noise, so it plays a position always alike."""

    def __init__(self, tables: Tables, evaluator: Evaluates, budget: Budget, *, slots: int) -> None:
        self._search = Search(tables, evaluator, slots=slots, simulations=budget.simulations)
        self._budget = budget

    @property
    def evaluations(self) -> int:
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


class PolicyPlayer:
    """A network that does not search: the choice its policy likes best."""

    def __init__(self, tables: Tables, evaluator: Evaluates, *, slots: int) -> None:
        self._tables = tables
        self._evaluator = evaluator
        self._scratch = new_scratch(tables)
        self._choices = np.zeros(tables.max_moves, dtype=np.int64)
        self._actions = np.zeros(tables.max_moves, dtype=np.int32)
        shape = (slots, tables.planes, tables.height, tables.width)
        self._planes = np.zeros(shape, dtype=np.float32)
        self.evaluations = 0

    def choose(self, positions: Sequence[Position]) -> list[int]:
        moves: list[int] = []
        for start in range(0, len(positions), len(self._planes)):
            moves.extend(self._choose_at_once(positions[start : start + len(self._planes)]))
        return moves

    def _choose_at_once(self, positions: Sequence[Position]) -> list[int]:
        planes = self._planes[: len(positions)]
        for position, out in zip(positions, planes, strict=True):
            write_planes(self._tables, position.state, out, self._scratch)
        logits, _ = self._evaluator.evaluate(planes)
        self.evaluations += len(positions)
        return [self._best(p.state, row) for p, row in zip(positions, logits, strict=True)]

    def _best(self, state: Row, logits: NDArray[np.float32]) -> int:
        n = list_choices(self._tables, state, self._choices, self._scratch)
        write_actions(self._tables, state, self._choices, n, self._actions)
        return int(self._choices[np.argmax(logits[self._actions[:n]])])


class RolloutPlayer:
    """Tree search that judges by random games instead of a network (`search.rollouts`)."""

    def __init__(self, tables: Tables, simulations: int) -> None:
        self._tables = tables
        self._simulations = simulations
        self._forest = new_forest(tables, slots=1, simulations=simulations, c_scale=0.0)
        self._work = new_work(tables, simulations)

    def choose(self, positions: Sequence[Position]) -> list[int]:
        return [self._one(p) for p in positions]

    def _one(self, p: Position) -> int:
        while (wanted := self._plant(p)) > self._forest.move.shape[1]:
            self._forest = with_room(self._forest, wanted)
        while (wanted := rollouts.simulate(self._forest, self._tables, self._work, p.rng)) > 0:
            self._forest = with_room(self._forest, wanted)
        return int(self._forest.move[0, rollouts.most_visited(self._forest)])

    def _plant(self, p: Position) -> int:
        return kernels.begin(
            self._forest,
            self._tables,
            self._work,
            0,
            p.state,
            self._simulations,
            False,
            False,
            p.rng,
        )


def match_budget(simulations: int) -> Budget | None:
    """The search of evaluation matches: the root starts from a quarter of its simulations, 2..16.

    32 simulations consider 8 choices, the proportion of a full search in selfplay. None for 0: no
    search. Raises ValueError on 1, which no search can do with.
    """
    if simulations == 1:
        raise ValueError("simulations is 1; give 0 for the policy alone, or 2 or more.")
    if simulations == 0:
        return None
    return Budget(simulations, min(16, max(2, simulations // 4)))


def match_settings(simulations: int) -> dict[str, int]:
    """What tells one way to search in a match from another, as `identity.search_hash` takes it."""
    budget = match_budget(simulations)
    considered = 1 if budget is None else budget.considered
    return {"simulations": simulations, "considered": considered}


def match_player(
    tables: Tables, evaluator: Evaluates, simulations: int, *, slots: int
) -> NetworkPlayer:
    """How a network plays a match with so many simulations; ValueError as in `match_budget`."""
    budget = match_budget(simulations)
    if budget is None:
        return PolicyPlayer(tables, evaluator, slots=slots)
    return SearchPlayer(tables, evaluator, budget, slots=slots)


def check_baseline(name: str) -> None:
    """Raises EngineError with the names that there are, when this is none."""
    if name != ROLLOUTS_NAME:
        find_baseline(name)


def baseline(name: str, tables: Tables) -> Player:
    """The baseline of that name and version; raises EngineError for any other name."""
    if name == ROLLOUTS_NAME:
        return RolloutPlayer(tables, _ROLLOUTS)
    return BaselinePlayer(find_baseline(name)(tables))
