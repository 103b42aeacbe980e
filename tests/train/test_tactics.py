"""Positions of real games whose right choices are proven, and found by search without knowledge.

Two bugs that a search of turns with several decisions invites are planted, and must fail here.
"""

from collections.abc import Callable
from statistics import mean

import numpy as np
import pytest
from numpy.typing import NDArray
from search_support import ConstantEvaluator
from tactics_support import Case, Solver, read_cases

from ringrift.engine.config import Config
from ringrift.engine.rng import Rng
from ringrift.engine.rules import SEAT_PLANES, Tables, tables_for
from ringrift.engine.state import PART, SEAT, TURN, Row
from ringrift.train.search.search import Budget, Evaluates, Search

CASES = read_cases()
BUDGETS = {"turn": Budget(256, 64), "reply": Budget(512, 16)}
REQUIRED = {"turn": 0.95, "reply": 0.80}
KINDS = tuple(BUDGETS)

Planes = NDArray[np.float32]
Answers = tuple[NDArray[np.float32], NDArray[np.float32]]
MakeEvaluator = Callable[[Tables], Evaluates]


def of_kind(kind: str) -> list[Case]:
    return [case for case in CASES if case.kind == kind]


class NoOpinion(ConstantEvaluator):
    """Every choice is as likely, every position as good for both."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, (0.5, 0.5))


class Progress:
    """Prefers whoever is further on the way to a win by eliminations or territory."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def evaluate(self, planes: Planes) -> Answers:
        eliminated = planes[:, 8 : 2 * SEAT_PLANES : SEAT_PLANES].max(axis=(2, 3))
        territory = planes[:, 9 : 2 * SEAT_PLANES : SEAT_PLANES].max(axis=(2, 3))
        weights = np.exp(4 * np.maximum(eliminated, territory))
        logits = np.zeros((len(planes), self.tables.actions), np.float32)
        return logits, weights / weights.sum(axis=1, keepdims=True)


class WrongSeat(Progress):
    """Planted bug: as if the map from relative to absolute seats were off by one."""

    def evaluate(self, planes: Planes) -> Answers:
        logits, values = super().evaluate(planes)
        return logits, np.roll(values, 1, axis=1)


class SignByDepth(Search):
    """Planted bug: the sign of a value turns at every level, as if seats always alternated."""

    def __init__(
        self, tables: Tables, evaluator: Evaluates, *, slots: int, simulations: int
    ) -> None:
        super().__init__(tables, evaluator, slots=slots, simulations=simulations)
        self._turned = [1] * slots

    def step(self) -> list[int]:
        done = super().step()
        for slot in range(self.slots):
            for node in range(self._turned[slot], int(self._forest.nodes[slot])):
                self._turn(slot, node)
            self._turned[slot] = int(self._forest.nodes[slot])
        return done

    def begin(self, slot: int, state: Row, budget: Budget, rng: Rng | None) -> None:
        super().begin(slot, state, budget, rng)
        self._turned[slot] = 1

    def _turn(self, slot: int, node: int) -> None:
        f = self._forest
        parent = int(f.parent[slot, node])
        judge = parent  # the end of a game is good for whoever brought it about
        if f.seat[slot, node] >= 0:
            f.seat[slot, node] = 1 - f.seat[slot, parent]
            judge = node
        if f.seat[slot, judge] == f.state[slot, judge, SEAT]:
            return
        own = f.own[slot, node].copy()
        f.own[slot, node] = own[::-1]
        change = (own[::-1] - own) * f.visits[slot, node]
        while node >= 0:
            f.total[slot, node] += change
            node = int(f.parent[slot, node])


def share_found(kind: str, make: MakeEvaluator, search_type: type[Search] = Search) -> float:
    """The share of cases in which search chooses rightly."""
    cases, budget, right = of_kind(kind), BUDGETS[kind], 0
    for config in sorted({case.config for case in cases}):
        tables = tables_for(Config.parse(config))
        mine = [case for case in cases if case.config == config]
        search = search_type(tables, make(tables), slots=len(mine), simulations=budget.simulations)
        states = [case.load()[1] for case in mine]
        for slot, state in enumerate(states):
            search.begin(slot, state, budget, None)
        while len(search.step()) < len(mine):
            pass
        for slot, (case, state) in enumerate(zip(mine, states, strict=True)):
            found = search.result(slot)
            right += case.is_right(tables, state, int(found.moves[found.winner]))
    return right / len(cases)


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_enough_cases_and_chance_solves_few(kind: str):
    cases = of_kind(kind)
    assert len(cases) >= 25
    assert len({(case.config, case.game) for case in cases}) == len(cases)
    assert mean(len(case.right) / case.choices for case in cases) < 0.3


@pytest.mark.parametrize("case", of_kind("turn"), ids=str)
def test_wins_within_the_turn_are_proven_again(case: Case):
    tables, state = case.load()
    solver = Solver(tables)
    choices, seat, turn = solver.choices(state), int(state[SEAT]), int(state[TURN])
    wins = [value == 1 for value in solver.values(state, 1)]
    assert state[PART] == 0 and len(choices) == case.choices
    assert any(wins) and not solver.wins_at_once(state)
    for choice, won in zip(choices, wins, strict=True):
        # What is right and does not win now wins within three turns.
        later = not won and case.is_right(tables, state, choice)
        assert not later or solver.value(solver.after(state, choice), seat, turn + 3) == 1
        assert (won or later) == case.is_right(tables, state, choice)


@pytest.mark.parametrize("case", of_kind("reply"), ids=str)
def test_what_the_reply_decides_is_proven_again(case: Case):
    tables, state = case.load()
    solver = Solver(tables)
    choices, values = solver.choices(state), solver.values(state, 2)
    best = max(values)
    assert state[PART] == 0 and len(choices) == case.choices
    assert max(solver.values(state, 1)) < 1
    assert best == 1 or best == 0 > min(values)
    for choice, value in zip(choices, values, strict=True):
        assert (value == best) == case.is_right(tables, state, choice)


@pytest.mark.parametrize("case", of_kind("reply")[::6], ids=str)
def test_what_holds_against_the_reply_holds_on(case: Case):
    tables, state = case.load()
    solver = Solver(tables)
    if max(solver.values(state, 2)) == 1:
        return
    for choice, value in zip(solver.choices(state), solver.values(state, 4), strict=True):
        assert (value >= 0) == case.is_right(tables, state, choice)


@pytest.mark.parametrize("make", [NoOpinion, Progress])
@pytest.mark.parametrize("kind", KINDS)
def test_search_finds_what_is_right(kind: str, make: MakeEvaluator):
    assert share_found(kind, make) >= REQUIRED[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sign_by_depth_is_caught(kind: str):
    assert share_found(kind, NoOpinion, SignByDepth) < REQUIRED[kind]


def test_values_of_the_wrong_seat_are_caught():
    """Where the reply decides: wins within the turn are found whatever the values say."""
    assert share_found("reply", WrongSeat) < REQUIRED["reply"]
