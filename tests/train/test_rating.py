"""Maximum-likelihood ratings: right values, right errors, and no rating without a connection."""

import math

import numpy as np
import pytest

from ringrift.train.rating import ELO_PER_NAT, Match, fit_ratings, headline_difference


def test_two_players_have_the_closed_form():
    # 30 of 40 and one virtual draw: 30.5 : 10.5.
    rated = fit_ratings([Match("a", "anchor", 1, 30, 40)], "anchor")
    assert rated["anchor"].elo == 1200
    assert rated["anchor"].standard_error == 0
    assert rated["a"].elo == pytest.approx(1200 + 400 * math.log10(30.5 / 10.5))
    share = 30.5 / 41
    expected_error = ELO_PER_NAT / math.sqrt(41 * share * (1 - share))
    assert rated["a"].standard_error == pytest.approx(expected_error)
    assert rated["a"].games == 40


@pytest.mark.parametrize("opponents", [1, 2, 3])
def test_an_even_share_is_an_equal_rating(opponents: int):
    seats = opponents + 1
    rated = fit_ratings([Match("a", "anchor", opponents, 10, 10 * seats)], "anchor")
    assert rated["a"].elo == pytest.approx(1200)


def test_one_against_three_follows_strength_over_sum():
    games = 4_000_000
    strength = 10 ** (100 / 400)
    wins = round(games * strength / (strength + 3))
    rated = fit_ratings([Match("a", "anchor", 3, wins, games)], "anchor")
    assert rated["a"].elo == pytest.approx(1300, abs=0.1)


def test_turning_a_match_round_changes_nothing():
    forward = fit_ratings([Match("a", "anchor", 1, 30, 40)], "anchor")
    backward = fit_ratings([Match("anchor", "a", 1, 10, 40)], "anchor")
    assert forward["a"].elo == pytest.approx(backward["a"].elo)
    assert forward["a"].standard_error == pytest.approx(backward["a"].standard_error)


def test_a_clean_sweep_stays_finite_and_its_error_is_wide():
    rated = fit_ratings([Match("a", "anchor", 1, 400, 400)], "anchor")
    elo, error = rated["a"].elo, rated["a"].standard_error
    assert elo is not None and error is not None
    assert 1200 + 900 < elo < 1200 + 1300
    assert error > 150


def test_players_not_tied_to_the_anchor_have_no_rating_but_their_games():
    rated = fit_ratings(
        [
            Match("a", "anchor", 1, 5, 10),
            Match("c", "d", 1, 5, 10),
            Match("e", "anchor", 1, 0, 0),
        ],
        "anchor",
    )
    assert rated["c"].elo is None
    assert rated["c"].standard_error is None
    assert rated["c"].games == 10
    assert rated["e"].elo is None
    assert rated["a"].elo is not None


def test_nobody_played_leaves_only_the_anchor():
    rated = fit_ratings([], "anchor", 1000)
    assert list(rated) == ["anchor"]
    assert rated["anchor"].elo == 1000
    assert rated["anchor"].games == 0


def test_a_chain_adds_up_and_its_error_grows():
    rated = fit_ratings([Match("a", "anchor", 1, 300, 400), Match("b", "a", 1, 300, 400)], "anchor")
    first, second = rated["a"], rated["b"]
    assert first.elo is not None and second.elo is not None
    assert first.standard_error is not None and second.standard_error is not None
    assert second.elo - 1200 == pytest.approx(2 * (first.elo - 1200))
    assert second.standard_error > first.standard_error


def test_a_pair_that_met_in_several_ways_has_one_virtual_game():
    split = fit_ratings([Match("a", "anchor", 1, 15, 20), Match("anchor", "a", 1, 5, 20)], "anchor")
    whole = fit_ratings([Match("a", "anchor", 1, 30, 40)], "anchor")
    assert split["a"].elo == pytest.approx(whole["a"].elo)


