"""Players that decide without a tree, or without a network."""

import numpy as np
import pytest
from search_support import HashEvaluator, decisions

from ringrift.engine.config import Config
from ringrift.engine.kernels import action_index, list_choices, new_scratch, write_planes
from ringrift.engine.players import RANDOM_NAME
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import tables_for
from ringrift.engine.state import SEAT, WINNER
from ringrift.train.arena import play_match
from ringrift.train.play import Referee
from ringrift.train.player import ROLLOUTS_NAME, PolicyPlayer, Position, RolloutPlayer, baseline


def positions(config: str, seed: int):
    tables, states = decisions(config, seed)
    referee = Referee(tables)
    return tables, [Position(s, referee.legal(s), seed_rng(i)) for i, s in enumerate(states)]


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
def test_policy_only_takes_what_the_policy_likes_best(config):
    tables, due = positions(config, 3)
    evaluator, scratch = HashEvaluator(tables), new_scratch(tables)
    chosen = PolicyPlayer(tables, evaluator, slots=64).choose(due)
    planes = np.zeros((tables.planes, tables.height, tables.width), np.float32)
    choices = np.zeros(tables.max_moves, np.int64)
    for position, move in zip(due, chosen, strict=True):
        write_planes(tables, position.state, planes, scratch)
        logits, _ = evaluator.one(planes)
        n = list_choices(tables, position.state, choices, scratch)
        likes = {
            int(c): float(logits[action_index(tables, position.state, int(c))]) for c in choices[:n]
        }
        assert likes[move] == max(likes.values())
    small = PolicyPlayer(tables, evaluator, slots=5)
    assert small.choose(due) == chosen
    assert small.evaluations == len(due)


def test_rollouts_depend_on_the_game_only():
    tables, due = positions("hex8_2p", 4)
    due = due[5:45:8]
    together = RolloutPlayer(tables, 16).choose(due)
    again = positions("hex8_2p", 4)[1][5:45:8]
    assert [RolloutPlayer(tables, 16).choose([p])[0] for p in again] == together


def test_rollouts_see_a_win_at_hand():
    won = 0
    for seed in range(10):
        tables, due = positions("hex8_2p", seed)
        state = due[-1].state
        mover = int(state[SEAT])
        move = RolloutPlayer(tables, 2 * len(due[-1].legal)).choose(due[-1:])[0]
        Referee(tables).play(state, move)
        won += int(state[WINNER]) == mover
    assert won >= 5


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
def test_rollouts_beat_random_play(config):
    tables = tables_for(Config.parse(config))
    match = play_match(
        tables,
        RolloutPlayer(tables, 16),
        baseline(RANDOM_NAME, tables),
        seed=1,
        openings=6,
        stopping=lambda: False,
        progress=lambda done, decided: None,
    )
    assert match is not None
    assert sum(match.blocks) > 6 * (tables.players + 1) // 2


def test_the_rollout_baseline_has_its_name():
    assert isinstance(baseline(ROLLOUTS_NAME, tables_for(Config.parse("hex8_2p"))), RolloutPlayer)
