"""What comes next, by what there is."""

import msgspec
import pytest
from learn_support import kept, matched, progress, sha, trained, worked

from ringrift.engine.players import RANDOM_NAME, TURN_NAME
from ringrift.learn.events import Fitting, Ruled
from ringrift.learn.gates import HEURISTIC, RANDOM, challenge, rulings
from ringrift.learn.plan import (
    evaluation_affordable,
    fit_cores,
    fit_due,
    generator_of,
    next_match,
    rows_wanted,
    window_shards,
)
from ringrift.learn.progress import Progress
from ringrift.train.window import window_rows

WON, LOST, EVEN = [2] * 20, [0] * 20, [2, 0] * 10
BETTER = [2, 0] * 8 + [2, 1] * 2


def promoted(number: int) -> Ruled:
    return Ruled(sha(number), "promoted", None, (), 0.0)


def test_a_fit_waits_for_a_share_of_all_rows_within_bounds() -> None:
    assert not fit_due(progress(kept(0), kept(1)))
    assert fit_due(progress(kept(0), kept(1), kept(2)))
    many = progress(*(kept(n, full_rows=1000) for n in range(20)), trained(1, seen_rows=18_000))
    assert rows_wanted(many) == 3000
    assert not fit_due(many)
    assert rows_wanted(progress(*(kept(n, full_rows=10_000) for n in range(20)))) == 15_000


def test_a_fit_that_has_begun_is_due_and_knows_no_later_shard() -> None:
    run = progress(kept(0), kept(1), Fitting(1000, 0.0), kept(2), kept(3))
    assert fit_due(run)
    shards, rows = window_shards(run)
    assert [shard.sha256 for shard in shards] == [kept(0).sha256, kept(1).sha256]
    assert rows == window_rows(1000)
    run.take(trained(1, seen_rows=1000))
    assert not fit_due(run)
    assert len(window_shards(run)[0]) == 4


@pytest.mark.parametrize(("cores", "training"), [(1, 1), (2, 1), (7, 1), (8, 2), (64, 16)])
def test_most_cores_play_on_during_a_fit(cores: int, training: int) -> None:
    assert fit_cores(cores) == training


def test_the_untrained_network_plays_until_there_is_another() -> None:
    assert generator_of(progress(kept(0))) is None
    run = progress(trained(1))
    assert generator_of(run) is run.newest


def test_selfplay_leaves_a_network_only_when_it_is_shown_worse() -> None:
    run = progress(trained(1), promoted(1), trained(2), matched(2, sha(1), EVEN), trained(3))
    assert generator_of(run) is run.candidates[2]  # not met yet: not shown worse
    run.take(matched(3, sha(1), LOST))
    assert generator_of(run) is run.candidates[1]
    run.take(matched(2, sha(1), LOST, first=20))
    run.take(matched(2, sha(1), LOST, first=40))
    assert generator_of(run) is run.candidates[0]


def test_evaluation_keeps_to_its_share() -> None:
    assert evaluation_affordable(progress())
    assert evaluation_affordable(progress(worked("selfplay", 90), worked("evaluation", 10)))
    assert not evaluation_affordable(progress(worked("selfplay", 89), worked("evaluation", 11)))


def test_the_first_candidate_meets_the_baselines_and_is_promoted() -> None:
    run = progress(trained(1))
    first = next_match(run, ())
    assert first is not None
    assert (first.opponent, first.first_opening, first.openings) == (RANDOM, 0, 20)
    second = next_match(run, {RANDOM})
    assert second is not None
    assert second.opponent == HEURISTIC
    run.take(matched(1, RANDOM, WON))
    assert rulings(run) == []
    run.take(matched(1, HEURISTIC, LOST))
    assert [ruled.decision for ruled in rulings(run)] == ["promoted"]
    for ruled in rulings(run):
        run.take(ruled)
    assert run.champion == sha(1)
    assert next_match(run, ()) is None


def with_champion() -> Progress:
    return progress(
        trained(1), matched(1, RANDOM, WON), matched(1, HEURISTIC, LOST), promoted(1), trained(2)
    )