def test_blocks_whose_games_go_together_widen_the_error():
    rated = fit_ratings(
        [
            Match.of_histogram("together", "anchor", (10, 0, 30)),
            Match.of_histogram("apart", "anchor", (2, 16, 22)),
        ],
        "anchor",
    )
    together, apart = rated["together"], rated["apart"]
    assert together.games == apart.games == 80
    assert together.standard_error is not None and apart.standard_error is not None
    assert together.standard_error > 1.25 * apart.standard_error


@pytest.mark.parametrize(
    ("a", "b", "opponents", "wins", "games"),
    [("a", "a", 1, 1, 2), ("a", "b", 0, 1, 2), ("a", "b", 1, 3, 2), ("a", "b", 1, -1, 2)],
)
def test_impossible_matches_are_refused(a: str, b: str, opponents: int, wins: int, games: int):
    with pytest.raises(ValueError, match="is impossible"):
        Match(a, b, opponents, wins, games)


def test_extreme_and_uneven_tables_settle():
    matches = [Match(f"p{i + 1}", f"p{i}", 1, 1_000_000, 1_000_000) for i in range(12)]
    matches += [Match("p0", "anchor", 3, 0, 7), Match("p12", "anchor", 1, 1, 10_000_000)]
    rated = fit_ratings(matches, "anchor")
    assert all(rating.elo is not None for rating in rated.values())


def test_a_first_step_that_overshoots_is_shortened():
    """Against 2000 opponents at once an equal start lies far out on the flat of the curve."""
    rated = fit_ratings([Match("a", "anchor", 2000, 2_000_000, 4_000_000)], "anchor")
    assert rated["a"].elo == pytest.approx(1200 + 400 * math.log10(2000), abs=0.1)


@pytest.mark.parametrize("opponents", [1, 2])
def test_two_errors_cover_the_truth_in_95_of_100_tournaments(opponents: int):
    """Eight players of known strength, a sparse random pairing, 300 tournaments."""
    rng = np.random.default_rng(7)
    covered = total = 0
    for _ in range(300):
        elo = np.concatenate([[0.0], rng.normal(0, 150, 7)])
        matches: list[Match] = []
        for a in range(1, 8):
            for b in {a - 1, int(rng.integers(0, a))}:
                edge = (elo[a] - elo[b]) / ELO_PER_NAT - math.log(opponents)
                wins = int(rng.binomial(60, 1 / (1 + math.exp(-edge))))
                matches.append(Match(str(a), str(b), opponents, wins, 60))
        rated = fit_ratings(matches, "0", 0.0)
        for player in range(1, 8):
            rating = rated[str(player)]
            assert rating.elo is not None and rating.standard_error is not None
            covered += abs(rating.elo - elo[player]) < 1.96 * rating.standard_error
            total += 1
    assert 0.93 < covered / total < 0.98


def test_headlines_come_from_matches_of_fixed_length_only():
    early = Match("a", "b", 1, 30, 32, early=True)
    fixed = Match("a", "b", 1, 60, 100)
    found = headline_difference([early, fixed, Match("a", "c", 1, 99, 100)], "a", "b")
    assert found is not None
    assert found.games == 100
    assert found.elo == pytest.approx(400 * math.log10(60.5 / 40.5))
    assert found.low < found.elo < found.high
    back = headline_difference([early, fixed], "b", "a")
    assert back is not None
    assert back.elo == pytest.approx(-found.elo)
    assert headline_difference([early], "a", "b") is None


def test_both_directions_of_a_match_of_three_agree_on_a_difference():
    """+200 Elo: alone 61 %, and alone against two of them 14 % of first places."""
    strength = 10 ** (200 / 400)
    alone = Match("a", "b", 2, round(3000 * strength / (strength + 2)), 3000)
    reverse = Match("b", "a", 2, round(3000 / (1 + 2 * strength)), 3000)
    for matches in ([alone], [reverse], [alone, reverse]):
        found = headline_difference(matches, "a", "b")
        assert found is not None
        assert found.elo == pytest.approx(200, abs=2)
