"""The evaluation job: whole, in parts, the other way round, and ended by the sequential test."""

import itertools

import pytest
from search_support import ConstantEvaluator

from ringrift.engine.config import Config
from ringrift.engine.players import HEURISTIC_NAME, RANDOM_NAME
from ringrift.engine.rules import tables_for
from ringrift.train import evaluation
from ringrift.train.arena import play_match
from ringrift.train.evaluation import run_evaluation
from ringrift.train.openings import even_utility
from ringrift.train.player import BaselinePlayer, SearchPlayer
from ringrift.train.world import World
from ringrift.wire.job import EvaluationDone, EvaluationJob, Finished, Progress, Weights

NETWORK = Weights(sha256="a" * 64, path="a network")


@pytest.fixture(autouse=True)
def networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every weights file is a network without opinions: fast, weak, and always alike."""

    def load(config: Config, path, *, seed, sha256) -> ConstantEvaluator:
        assert (str(path), sha256) == (NETWORK.path, NETWORK.sha256)
        even = even_utility(config.players)
        return ConstantEvaluator(tables_for(config), [even] * config.players)

    monkeypatch.setattr(evaluation, "load_evaluator", load)


def run(stop_after: int = 10**9, **changes) -> tuple[Finished, list[Progress]]:
    lines, seconds, looks = [], itertools.count(), itertools.count()
    job = EvaluationJob(
        **{
            "config": "hex8_2p",
            "run_id": "1" * 32,
            "out_dir": ".",
            "candidate": NETWORK,
            "opponent": RANDOM_NAME,
            "simulations": 2,
            **changes,
        }
    )
    world = World(lambda: float(next(seconds)), lines.append, lambda: next(looks) >= stop_after)
    return run_evaluation(job, world), lines


def done(**changes) -> EvaluationDone:
    finished, _ = run(**changes)
    assert isinstance(finished.result, EvaluationDone)
    assert not finished.partial
    return finished.result


def test_a_match_of_fixed_length_is_played_to_its_end():
    result = done()
    assert (result.opponent, result.rotations, result.reverse) == (RANDOM_NAME, 2, False)
    assert len(result.blocks) == len(result.openings) == len(result.finals) == 20
    assert (result.early, result.verdict) == (False, None)
    assert result.distinct_openings == len(set(result.openings)) == 20
    assert result.distinct_games == len({final for block in result.finals for final in block})


def asked_per_decision(simulations: int) -> float:
    figures = run(simulations=simulations)[1][-1].figures
    return figures["evaluations_per_s"] / figures["decisions_per_s"]


def test_without_simulations_the_policy_plays_alone():
    # The network sits on one side of two, and is asked once for each of its decisions.
    assert asked_per_decision(0) == pytest.approx(0.5, abs=0.1)
    assert asked_per_decision(2) > 0.75


def test_parts_of_a_match_share_a_seed_and_nothing_else():
    whole = done(openings=40, seed="match")
    first = done(openings=20, seed="match", run_id="2" * 32)
    second = done(openings=20, seed="match", run_id="3" * 32, first_opening=20)
    assert first.blocks + second.blocks == whole.blocks
    assert first.openings + second.openings == whole.openings
    assert first.finals + second.finals == whole.finals
    assert done(openings=20, seed="another").openings != first.openings


@pytest.mark.parametrize("reverse", [False, True])
def test_in_reverse_the_opponent_sits_alone(reverse: bool, monkeypatch: pytest.MonkeyPatch):
    seated = []

    def spy(tables, lone, others, **how):
        seated.append((type(lone), type(others)))
        return play_match(tables, lone, others, **how)

    monkeypatch.setattr(evaluation, "play_match", spy)
    result = done(config="hex8_3p", opponent=HEURISTIC_NAME, reverse=reverse, judge=NETWORK)
    assert result.reverse is reverse
    pair = (SearchPlayer, BaselinePlayer)
    assert seated == [pair[::-1] if reverse else pair]


def test_a_test_ends_the_match_and_its_length_is_the_tests():
    """Against itself every block is even, so it is soon shown not to be better."""
    result = done(opponent=NETWORK, openings=100, error=0.035)
    assert (result.verdict, result.early) == ("rejected", True)
    assert result.blocks == (1,) * 20
    assert len(result.openings) == len(result.finals) == 20


def test_a_test_that_has_not_ended_says_so():
    result = done(openings=20, error=1e-9)
    assert (len(result.blocks), result.early) == (20, True)
    assert result.verdict == "continue"


@pytest.mark.parametrize("error", [None, 0.035])
def test_asked_to_stop_it_has_no_result(error: float | None):
    finished, _ = run(stop_after=5, error=error)
    assert finished == Finished(result=None, partial=True)


def test_progress_grows_over_all_parts_of_a_tested_match():
    _, lines = run(opponent=NETWORK, openings=70, error=0.001)
    counts = [line.done for line in lines]
    assert counts == sorted(counts)
    assert all(line.total == 140 for line in lines)
