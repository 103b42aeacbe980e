"""What a game teaches: chances, later judgement, surprise, ranks and replies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift.train.targets import (
    chances_of,
    later_chances,
    rank_shares,
    replies,
    surprise_weights,
)


def test_with_two_seats_a_utility_is_a_chance():
    given_ = np.array([[0.3, 0.7], [1, 0]], np.float32)
    np.testing.assert_allclose(chances_of(given_), given_)


@pytest.mark.parametrize("players", [3, 4])
def test_the_utility_of_a_sure_end_and_of_an_even_game_are_told_apart(players: int):
    rank = np.arange(1, players + 1)
    end = 0.8 * (rank == 1) + 0.2 * (players - rank) / (players - 1)
    even = np.full(players, 0.8 / players + 0.1)
    chances = chances_of(np.array([end, even], np.float32))
    assert chances[0].argmax() == 0
    assert chances[0, 0] > 0.9
    np.testing.assert_allclose(chances[1], 1 / players, atol=1e-6)


@settings(derandomize=True, max_examples=50)
@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=4).filter(lambda u: sum(u) > 0.7))
def test_chances_are_a_distribution_in_the_order_of_utilities(utilities: list[float]):
    chances = chances_of(np.array(utilities, np.float32))
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    assert (chances >= 0).all()
    order = np.argsort(utilities, kind="stable")
    assert (np.diff(chances[order]) >= -1e-6).all()


def test_the_judgement_two_turns_of_each_seat_later_is_the_target():
    turns = np.array([1, 1, 2, 4, 5, 6, 8])
    chances = np.arange(14, dtype=np.float32).reshape(7, 2)
    outcome = np.array([0, 1], np.float32)
    later = later_chances(turns, chances, outcome)
    # Turn 1 looks at turn 5, turn 2 at 6, turn 4 at 8; nothing is left after turn 8.
    np.testing.assert_array_equal(later[:4], chances[[4, 4, 5, 6]])
    np.testing.assert_array_equal(later[4:], np.tile(outcome, (3, 1)))


def test_half_of_a_policys_weight_is_its_surprise():
    assert surprise_weights(np.array([0, 0, 1, 3], np.float32)).tolist() == [0.5, 0.5, 1.0, 2.0]


def test_without_any_surprise_policies_weigh_the_same():
    assert surprise_weights(np.zeros(2, np.float32)).tolist() == [1, 1]


def test_an_unknown_surprise_weighs_like_the_mean_one():
    found = surprise_weights(np.array([np.nan, 0, 2], np.float32))
    assert found.tolist() == [1.0, 0.5, 1.5]
    assert surprise_weights(np.full(3, np.nan, np.float32)).tolist() == [1, 1, 1]


def test_one_great_surprise_is_bounded():
    found = surprise_weights(np.array([100.0] + [0.1] * 999, np.float32))
    assert np.mean(found) == pytest.approx(1)
    assert 4 < max(found) < 10


def test_tied_seats_share_the_ranks_they_hold():
    shares = rank_shares(np.array([[2, 1, 3, 4], [1, 2, 2, 2], [3, 1, 3, 2]], np.int8))
    np.testing.assert_array_equal(shares[0], np.eye(4)[[1, 0, 2, 3]])
    np.testing.assert_allclose(shares[1], [[1, 0, 0, 0]] + 3 * [[0, 1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(shares[2][[0, 2]], 2 * [[0, 0, 0.5, 0.5]])
    np.testing.assert_allclose(shares.sum(axis=2), 1)
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_a_reply_is_the_next_decision_of_another_seat_if_searched_fully():
    seats = np.array([0, 0, 1, 1, 0, 1])
    full = np.array([True, True, True, False, False, True])
    assert replies(seats, full).tolist() == [2, 2, -1, -1, 5, -1]
