import json
from pathlib import Path

import numpy as np
import pytest
from search_support import (
    ConstantEvaluator,
    CountsSeatsBackwards,
    FlipsSigns,
    HashEvaluator,
    ReferenceSearch,
    position,
    run,
    same,
)

from ringrift.engine.config import Config
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import tables_for
from ringrift.engine.state import GAME_OVER, PHASE, new_state
from ringrift.train.search import forest
from ringrift.train.search.search import Budget, Decision, Search
from ringrift.train.search.seats import absolute_values
from ringrift.train.search.utility import write_utilities

GOLDEN = Path(__file__).with_name("golden_trees.json")

POSITIONS = (
    ("hex8_2p", 1, 0),
    ("hex8_2p", 2, 9),
    ("hex8_2p", 3, 30),
    ("square8_3p", 4, 12),
    ("hex8_4p", 5, 17),
    ("square8_2p", 6, 25),
)


def alone(config: str, seed: int, turns: int, budget: Budget, *, noisy: bool = False) -> Decision:
    tables, state = position(config, seed, turns)
    search = Search(tables, HashEvaluator(tables), slots=1, simulations=budget.simulations)
    return run(search, 0, state, budget, seed_rng(seed) if noisy else None)


@pytest.mark.parametrize("players", [2, 3, 4])
def test_values_belong_to_the_mover_and_those_after_it(players):
    relative = np.arange(players, dtype=np.float32)
    for seat in range(players):
        absolute = np.zeros(players)
        absolute_values(relative, seat, absolute)
        assert absolute[seat] == 0
        assert absolute[(seat + 1) % players] == 1
        assert sorted(absolute) == list(range(players))


@pytest.mark.parametrize(("config", "seed", "turns"), POSITIONS)
@pytest.mark.parametrize("c_scale", [0.1, 1.0])
def test_equals_the_reference(config, seed, turns, c_scale):
    tables, state = position(config, seed, turns)
    evaluator = HashEvaluator(tables)
    search = Search(tables, evaluator, slots=1, simulations=48, c_scale=c_scale)
    found = run(search, 0, state, Budget(48, 6))
    root, winner, policy = ReferenceSearch(tables, evaluator, c_scale).run(state, 48, 6)
    expected = [root.children[i].visits if i in root.children else 0 for i in range(len(policy))]
    assert found.moves.tolist() == root.moves
    assert found.visits.tolist() == expected
    assert found.winner == winner
    assert np.allclose(found.policy, policy, atol=1e-6)
    assert np.allclose(found.raw_value, root.own)


@pytest.mark.parametrize("bug", [FlipsSigns, CountsSeatsBackwards])
def test_a_bug_in_whose_value_it_is_shows(bug):
    """The comparison with the reference would tell: a reference with the bug disagrees."""
    tables, state = position("square8_3p", 4, 12)
    evaluator = HashEvaluator(tables)
    found = run(Search(tables, evaluator, slots=1, simulations=48), 0, state, Budget(48, 6))
    assert not np.allclose(found.policy, bug(tables, evaluator, 1.0).run(state, 48, 6)[2])


@pytest.mark.parametrize(
    ("ranks", "utilities"),
    [
        ((1, 2), (1, 0)),
        ((2, 1, 3), (0.1, 1, 0)),
        ((2, 2, 1), (0.05, 0.05, 1)),
        ((3, 1, 2, 3), (0.2 / 6, 1, 0.4 / 3, 0.2 / 6)),
        ((2, 2, 2, 1), (0.2 / 3, 0.2 / 3, 0.2 / 3, 1)),
    ],
)
def test_an_end_is_worth_the_win_and_a_little_the_rank(ranks, utilities):
    out = np.zeros(len(ranks))
    write_utilities(np.array(ranks, dtype=np.int64), out)
    assert np.allclose(out, utilities)
    assert out.max() == 1.0


@pytest.mark.parametrize(("config", "seed", "turns"), POSITIONS)
def test_golden_trees(config, seed, turns):
    """Pinned results; when rules, planes or search change on purpose, see `write_golden`."""
    wanted = json.loads(GOLDEN.read_text())[f"{config} {seed} {turns}"]
    assert summary(alone(config, seed, turns, Budget(64, 8), noisy=True)) == wanted


def summary(found: Decision) -> dict[str, object]:
    visited = np.flatnonzero(found.visits).tolist()
    return {
        "choices": len(found.moves),
        "winner": found.winner,
        "visits": {str(i): int(found.visits[i]) for i in visited},
        "policy": {str(i): round(float(found.policy[i]), 4) for i in visited},
        "value": [round(float(v), 4) for v in found.root_value],
    }


def write_golden() -> None:
    """Run this file as a program to pin the trees of the present code."""
    trees = {
        f"{c} {s} {t}": summary(alone(c, s, t, Budget(64, 8), noisy=True)) for c, s, t in POSITIONS
    }
    GOLDEN.write_text(json.dumps(trees, indent=1) + "\n")


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("slots", [3, 8])
def test_threads_and_batches_change_nothing(threads, slots):
    """The golden trees once more, in batches of any size, walked by any number of threads."""
    golden = json.loads(GOLDEN.read_text())
    name = "hex8_2p"
    cases = [case for case in POSITIONS if case[0] == name] * 3
    tables = tables_for(Config.parse(name))
    search = Search(tables, HashEvaluator(tables), slots=slots, simulations=64, threads=threads)
    waiting, at, done = list(cases), {}, 0
    while waiting or at:
        for slot in set(range(slots)) - set(at):
            if waiting:
                at[slot] = waiting.pop()
                _, seed, turns = at[slot]
                state = position(name, seed, turns)[1]
                search.begin(slot, state, Budget(64, 8), seed_rng(seed))
        for slot in search.step():
            _, seed, turns = at.pop(slot)
            assert summary(search.result(slot)) == golden[f"{name} {seed} {turns}"]
            done += 1
    assert done == len(cases)


