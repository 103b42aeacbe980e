"""Every controller by cases: a state and figures go in, exactly these commands come out."""

import msgspec
import pytest
from cluster_support import CONFIG, Ledger, sha

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Queued
from ringrift.node.cluster.work import (
    MAX_TRAINING_SHARDS,
    EvaluationWork,
    TrainingWork,
)
from ringrift.node.control import evaluation, promotion
from ringrift.node.control import training as fits
from ringrift.node.control.evaluation import HEURISTIC, RANDOM
from ringrift.node.runtime.settings import PipelineSettings, PromotionSettings

PIPELINE = PipelineSettings(training_min_new_games=64)
JUDGE = PromotionSettings()
STRONG = (0, 0, 20)
EVEN = (5, 10, 5)
WEAK = (18, 2, 0)


def test_the_baselines_are_named_as_the_engine_names_them() -> None:
    from ringrift.engine import players

    assert (RANDOM, HEURISTIC) == (players.RANDOM_NAME, players.HEURISTIC_NAME)


# Training


def test_training_is_due_by_new_games_once_and_from_the_generator() -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    assert fits.trigger(ledger.state, PIPELINE) == []
    ledger.register(2)
    due = fits.trigger(ledger.state, PIPELINE)
    assert len(due) == 1 and isinstance(due[0], c.AddWork)
    payload = due[0].payload
    assert isinstance(payload, TrainingWork)
    assert (payload.shards, payload.parent) == ((sha(1), sha(2)), None)
    assert (payload.new_rows, payload.games_seen, payload.rows_seen) == (320, 64, 320)
    item = ledger.add(payload)
    assert fits.trigger(ledger.state, PIPELINE) == []
    ledger.do(c.CancelWork(item=item, by="n"))
    model = ledger.publish(7, games=64)
    ledger.do(c.SetGenerator(config=CONFIG, model=model, reason="newest"))
    ledger.register(3)
    assert fits.new_games(ledger.state, CONFIG) == 32
    assert fits.trigger(ledger.state, PIPELINE) == []
    ledger.register(4)
    (again,) = fits.trigger(ledger.state, PIPELINE)
    assert isinstance(again, c.AddWork) and isinstance(again.payload, TrainingWork)
    assert (again.payload.parent, again.payload.games_seen) == (model, 128)
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert fits.trigger(ledger.state, PIPELINE) == []


def test_a_fit_that_failed_for_good_waits_for_new_games_again() -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    ledger.register(2)
    (due,) = fits.trigger(ledger.state, PIPELINE)
    assert isinstance(due, c.AddWork)
    item = ledger.add(due.payload, attempts=1)
    ledger.do(c.FailWork(item=item, claim=ledger.claim().claim, reason="no memory"))
    assert fits.trigger(ledger.state, PIPELINE) == []
    ledger.register(3)
    ledger.register(4)
    (again,) = fits.trigger(ledger.state, PIPELINE)
    # Nothing was learnt from the first 64 games, so their rows are still new.
    assert isinstance(again, c.AddWork) and isinstance(again.payload, TrainingWork)
    assert again.payload.new_rows == 640


def test_the_window_takes_the_newest_shards_oldest_first() -> None:
    ledger = Ledger.founded()
    for number in (5, 3, 8, 1):
        ledger.register(number)
    narrow = msgspec.structs.replace(PIPELINE, window_rows=170)
    (due,) = fits.trigger(ledger.state, narrow)
    assert isinstance(due, c.AddWork) and isinstance(due.payload, TrainingWork)
    assert due.payload.shards == (sha(8), sha(1))
    exact = msgspec.structs.replace(PIPELINE, window_rows=160)
    (due,) = fits.trigger(ledger.state, exact)
    assert isinstance(due, c.AddWork) and isinstance(due.payload, TrainingWork)
    assert due.payload.shards == (sha(1),)


def test_a_training_item_never_outgrows_a_command() -> None:
    ledger = Ledger.founded()
    for number in range(1, MAX_TRAINING_SHARDS + 20):
        ledger.register(number, games=1)
    (due,) = fits.trigger(ledger.state, PIPELINE)
    assert isinstance(due, c.AddWork) and isinstance(due.payload, TrainingWork)
    assert len(due.payload.shards) == MAX_TRAINING_SHARDS
    assert isinstance(ledger.do(due), Queued)


