"""When training returns to the champion."""

from learn_support import matched, progress, sha, trained

from ringrift.learn.events import Event, Fitting, Ruled
from ringrift.learn.progress import Progress
from ringrift.learn.rollback import rollback

WORSE = [0, 1, 0, 1, 0] * 6  # 20 % of 60 games
EVEN = [1] * 30


def run_of(*scores: list[int] | None, at_s: float = 0.0) -> Progress:
    """Network 1 is champion; the following ones scored so against it."""
    events: list[Event] = [
        trained(1),
        Ruled(candidate=sha(1), decision="promoted", against=None, checks=(), at_s=0.0),
    ]
    for number, blocks in enumerate(scores, start=2):
        events.append(trained(number, at_s=at_s + number))
        if blocks is not None:
            events.append(matched(number, sha(1), blocks))
    return progress(*events)


def test_three_networks_in_a_row_that_are_far_worse_return_to_the_champion() -> None:
    found = rollback(run_of(WORSE, WORSE, WORSE))
    assert found is not None
    assert found.champion == sha(1)
    assert "3 networks in a row" in found.reason
    assert "critically" in found.reason


def test_a_fit_that_has_begun_is_waited_for() -> None:
    run = run_of(WORSE, WORSE, WORSE)
    run.take(Fitting(100, 10.0))
    assert rollback(run) is None
    run.take(trained(5, at_s=11.0))
    assert rollback(run) is not None


def test_two_are_not_enough_and_an_even_one_between_them_ends_the_row() -> None:
    assert rollback(run_of(WORSE, WORSE)) is None
    assert rollback(run_of(WORSE, WORSE, EVEN, WORSE)) is None
    assert rollback(run_of(WORSE, WORSE, WORSE, EVEN)) is None


def test_one_that_was_not_measured_neither_counts_nor_ends_the_row() -> None:
    assert rollback(run_of(WORSE, None, WORSE, WORSE)) is not None
    assert rollback(run_of(WORSE, None, WORSE)) is None


def test_matches_that_ended_at_their_first_look_count_together() -> None:
    first_look = WORSE[:20]
    assert rollback(run_of(first_look, first_look, first_look)) is not None
    few = WORSE[:5]  # 30 games in all are too few to say
    assert rollback(run_of(few, few, few)) is None


def test_after_a_rollback_it_takes_three_new_ones_and_an_hour() -> None:
    run = run_of(WORSE, WORSE, WORSE)
    event = rollback(run)
    assert event is not None
    run.take(event)
    assert rollback(run) is None
    for number, at_s in ((5, 1000.0), (6, 2000.0), (7, 3000.0)):
        run.take(trained(number, at_s=at_s))
        run.take(matched(number, sha(1), WORSE))
    assert rollback(run) is None
    run.take(trained(8, at_s=4000.0))
    run.take(matched(8, sha(1), WORSE))
    assert rollback(run) is not None


def test_without_a_champion_there_is_nothing_to_return_to() -> None:
    assert rollback(progress(trained(1), trained(2))) is None
