"""Proven results between two seats, against a solver that shares no code with the search."""

from collections import Counter

import numpy as np
import pytest
from search_support import ConstantEvaluator, HashEvaluator, decisions, run

from ringrift.engine.state import SEAT, WINNER
from ringrift.train.play import Referee
from ringrift.train.search.search import Budget, Search

TOO_MANY = 600


class Solver:
    """Who wins by best play, by trying everything; None when that takes too long."""

    def __init__(self, tables) -> None:
        self.referee = Referee(tables)
        self.left = 0

    def winner(self, state):
        self.left = TOO_MANY
        return self._winner(state)

    def _winner(self, state):
        legal, _ = self.referee.settle(state.copy())
        if len(legal) == 0:
            return int(state[WINNER])
        results = set()
        for move in legal:
            if self.left == 0:
                return None
            self.left -= 1
            after = state.copy()
            self.referee.play(after, int(move))
            result = self._winner(after)
            if result == state[SEAT]:
                return result
            results.add(result)
        return None if None in results else results.pop()


def searched(config: str, seed: int, back: int, simulations: int, considered: int = 16):
    tables, states = decisions(config, seed)
    state = states[-back]
    search = Search(tables, HashEvaluator(tables), slots=1, simulations=simulations)
    return search, run(search, 0, state, Budget(simulations, considered)), state


def test_what_is_proven_is_true():
    """Nodes of searches near the end of games, each proof checked by trying everything."""
    seen: Counter[str] = Counter()
    for seed in range(40):
        search, _, _ = searched("hex8_2p", seed, 1 + seed % 4, 150)
        solver, f = Solver(search._tables), search._forest
        proven = np.flatnonzero(f.proof[0, : f.nodes[0]] >= 0)
        decided = [int(n) for n in proven if f.choices[0, n] > 0][:12]
        for node in decided:
            winner = solver.winner(f.state[0, node].copy())
            if winner is None:
                seen["unsolved"] += 1
                continue
            assert winner == f.proof[0, node]
            seen["win" if winner == f.seat[0, node] else "loss"] += 1
    assert seen["win"] >= 10
    assert seen["loss"] >= 3


def test_what_is_small_enough_is_proven():
    """Given the simulations to try everything, the root is proven, for whom the solver says."""
    solved = 0
    for seed in range(20):
        tables, states = decisions("hex8_2p", seed)
        state = states[-2]
        winner = Solver(tables).winner(state)
        if winner is None:
            continue
        search = Search(tables, HashEvaluator(tables), slots=1, simulations=1500)
        found = run(search, 0, state, Budget(1500, 1000))
        if search._forest.proof[0, 0] >= 0:
            solved += 1
            assert found.root_value.tolist() == [float(winner == seat) for seat in (0, 1)]
    assert solved >= 5


@pytest.mark.parametrize("seed", range(8))
def test_a_win_at_hand_is_taken(seed):
    """The last choice of a game was its winner's in most games: then it is found at once."""
    search, found, state = searched("hex8_2p", seed, 1, 64, considered=200)
    f, mover = search._forest, int(state[SEAT])
    assert found.visits.sum() == 64
    if f.proof[0, 0] != mover:
        return
    referee = Referee(search._tables)
    won = np.flatnonzero(
        [c >= 0 and f.proof[0, c] == mover for c in f.child[0, : len(found.moves)]]
    )
    assert found.winner in won
    assert found.policy[won].sum() == pytest.approx(1)
    assert found.root_value[mover] == pytest.approx(1)
    assert search.evaluations < 64
    while int(state[WINNER]) < 0:
        choice = run(search, 0, state, Budget(64, 200))
        referee.play(state, int(choice.moves[choice.winner]))
    assert state[WINNER] == mover


def test_some_wins_are_at_hand():
    won = 0
    for seed in range(8):
        search, _, state = searched("hex8_2p", seed, 1, 64, considered=200)
        won += int(search._forest.proof[0, 0]) == int(state[SEAT])
    assert won >= 4


def test_a_proven_loss_is_the_last_choice():
    """Whoever believes that everything else is lost still does not choose what surely is."""
    met = 0
    for seed in range(25):
        tables, states = decisions("hex8_2p", seed)
        for state in states[-4:]:
            evaluator = ConstantEvaluator(tables, (0.0, 1.0))
            search = Search(tables, evaluator, slots=1, simulations=48)
            found = run(search, 0, state, Budget(48, 16))
            f, n = search._forest, len(found.moves)
            children = f.child[0, :n]
            proofs = np.where(children >= 0, f.proof[0, children], -1)
            lost = proofs == 1 - int(state[SEAT])
            if 0 < lost.sum() < n:
                met += 1
                assert not lost[found.winner]
                assert found.policy[lost].sum() == 0
    assert met >= 3


def test_totals_stay_sums_of_what_lies_below():
    """Of the node's own evaluation and its children, unless the node is proven: then exact."""
    for seed in range(6):
        search, _, _ = searched("hex8_2p", seed, 2 + seed, 150)
        f = search._forest
        for node in range(int(f.nodes[0])):
            if f.visits[0, node] == 0 or f.choices[0, node] == 0:
                continue
            if f.proof[0, node] >= 0:
                expected = f.visits[0, node] * np.eye(2)[f.proof[0, node]]
            else:
                below = np.flatnonzero(f.parent[0, : f.nodes[0]] == node)
                expected = f.own[0, node] + f.total[0, below].sum(axis=0)
            assert np.allclose(f.total[0, node], expected)


def test_with_three_seats_nothing_is_proven():
    search, found, _ = searched("hex8_3p", 2, 1, 64)
    f = search._forest
    assert np.any(f.choices[0, : f.nodes[0]] == 0)
    assert np.all(f.proof[0, : f.nodes[0]] == -1)
    assert found.root_value.max() <= 1
