"""The sequential test: a function of the histogram, with the errors that it states."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from promotion import (
    block_law,
    challenge,
    fooled_in_a_row,
    hostile_laws,
    law_with_score,
    log_likelihood_ratios,
    mean_of,
    variance_ratio,
)

from ringrift.train import sequential
from ringrift.train.sequential import (
    SequentialTest,
    first_end,
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


def test_blocks_played_beyond_the_end_do_not_count():
    test = SequentialTest(maximum_games=100)
    even = [0, 1, 1, 1, 2] * 4
    assert first_end(even, 2, test)[0] == 20
    assert first_end(even, 2, test)[1].verdict == "continue"
    blocks, seen = first_end([*even, *[2] * 16, *[0] * 14], 2, test)
    assert (blocks, seen.verdict) == (36, "accepted")
    assert seen == look((4, 12, 20), test)
    blocks, seen = first_end([1] * 60, 2, SequentialTest(maximum_games=100, elo=1))
    assert (blocks, seen.exhausted) == (48, True)


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


def accept_share(law, challengers: int, seed: int) -> float:
    """Over challengers whose blocks are looked at one look after the other, as in a match."""
    rng, seats, test = np.random.default_rng(seed), len(law) - 1, promotion_test(1)
    accepted = 0
    for _ in range(challengers):
        histogram, seen = np.zeros(seats + 1, dtype=np.int64), None
        while seen is None or seen.verdict == "continue":
            blocks = int(histogram.sum())
            histogram += rng.multinomial(test.next_look(blocks, seats) - blocks, law)
            seen = look(tuple(histogram.tolist()), test)
        accepted += seen.verdict == "accepted"
    return accepted / challengers


@given(histograms)
def test_the_simulated_ratio_is_the_real_one(histogram: tuple[int, ...]):
    many = log_likelihood_ratios(np.array([histogram]), 50)
    assert many[0] == pytest.approx(log_likelihood_ratio(histogram, 50))


def test_the_simulation_decides_as_the_test_does():
    law = block_law(2, 40, bias=100)
    (simulated,) = challenge(np.random.default_rng(1), law, [promotion_test(1)], 2000)
    assert abs(accept_share(law, 200, seed=2) - simulated.accepted) < 0.09


@pytest.mark.parametrize(("seats", "model"), EQUAL)
def test_few_equal_challengers_are_accepted(seats: int, model: dict[str, float]):
    law = law_with_score(seats, 1 / seats, **model)
    (outcome,) = challenge(np.random.default_rng(seats), law, [promotion_test(1)], 1000)
    assert outcome.accepted <= 0.05


def test_no_even_distribution_of_blocks_fools_it():
    rng = np.random.default_rng(3)
    for seats in (2, 3, 4):
        for law in hostile_laws(seats, 3):
            assert challenge(rng, law, [promotion_test(1)], 1000)[0].accepted <= 0.05


@pytest.mark.parametrize("model", [{}, {"bias": 200.0}, {"taste": 200.0}, {"alike": 1.0}])
def test_a_row_of_twenty_equal_candidates_is_seldom_fooled(model: dict[str, float]):
    law = law_with_score(2, 0.5, **model)
    assert fooled_in_a_row(np.random.default_rng(4), law, 2000) <= 0.055  # .05 and its noise


def test_a_challenger_50_elo_better_is_accepted_within_300_games():
    law = law_with_score(2, share_at(50, 2))
    (outcome,) = challenge(np.random.default_rng(5), law, [promotion_test(1)], 2000)
    assert outcome.accepted >= 0.9
    assert outcome.games <= 300


def test_a_flipped_sign_would_be_noticed(monkeypatch: pytest.MonkeyPatch):
    true_ratio = sequential.log_likelihood_ratio
    monkeypatch.setattr(sequential, "log_likelihood_ratio", lambda h, elo: -true_ratio(h, elo))
    with pytest.raises(AssertionError):
        test_clear_results_end_it_and_even_ones_go_on()
    with pytest.raises(AssertionError):
        test_the_simulation_decides_as_the_test_does()