def test_company_changes_nothing():
    """Another slot, other games, other budgets, later starts: the same result."""
    tables, state = position("hex8_2p", 3, 14)
    evaluator = HashEvaluator(tables)
    budget = Budget(32, 8)
    lonely = run(Search(tables, evaluator, slots=1, simulations=32), 0, state, budget, seed_rng(9))
    search = Search(tables, evaluator, slots=5, simulations=40)
    for slot in range(4):
        other = position("hex8_2p", 50 + slot, 5 * slot)[1]
        search.begin(slot, other, Budget(40 - slot, 8), seed_rng(slot))
    search.step()
    search.step()
    assert same(run(search, 4, state, budget, seed_rng(9)), lonely)


def test_slots_can_be_used_again():
    tables, state = position("hex8_2p", 3, 14)
    search = Search(tables, HashEvaluator(tables), slots=1, simulations=32)
    first = run(search, 0, state, Budget(32, 8))
    run(search, 0, position("hex8_2p", 8, 3)[1], Budget(20, 4))
    assert same(run(search, 0, state, Budget(32, 8)), first)


def test_trees_grow_beyond_their_first_room(monkeypatch):
    tables, state = position("hex8_2p", 1, 2)
    evaluator = HashEvaluator(tables)
    roomy = run(Search(tables, evaluator, slots=1, simulations=32), 0, state, Budget(32, 8))
    monkeypatch.setattr(forest, "_EDGES_PER_NODE", 1)
    narrow = Search(tables, evaluator, slots=3, simulations=32)
    narrow.begin(1, new_state(tables), Budget(32, 8), seed_rng(5))
    assert same(run(narrow, 0, state, Budget(32, 8)), roomy)


def test_nodes_are_decisions_or_ends():
    tables, state = position("hex8_2p", 3, 34)
    search = Search(tables, ConstantEvaluator(tables, (0.5, 0.5)), slots=1, simulations=200)
    run(search, 0, state, Budget(200, 16))
    f = search._forest
    used = int(f.nodes[0])
    choices, seats = f.choices[0, :used], f.seat[0, :used]
    assert used <= 201
    assert np.all((choices >= 2) | ((choices == 0) & (seats == -1)))
    assert np.any(choices == 0)


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
def test_no_sign_by_depth(config):
    """After a placement the same seat moves: its opinion of itself stays its own."""
    tables = tables_for(Config.parse(config))
    values = (0.7, 0.2, 0.1) if tables.players == 3 else (0.9, 0.1)
    search = Search(tables, ConstantEvaluator(tables, values), slots=1, simulations=16)
    state = new_state(tables)
    found = run(search, 0, state, Budget(16, 16))
    assert found.visits.max() == 1
    assert np.allclose(found.root_value, values)


def test_an_opinion_counts_for_the_seat_that_holds_it():
    """Values are relative to whoever is to move at a node, however deep, and kept by seat."""
    tables, state = position("hex8_3p", 11, 34)
    search = Search(tables, ConstantEvaluator(tables, (0.7, 0.2, 0.1)), slots=1, simulations=300)
    run(search, 0, state, Budget(300, 300))
    f = search._forest
    used = int(f.nodes[0])
    assert {int(seat) for seat in f.seat[0, :used]} >= {0, 1, 2}
    for node in range(used):
        seat = int(f.seat[0, node])
        if seat >= 0:
            turned = [f.own[0, node, (seat + i) % 3] for i in range(3)]
            assert np.allclose(turned, (0.7, 0.2, 0.1))
    children = np.flatnonzero(f.parent[0, :used] == 0)
    assert np.allclose(f.total[0, 0], f.own[0, 0] + f.total[0, children].sum(axis=0))


def test_policy_and_values_are_distributions():
    found = alone("hex8_4p", 5, 17, Budget(32, 8), noisy=True)
    assert found.policy.sum() == pytest.approx(1)
    assert found.root_value.sum() == pytest.approx(1)
    assert found.visits.sum() == 32
    assert np.all(found.policy > 0)


def test_noise_spreads_choices_and_its_lack_does_not():
    tables = tables_for(Config.parse("hex8_2p"))
    search = Search(tables, ConstantEvaluator(tables, (0.5, 0.5)), slots=1, simulations=8)
    state = new_state(tables)
    quiet = {run(search, 0, state, Budget(8, 4)).winner for _ in range(3)}
    loud = {run(search, 0, state, Budget(8, 4), seed_rng(s)).winner for s in range(12)}
    assert len(quiet) == 1
    assert len(loud) > 8


def test_refuses_what_it_cannot_search():
    tables, state = position("hex8_2p", 1, 0)
    search = Search(tables, HashEvaluator(tables), slots=1, simulations=8)
    with pytest.raises(ValueError, match="simulations is 9"):
        search.begin(0, state, Budget(9, 4), None)
    with pytest.raises(ValueError, match="no finished search"):
        search.result(0)
    over = state.copy()
    over[PHASE] = GAME_OVER
    with pytest.raises(ValueError, match="no decision"):
        search.begin(0, over, Budget(8, 4), None)
    assert search.step() == []


if __name__ == "__main__":
    write_golden()