# Evaluation


def opponents(commands: list[c.Command]) -> list[tuple[str, str]]:
    return [
        (command.payload.candidate, command.payload.opponent)
        for command in commands
        if isinstance(command, c.AddWork) and isinstance(command.payload, EvaluationWork)
    ]


def apply_all(ledger: Ledger, commands: list[c.Command]) -> None:
    for command in commands:
        ledger.do(command)


def test_a_candidate_meets_the_baselines_and_then_the_champion_too() -> None:
    ledger = Ledger.founded()
    assert evaluation.evaluate(ledger.state, PIPELINE) == []
    first = ledger.publish(5)
    wanted = evaluation.evaluate(ledger.state, PIPELINE)
    assert opponents(wanted) == [(first, RANDOM), (first, HEURISTIC)]
    apply_all(ledger, wanted)
    assert evaluation.evaluate(ledger.state, PIPELINE) == []
    crowned(ledger, first)
    second = ledger.publish(6)
    assert opponents(evaluation.evaluate(ledger.state, PIPELINE)) == [
        (second, RANDOM),
        (second, HEURISTIC),
        (second, first),
    ]
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert evaluation.evaluate(ledger.state, PIPELINE) == []


def crowned(ledger: Ledger, model: str) -> None:
    """Cancel what is queued, then have a model win its matches and be promoted."""
    for item in list(ledger.state.work.rows.values()):
        if item.live:
            ledger.do(c.CancelWork(item=item.id, by="n"))
    for opponent in evaluation.opponents_of(ledger.state, ledger.state.models.rows[model]):
        if opponent not in ledger.state.models.rows[model].matches:
            ledger.record(model, opponent, *STRONG)
    (command,) = promotion.decide(ledger.state, JUDGE)
    assert isinstance(command, c.Promote), command
    ledger.do(command)


def test_a_candidate_overtaken_before_it_was_begun_is_left_undecided() -> None:
    ledger = Ledger.founded()
    first = ledger.publish(5)
    apply_all(ledger, evaluation.evaluate(ledger.state, PIPELINE))
    second = ledger.publish(6)
    wanted = evaluation.evaluate(ledger.state, PIPELINE)
    assert [type(command) for command in wanted] == [
        c.CancelWork, c.CancelWork, c.Reject, c.AddWork, c.AddWork,
    ]  # fmt: skip
    apply_all(ledger, wanted)
    verdict = ledger.state.models.rows[first].verdict
    assert verdict is not None and verdict.decision == "undecided"
    assert verdict.reason == "generation 2 came before it was measured"
    assert ledger.state.model_status(ledger.state.models.rows[first]) == "retired"
    assert {pair[0] for pair in opponents(wanted)} == {second}
    assert evaluation.evaluate(ledger.state, PIPELINE) == []


def test_a_candidate_whose_measurement_has_begun_is_measured_to_its_end() -> None:
    ledger = Ledger.founded()
    first = ledger.publish(5)
    apply_all(ledger, evaluation.evaluate(ledger.state, PIPELINE))
    ledger.claim()
    ledger.publish(6)
    ledger.publish(7)
    wanted = evaluation.evaluate(ledger.state, PIPELINE)
    assert [command.model for command in wanted if isinstance(command, c.Reject)] == [sha(6)]
    assert opponents(wanted) == []
    apply_all(ledger, wanted)
    assert evaluation.evaluate(ledger.state, PIPELINE) == []
    assert ledger.state.models.rows[first].verdict is None


@pytest.mark.parametrize("how", ["fail", "cancel"])
def test_a_match_that_cannot_be_had_leaves_the_candidate_undecided(how: str) -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    once = msgspec.structs.replace(PIPELINE, max_attempts=1)
    apply_all(ledger, evaluation.evaluate(ledger.state, once))
    claimed = ledger.claim()
    if how == "fail":
        ledger.do(c.FailWork(item=claimed.items[0], claim=claimed.claim, reason="no weights"))
    else:
        ledger.do(c.CancelWork(item=claimed.items[0], by="n"))
    wanted = evaluation.evaluate(ledger.state, once)
    assert [type(command) for command in wanted] == [c.CancelWork, c.Reject]
    apply_all(ledger, wanted)
    verdict = ledger.state.models.rows[model].verdict
    assert verdict is not None and "random-1" in verdict.reason
    assert ("no weights" in verdict.reason) == (how == "fail")
    assert evaluation.evaluate(ledger.state, once) == []


