"""The subtree below the next position saves evaluations and changes nothing else."""

import pytest
from search_support import HashEvaluator, decisions, position, run, same

from ringrift.engine.rng import seed_rng
from ringrift.train.play import Referee
from ringrift.train.search.search import Budget, Search

FULL, CHEAP = Budget(32, 8), Budget(12, 6)


def play(config: str, start: int, *, symmetric: bool, keep: bool):
    """(decisions, evaluations) of a game that searches play to its end from decision `start`."""
    tables, states = decisions(config, 5)
    state, referee = states[start], Referee(tables)
    evaluator = HashEvaluator(tables)
    found, evaluations, search = [], 0, None
    legal = referee.settle(state)[0]
    while len(legal) > 0:
        if search is None or not keep:
            search = Search(tables, evaluator, slots=1, simulations=32, symmetric=symmetric)
        full = len(found) % 3 == 0
        rng = seed_rng(len(found)) if full else None
        before = search.evaluations
        found.append(run(search, 0, state, FULL if full else CHEAP, rng, salt=9))
        evaluations += search.evaluations - before
        legal, _ = referee.play(state, int(found[-1].moves[found[-1].winner]))
    return found, evaluations


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
@pytest.mark.parametrize("symmetric", [False, True])
def test_whole_games_are_the_same_with_fewer_evaluations(config, symmetric):
    kept, asked = play(config, 12, symmetric=symmetric, keep=True)
    fresh, wanted = play(config, 12, symmetric=symmetric, keep=False)
    assert len(kept) == len(fresh) > 15
    assert all(same(a, b) for a, b in zip(kept, fresh, strict=True))
    assert asked < 0.95 * wanted


def test_a_position_below_several_edges_is_found():
    """As for a player of matches, who sees only the positions in which it is to move."""
    tables, state = position("hex8_2p", 3, 14)
    evaluator, referee = HashEvaluator(tables), Referee(tables)
    search = Search(tables, evaluator, slots=1, simulations=200)
    run(search, 0, state, Budget(200, 4))
    f, node = search._forest, int(search._forest.visits[0, 1:].argmax()) + 1
    for _ in range(2):
        first = f.first[0, node]
        children = [c for c in f.child[0, first : first + f.choices[0, node]] if c >= 0]
        node = max(children, key=lambda c: f.visits[0, c])
    below = f.state[0, node].copy()
    saved = int(f.visits[0, node])
    assert saved > 5
    referee.settle(below)
    before = search.evaluations
    found = run(search, 0, below, Budget(40, 4))
    assert search.evaluations - before <= 41 - min(saved, 5)
    assert same(
        found, run(Search(tables, evaluator, slots=1, simulations=40), 0, below, Budget(40, 4))
    )


def test_another_game_finds_nothing_of_the_last():
    tables, states = decisions("hex8_2p", 5)
    other = decisions("hex8_2p", 6)[1][20]
    evaluator = HashEvaluator(tables)
    search = Search(tables, evaluator, slots=1, simulations=32)
    run(search, 0, states[20], FULL)
    before = search.evaluations
    fresh = Search(tables, evaluator, slots=1, simulations=32)
    assert same(run(search, 0, other, FULL), run(fresh, 0, other, FULL))
    assert search.evaluations - before == fresh.evaluations


def test_what_is_kept_is_bounded():
    """However long the same position is searched, with other noise each time."""
    tables, state = position("hex8_2p", 1, 2)
    evaluator = HashEvaluator(tables)
    search = Search(tables, evaluator, slots=1, simulations=16)
    used = []
    for seed in range(12):
        found = run(search, 0, state, Budget(16, 8), seed_rng(seed))
        used.append(int(search._forest.nodes[0]))
        fresh = Search(tables, evaluator, slots=1, simulations=16)
        assert same(found, run(fresh, 0, state, Budget(16, 8), seed_rng(seed)))
    assert used[0] <= 17 < used[2]
    assert max(used) == search._forest.state.shape[1] == 33


def test_an_abandoned_search_leaves_no_false_judgement():
    tables, states = decisions("hex8_2p", 5)
    evaluator = HashEvaluator(tables)
    search = Search(tables, evaluator, slots=1, simulations=32)
    search.begin(0, states[20], FULL, None)
    for _ in range(7):
        search.step()
    search._walk()  # a leaf waits
    fresh = Search(tables, evaluator, slots=1, simulations=32)
    assert same(run(search, 0, states[20], FULL), run(fresh, 0, states[20], FULL))
