"""Promotion: every line required, every line shown, and few equal challengers let through."""

import numpy as np
import pytest

from ringrift.train.blocks import Score, histogram_of
from ringrift.train.promotion import (
    Check,
    PromotionSettings,
    Verdict,
    generator_verdict,
    promotion_verdict,
    shown_worse,
)
from ringrift.train.sequential import SequentialTest


def match(*histogram: int, openings: int | None = None, games: int | None = None) -> Score:
    """A match in which all openings and games differ, unless said otherwise."""
    played = Score(tuple(histogram))
    return Score(
        tuple(histogram),
        played.openings if openings is None else openings,
        played.games if games is None else games,
    )


SWEEP = match(0, 2, 18)
EVEN = match(5, 10, 5)
LOST = match(15, 5, 0)


def line(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)


def test_a_clearly_better_candidate_is_promoted_with_every_reason():
    verdict = promotion_verdict(2, SWEEP, EVEN, SWEEP)
    assert verdict.decision == "promoted"
    assert [check.name for check in verdict.checks] == [
        "better than random",
        "better than champion",
        "not worse than heuristic",
        "games against random",
        "distinct openings against random",
        "distinct games against random",
        "games against champion",
        "distinct openings against champion",
        "distinct games against champion",
    ]
    assert line(verdict, "better than champion").required == "lower 95 % bound > 50.0%"
    assert line(verdict, "better than champion").actual.startswith("95.0% [")
    assert line(verdict, "games against champion").actual == "40"


@pytest.mark.parametrize(
    ("random", "champion", "failed"),
    [(EVEN, SWEEP, "better than random"), (SWEEP, EVEN, "better than champion")],
)
def test_one_failed_line_rejects(random: Score, champion: Score, failed: str):
    verdict = promotion_verdict(2, random, EVEN, champion)
    assert verdict.decision == "rejected"
    assert [check.name for check in verdict.checks if check.passed is False] == [failed]


def test_the_first_champion_needs_only_random():
    assert promotion_verdict(2, SWEEP, LOST, None, has_champion=False).decision == "promoted"
    assert promotion_verdict(2, EVEN, LOST, None, has_champion=False).decision == "rejected"


def test_a_match_not_played_leaves_the_question_open():
    verdict = promotion_verdict(2, SWEEP, None, None)
    assert verdict.decision == "undecided"
    assert line(verdict, "better than champion").actual == "not played"
    assert line(verdict, "not worse than heuristic").actual == "not played"
    assert promotion_verdict(2, None, None, SWEEP).decision == "undecided"


def test_the_heuristic_is_reported_until_the_champion_is_better_than_it():
    verdict = promotion_verdict(2, SWEEP, LOST, SWEEP, champion_against_heuristic=EVEN)
    assert verdict.decision == "promoted"
    assert line(verdict, "not worse than heuristic").passed is None
    verdict = promotion_verdict(2, SWEEP, LOST, SWEEP, champion_against_heuristic=SWEEP)
    assert verdict.decision == "rejected"
    assert line(verdict, "not worse than heuristic").passed is False
    verdict = promotion_verdict(2, SWEEP, EVEN, SWEEP, champion_against_heuristic=SWEEP)
    assert verdict.decision == "promoted"
    assert line(verdict, "not worse than heuristic").passed is True
    verdict = promotion_verdict(2, SWEEP, None, SWEEP, champion_against_heuristic=SWEEP)
    assert verdict.decision == "rejected"


@pytest.mark.parametrize(
    ("thin", "named"),
    [
        (match(0, 0, 19), "games against champion"),
        (match(0, 0, 20, openings=19), "distinct openings against champion"),
        (match(0, 0, 20, games=35), "distinct games against champion"),
        (Score((0, 0, 20), 20, None), "distinct games against champion"),
        (Score((0, 0, 20), None, 40), "distinct openings against champion"),
    ],
)
def test_too_short_or_too_uniform_a_match_cannot_decide(thin: Score, named: str):
    verdict = promotion_verdict(2, SWEEP, EVEN, thin)
    assert verdict.decision == "undecided"
    assert named in [check.name for check in verdict.checks if check.passed is False]


def test_settings_say_how_much_a_match_must_hold():
    short = match(0, 0, 10)
    settings = PromotionSettings(minimum_games=20, minimum_openings=10)
    assert promotion_verdict(2, short, None, short).decision == "undecided"
    assert promotion_verdict(2, short, None, short, settings).decision == "promoted"


