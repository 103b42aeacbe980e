"""The programs that measure and tune the heuristics play on today's engine."""

import heuristic
import tune_heuristic

from ringrift.engine.config import Config
from ringrift.engine.players import HEURISTIC_NAME, RANDOM_NAME, find_baseline
from ringrift.engine.rules import tables_for


def test_a_match_of_the_benchmark_counts_its_games_and_times_its_turns() -> None:
    t = tables_for(Config.parse("hex8_2p"))
    one, other = find_baseline(HEURISTIC_NAME)(t), find_baseline(RANDOM_NAME)(t)
    score, timed, _ = heuristic.match(t, one, other, games=8, seed=3)
    assert (score.games, score.openings) == (8, 4)
    assert len(timed.turns) > 8


def test_a_round_of_tuning_compares_two_sets_of_weights() -> None:
    weights = tune_heuristic.WEIGHTS
    assert -1 <= tune_heuristic.outcome(weights, weights._replace(hand=0.0), seed=1) <= 1
