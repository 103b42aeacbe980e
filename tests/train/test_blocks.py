"""Bounds over blocks: honest at small n, at the edges and when a block's games go together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.train.blocks import (
    Score,
    bounds,
    effective_games,
    histogram_of,
    student_95,
    too_uniform,
)

histograms = st.lists(st.integers(0, 60), min_size=3, max_size=5).filter(any).map(tuple)


def test_score_counts_blocks_games_and_wins():
    score = Score((3, 5, 12))
    assert (score.rotations, score.openings, score.games, score.wins) == (2, 20, 40, 29)
    assert score.score == 29 / 40
    assert score.even == 0.5


def test_score_before_any_game_is_unknown():
    assert Score((0, 0, 0)).score is None
    with pytest.raises(ValueError, match="no games"):
        bounds((0, 0, 0))
    assert effective_games((0, 0, 0)) == 0


@pytest.mark.parametrize("histogram", [(), (3,), (1, -1, 2)])
def test_impossible_histograms_are_refused(histogram: tuple[int, ...]):
    with pytest.raises(ValueError, match="histogram is"):
        Score(histogram)


def test_histogram_counts_blocks_by_wins_and_refuses_too_many():
    assert histogram_of([0, 2, 2, 1], 2) == (1, 1, 2)
    with pytest.raises(ValueError, match="a block has 3 wins"):
        histogram_of([3], 2)


@given(histograms)
def test_bounds_hold_the_score_and_never_collapse(histogram: tuple[int, ...]):
    score, low, high = bounds(histogram)
    assert 0 <= low <= score <= high <= 1
    assert high - low > 0.01


@given(histograms)
def test_bounds_of_the_other_side_are_mirrored(histogram: tuple[int, ...]):
    score, low, high = bounds(histogram)
    other = bounds(histogram[::-1])
    assert other == pytest.approx((1 - score, 1 - high, 1 - low))


@given(histograms)
def test_blocks_are_worth_between_one_game_and_all_their_games(histogram: tuple[int, ...]):
    score = Score(histogram)
    worth = effective_games(histogram)
    assert score.openings <= worth * (1 + 1e-9)
    assert worth <= score.games * (1 + 1e-9)


def test_a_clean_sweep_counts_each_block_once():
    score, low, high = bounds((0, 0, 20))
    assert (score, high) == (1, 1)
    assert 0.80 < low < 0.85


def test_games_that_go_together_widen_the_bounds():
    split = bounds((0, 40, 0))
    together = bounds((20, 0, 20))
    assert together[2] - together[1] > 1.3 * (split[2] - split[1])


def test_students_quantile_agrees_with_tables():
    tabled = {2: 4.3027, 3: 3.1824, 5: 2.5706, 10: 2.2281, 30: 2.0423, 1000: 1.9623}
    for freedom, value in tabled.items():
        assert student_95(freedom) == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize("rotations", [2, 3, 4])
@pytest.mark.parametrize("together", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("blocks", [3, 10, 20, 50])
@pytest.mark.parametrize("relative", [1.0, 1.6])
def test_bounds_cover_the_truth_in_95_of_100_matches(
    rotations: int, together: float, blocks: int, relative: float
):
    """`together`: share of blocks whose games all end alike."""
    rng = np.random.default_rng(rotations * 1000 + blocks)
    truth = relative / rotations
    matches = 2000
    alike = rng.random((matches, blocks)) < together
    wins = np.where(
        alike,
        rotations * (rng.random((matches, blocks)) < truth),
        rng.binomial(rotations, truth, (matches, blocks)),
    )
    missed = 0
    for match in wins.tolist():
        _, low, high = bounds(histogram_of(match, rotations))
        missed += not low <= truth <= high
    # 5 %, one point for the steps of a binomial, one for the noise of the simulation.
    assert missed / matches < 0.07


@pytest.mark.parametrize(
    ("openings", "games", "words"),
    [
        (20, 36, None),
        (20, 35, "35 of 40 games are distinct; 90% are required"),
        (17, 40, "17 of 20 openings are distinct"),
        (20, None, "nobody counted its distinct games"),
        (None, 40, "nobody counted its distinct openings"),
    ],
)
def test_a_match_of_too_many_equal_games_says_nothing(
    openings: int | None, games: int | None, words: str | None
):
    reason = too_uniform(Score((5, 10, 5), openings, games))
    assert reason is None if words is None else words in str(reason)