def test_more_seats_have_a_smaller_even_share():
    third = match(5, 8, 5, 4)
    verdict = promotion_verdict(3, third, None, third)
    assert verdict.decision == "rejected"
    assert line(verdict, "better than champion").required == "lower 95 % bound > 33.3%"
    strong = match(1, 6, 20, 5)
    assert promotion_verdict(3, strong, None, strong).decision == "promoted"


def test_a_match_of_other_seats_is_refused():
    with pytest.raises(ValueError, match="2 rotations; it must have 3"):
        promotion_verdict(3, SWEEP, None, None)


def test_shown_worse_needs_games_and_a_clear_loss():
    assert not shown_worse(None)
    assert not shown_worse((0, 0, 0))
    assert not shown_worse((5, 10, 5))
    assert not shown_worse((7, 10, 3))
    assert shown_worse((14, 5, 1))


def test_by_the_sequential_test_a_running_match_is_undecided_whatever_else_failed():
    test = SequentialTest()
    running = promotion_verdict(2, EVEN, EVEN, match(4, 9, 7), test=test)
    assert running.decision == "undecided"
    tested = line(running, "better than champion")
    assert tested.passed is None
    assert tested.required == "log-likelihood ratio >= 2.90 within 1000 games"
    assert tested.actual.endswith("in 40 games, not ended")
    assert promotion_verdict(2, SWEEP, EVEN, None, test=test).decision == "undecided"


def test_the_sequential_test_decides_with_the_rest_of_the_list():
    test = SequentialTest(maximum_games=80)
    assert promotion_verdict(2, SWEEP, EVEN, SWEEP, test=test).decision == "promoted"
    assert promotion_verdict(2, EVEN, EVEN, SWEEP, test=test).decision == "rejected"
    assert promotion_verdict(2, SWEEP, EVEN, LOST, test=test).decision == "rejected"
    spent = promotion_verdict(2, SWEEP, EVEN, match(5, 24, 11), test=test)
    assert spent.decision == "rejected"
    assert "the most it may play" in line(spent, "better than champion").actual
    uniform = promotion_verdict(2, SWEEP, EVEN, match(0, 2, 18, games=30), test=test)
    assert uniform.decision == "undecided"


def test_further_lines_are_required_unless_only_reported():
    short = Check("games learnt from", ">= 1000", "200", passed=False)
    told = Check("quality", "reported", "0.4", passed=None)
    assert promotion_verdict(2, SWEEP, EVEN, SWEEP, further=[told]).decision == "promoted"
    verdict = promotion_verdict(2, SWEEP, EVEN, SWEEP, further=[short, told])
    assert verdict.decision == "rejected"
    assert line(verdict, "games learnt from") == short


@pytest.mark.parametrize(
    ("reference", "decision"),
    [
        (SWEEP, "promoted"),
        (EVEN, "promoted"),
        (match(7, 10, 3), "promoted"),
        (LOST, "rejected"),
        (None, "undecided"),
        (match(10, 0, 0), "undecided"),
        (match(15, 5, 0, games=20), "undecided"),
    ],
)
def test_a_candidate_generates_unless_a_sound_match_shows_it_worse(
    reference: Score | None, decision: str
):
    assert generator_verdict(2, reference).decision == decision


@pytest.mark.parametrize("seats", [2, 3, 4])
@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_few_equal_challengers_are_promoted_or_called_worse(seats: int, together: float):
    """`together`: share of openings that one side wins from every seat."""
    rng = np.random.default_rng(seats)
    challengers, blocks = 3000, 20
    alike = rng.random((challengers, blocks)) < together
    wins = np.where(
        alike,
        seats * (rng.random((challengers, blocks)) < 1 / seats),
        rng.binomial(seats, 1 / seats, (challengers, blocks)),
    )
    sweep = match(*([0] * seats), 20)
    promoted = worse = 0
    for blocks_won in wins.tolist():
        histogram = histogram_of(blocks_won, seats)
        promoted += promotion_verdict(seats, sweep, None, match(*histogram)).decision == "promoted"
        worse += shown_worse(histogram)
    assert promoted / challengers <= 0.04
    assert worse / challengers <= 0.04


def test_most_clearly_stronger_challengers_are_promoted():
    """+200 Elo (76 %) over 40 games: enough power to be worth the games."""
    rng = np.random.default_rng(3)
    promoted = 0
    for _ in range(500):
        histogram = histogram_of(rng.binomial(2, 0.76, 20).tolist(), 2)
        promoted += promotion_verdict(2, SWEEP, None, match(*histogram)).decision == "promoted"
    assert promoted / 500 > 0.8