# Promotion and generator


def test_a_decision_waits_for_the_last_match_and_carries_its_reasons() -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    ledger.record(model, RANDOM, *STRONG)
    assert promotion.decide(ledger.state, JUDGE) == []
    ledger.record(model, HEURISTIC, *WEAK)
    (command,) = promotion.decide(ledger.state, JUDGE)
    assert isinstance(command, c.Promote)
    assert command.verdict.against is None
    assert [check.name for check in command.verdict.checks][:1] == ["better than random"]
    assert "better than random: 100.0%" in command.verdict.reason
    ledger.do(command)
    assert promotion.decide(ledger.state, JUDGE) == []


@pytest.mark.parametrize(
    ("against_champion", "decision"), [(STRONG, "promoted"), (EVEN, "rejected"), (WEAK, "rejected")]
)
def test_a_challenger_must_be_shown_better_than_the_champion(
    against_champion: tuple[int, ...], decision: str
) -> None:
    ledger = Ledger.founded()
    champion = ledger.publish(5)
    crowned(ledger, champion)
    challenger = ledger.publish(6)
    ledger.record(challenger, RANDOM, *STRONG)
    ledger.record(challenger, HEURISTIC, *STRONG)
    assert promotion.decide(ledger.state, JUDGE) == []
    ledger.record(challenger, champion, *against_champion)
    (command,) = promotion.decide(ledger.state, JUDGE)
    assert isinstance(command, c.Promote | c.Reject)
    assert (command.verdict.decision, command.verdict.against) == (decision, champion)
    ledger.do(command)
    crown = challenger if decision == "promoted" else champion
    assert ledger.state.configs.rows[CONFIG].champion == crown


def test_a_chain_of_promotions_may_not_drift_away_from_the_heuristic() -> None:
    ledger = Ledger.founded()
    champion = ledger.publish(5)
    crowned(ledger, champion)
    challenger = ledger.publish(6)
    for opponent, result in ((RANDOM, STRONG), (HEURISTIC, WEAK), (champion, STRONG)):
        ledger.record(challenger, opponent, *result)
    (command,) = promotion.decide(ledger.state, JUDGE)
    assert isinstance(command, c.Reject)
    assert "not worse than heuristic" in command.verdict.reason


def test_matches_too_short_to_tell_leave_a_candidate_undecided() -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    ledger.record(model, RANDOM, 0, 0, 5)
    ledger.record(model, HEURISTIC, 0, 0, 5)
    (command,) = promotion.decide(ledger.state, JUDGE)
    assert isinstance(command, c.Reject) and command.verdict.decision == "undecided"
    assert "games against random: 10, >= 40 asked" in command.verdict.reason


def generator(ledger: Ledger) -> str | None:
    for command in promotion.choose_generators(ledger.state):
        ledger.do(command)
    assert promotion.choose_generators(ledger.state) == []
    return ledger.state.configs.rows[CONFIG].generator


def test_the_generator_is_the_newest_candidate_not_shown_worse() -> None:
    ledger = Ledger.founded()
    assert generator(ledger) is None
    first = ledger.publish(5)
    assert generator(ledger) == first
    crowned(ledger, first)
    second = ledger.publish(6)
    assert generator(ledger) == second
    ledger.record(second, first, *EVEN)
    assert generator(ledger) == second
    third = ledger.publish(7)
    assert generator(ledger) == third
    ledger.record(third, first, *WEAK)
    assert generator(ledger) == second


def test_selfplay_falls_back_to_the_champion_when_all_since_are_shown_worse() -> None:
    ledger = Ledger.founded()
    champion = ledger.publish(5)
    crowned(ledger, champion)
    for number in (6, 7):
        ledger.record(ledger.publish(number), champion, *WEAK)
    assert generator(ledger) == champion


def test_before_a_champion_a_candidate_worse_than_random_does_not_play() -> None:
    ledger = Ledger.founded()
    ledger.record(ledger.publish(5), RANDOM, *WEAK)
    assert generator(ledger) is None
    second = ledger.publish(6)
    assert generator(ledger) == second
