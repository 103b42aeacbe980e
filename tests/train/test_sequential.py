"""The sequential test: a function of the histogram, with the errors that it states."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from promotion import (
    block_law,
    challenge,
    hostile_laws,
    law_with_score,
    mean_of,
    rows_with_a_false_promotion,
    variance_ratio,
)

from ringrift.train import sequential
from ringrift.train.sequential import (
    SequentialTest,
    log_likelihood_ratio,
    look,
    promotion_test,
    share_at,
    shared_error,
)

histograms = st.lists(st.integers(0, 60), min_size=3, max_size=5).filter(any).map(tuple)


def test_a_share_follows_from_elo_and_seats():
    assert share_at(0, 2) == 0.5
    assert share_at(50, 2) == pytest.approx(0.5715, abs=1e-4)
    assert share_at(50, 3) == pytest.approx(0.4000, abs=1e-4)
    assert share_at(0, 4) == 0.25


def test_the_ratio_is_that_of_two_normal_means():
    """28 blocks and half a virtual one at each end: mean .6 of the 28."""
    histogram = (4, 14, 10)
    s0, s1, mean = 0.5, share_at(50, 2), 17 / 28
    centre = (0.5 * 14 + 1.0 * 10.5) / 29
    squares = 4.5 * centre**2 + 14 * (0.5 - centre) ** 2 + 10.5 * (1 - centre) ** 2
    exact = 28 * ((mean - s0) ** 2 - (mean - s1) ** 2) / (2 * squares / 28)
    assert log_likelihood_ratio(histogram, 50) == pytest.approx(exact)


@given(histograms)
def test_the_sign_of_the_ratio_says_which_score_is_nearer(histogram: tuple[int, ...]):
    seats = len(histogram) - 1
    score = sum(k * n for k, n in enumerate(histogram)) / sum(histogram) / seats
    nearer_to_better = score - (1 / seats + share_at(50, seats)) / 2
    ratio = log_likelihood_ratio(histogram, 50)
    assert ratio == 0 or math.copysign(1, ratio) == math.copysign(1, nearer_to_better)


def test_clear_results_end_it_and_even_ones_go_on():
    test = promotion_test(1)
    assert look((0, 4, 16), test).verdict == "accepted"
    assert look((16, 4, 0), test).verdict == "rejected"
    seen = look((5, 9, 6), test)
    assert seen.verdict == "continue"
    assert seen.rejects_at < seen.ratio < seen.accepts_at
    assert (seen.games, seen.maximum_games) == (40, 1000)


def test_it_looks_only_when_it_said_it_would():
    test = SequentialTest()
    assert look((0, 0, 19), test).verdict == "continue"
    assert look((0, 0, 20), test).verdict == "accepted"
    assert look((0, 0, 21), test).verdict == "continue"
    assert look((0, 0, 24), test).verdict == "accepted"
    assert [test.next_look(n, 2) for n in (0, 19, 20, 23, 24, 498, 500)] == [
        20, 20, 24, 24, 28, 500, 500,
    ]  # fmt: skip
    assert SequentialTest(maximum_games=100).last_look(3) == 32
    assert SequentialTest(maximum_games=100).next_look(30, 3) == 32


def test_at_the_maximum_a_challenger_not_shown_better_is_rejected():
    test = SequentialTest(maximum_games=80)
    midway = (5, 24, 11)
    assert look(midway, SequentialTest()).verdict == "continue"
    seen = look(midway, test)
    assert (seen.verdict, seen.exhausted) == ("rejected", True)
    assert not look((20, 20, 0), test).exhausted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error": 0.0}, "error is 0.0"),
        ({"miss": 0.5}, "miss is 0.5"),
        ({"elo": -1.0}, "elo is -1.0"),
        ({"every": 0}, "looks are after 20 blocks and every 0"),
    ],
)
def test_impossible_tests_are_refused(changes: dict[str, float], words: str):
    with pytest.raises(ValueError, match=words):
        SequentialTest(**changes)


def test_too_short_a_maximum_is_refused():
    with pytest.raises(ValueError, match="maximum_games is 30; it must hold 20 blocks of 2"):
        look((1, 2, 3), SequentialTest(maximum_games=30))


def test_the_errors_of_a_row_add_up_to_the_whole():
    assert sum(shared_error(k) for k in range(1, 10_000)) == pytest.approx(0.05, rel=1e-3)
    assert promotion_test(1).error == pytest.approx(0.035)
    with pytest.raises(ValueError, match="attempt is 0"):
        shared_error(0)


def test_the_models_of_correlation_are_what_they_say():
    assert variance_ratio(block_law(2, 0)) == pytest.approx(1)
    assert variance_ratio(block_law(3, 0, bias=200)) < 0.8
    assert variance_ratio(block_law(2, 0, taste=200)) > 1.15
    assert variance_ratio(block_law(4, 0, alike=1)) == pytest.approx(4)
    assert mean_of(law_with_score(2, 0.5715, bias=200)) == pytest.approx(0.5715)


EQUAL: list[tuple[int, dict[str, float]]] = [
    (2, {}),
    (2, {"bias": 200.0}),
    (2, {"taste": 200.0}),
    (2, {"alike": 1.0}),
    (3, {}),
    (3, {"alike": 0.5}),
    (4, {}),
    (4, {"bias": 400.0}),
]


@pytest.mark.parametrize(("seats", "model"), EQUAL)
def test_few_equal_challengers_are_accepted(seats: int, model: dict[str, float]):
    law = law_with_score(seats, 1 / seats, **model)
    outcome = challenge(np.random.default_rng(seats), law, promotion_test(1), 200)
    # 3.5 % stated; two standard errors of 200 challengers are 2.6 points.
    assert outcome.accepted <= 0.06


def test_no_even_distribution_of_blocks_fools_it():
    rng = np.random.default_rng(3)
    fooled = [
        challenge(rng, law, promotion_test(1), 100).accepted
        for seats in (2, 3, 4)
        for law in hostile_laws(seats, 3)
    ]
    assert np.mean(fooled) <= 0.05


def test_a_row_of_twenty_equal_candidates_is_seldom_fooled():
    rng = np.random.default_rng(4)
    assert rows_with_a_false_promotion(rng, block_law(2, 0, bias=200), 25) <= 0.12


def test_a_challenger_50_elo_better_is_accepted_within_300_games():
    law = law_with_score(2, share_at(50, 2))
    outcome = challenge(np.random.default_rng(5), law, promotion_test(1), 300)
    assert outcome.accepted >= 0.9
    assert outcome.games <= 300


def test_a_flipped_sign_would_be_noticed(monkeypatch: pytest.MonkeyPatch):
    true_ratio = sequential.log_likelihood_ratio
    monkeypatch.setattr(sequential, "log_likelihood_ratio", lambda h, elo: -true_ratio(h, elo))
    with pytest.raises(AssertionError):
        test_clear_results_end_it_and_even_ones_go_on()
    with pytest.raises(AssertionError):
        test_a_challenger_50_elo_better_is_accepted_within_300_games()