def test_a_challenger_is_tested_piece_by_piece_until_it_is_decided() -> None:
    run = with_champion()
    task = next_match(run, ())
    assert task is not None
    assert (task.candidate, task.opponent, task.first_opening) == (sha(2), sha(1), 0)
    run.take(matched(2, sha(1), EVEN))
    task = next_match(run, ())
    assert task is not None
    assert (task.opponent, task.first_opening, task.openings) == (sha(1), 20, 20)
    assert rulings(run) == []
    run.take(matched(2, sha(1), LOST, first=20))
    assert [ruled.decision for ruled in rulings(run)] == ["rejected"]
    assert next_match(run, ()) is None


def test_a_challenger_shown_better_still_owes_the_checklist() -> None:
    run = with_champion()
    run.take(matched(2, sha(1), WON))
    assert rulings(run) == []
    task = next_match(run, ())
    assert task is not None
    assert task.opponent == RANDOM
    run.take(matched(2, RANDOM, WON))
    run.take(matched(2, HEURISTIC, EVEN))
    (ruled,) = rulings(run)
    assert ruled.decision == "promoted"
    assert ruled.against == sha(1)
    assert any(name == "better than champion" for name, *_ in ruled.checks)


def test_a_candidate_overtaken_before_its_test_is_undecided_never_rejected() -> None:
    run = with_champion()
    run.take(trained(3))
    assert rulings(run, {sha(2)}) == []  # its first match is being played
    assert [(ruled.candidate, ruled.decision) for ruled in rulings(run)] == [(sha(2), "undecided")]
    for ruled in rulings(run):
        run.take(ruled)
    task = next_match(run, ())
    assert task is not None
    assert task.candidate == sha(3)


def test_a_test_that_goes_well_is_played_to_its_end() -> None:
    run = with_champion()
    run.take(matched(2, sha(1), BETTER))
    run.take(trained(3))
    for piece in range(1, 5):
        assert rulings(run) == []
        task = next_match(run, ())
        assert task is not None
        assert (task.candidate, task.first_opening) == (sha(2), 20 * piece)
        run.take(matched(2, sha(1), BETTER, first=20 * piece))
    assert rulings(run) == []
    run.take(matched(2, sha(1), LOST, first=100))
    assert [(ruled.candidate, ruled.decision) for ruled in rulings(run)] == [(sha(2), "rejected")]


def test_a_test_that_does_not_go_well_gives_way_to_a_newer_candidate() -> None:
    run = with_champion()
    run.take(matched(2, sha(1), EVEN))
    assert rulings(run) == []
    run.take(trained(3))
    task = next_match(run, ())
    assert task is not None
    assert (task.candidate, task.first_opening) == (sha(3), 0)
    assert [(ruled.candidate, ruled.decision) for ruled in rulings(run)] == [(sha(2), "undecided")]


def test_a_passed_test_is_kept_while_the_checklist_is_played() -> None:
    run = with_champion()
    run.take(matched(2, sha(1), WON))
    run.take(trained(3))
    assert rulings(run) == []
    task = next_match(run, ())
    assert task is not None
    assert (task.candidate, task.opponent) == (sha(2), RANDOM)


def test_a_match_of_games_all_alike_decides_nothing() -> None:
    run = with_champion()
    alike = matched(2, sha(1), LOST)
    run.take(msgspec.structs.replace(alike, finals=((sha(9)[:16],) * 2,) * 20))
    assert [ruled.decision for ruled in rulings(run)] == ["undecided"]
    assert generator_of(run) is run.candidates[1]


def test_even_blocks_are_rejected_in_the_end() -> None:
    run = with_champion()
    pieces = 0
    while not rulings(run):
        run.take(matched(2, sha(1), EVEN, first=20 * pieces))
        pieces += 1
        assert pieces < 100
    assert [ruled.decision for ruled in rulings(run)] == ["rejected"]
    assert pieces > 1


def test_blocks_beyond_the_end_of_a_test_do_not_count() -> None:
    run = with_champion()
    run.take(matched(2, sha(1), WON + LOST * 3))
    assert next_match(run, ()) is not None
    run.take(matched(2, RANDOM, WON))
    run.take(matched(2, HEURISTIC, EVEN))
    assert [ruled.decision for ruled in rulings(run)] == ["promoted"]


def test_later_challengers_of_one_champion_are_tested_more_strictly() -> None:
    run = with_champion()
    run.take(matched(2, sha(1), EVEN))
    run.take(trained(3))
    first, second = run.candidates[1], run.candidates[2]
    assert challenge(run, second).error < challenge(run, first).error


def test_the_baselines_are_the_engines() -> None:
    assert (RANDOM, HEURISTIC) == (RANDOM_NAME, TURN_NAME)
