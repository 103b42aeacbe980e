"""Matches: blocks that depend on their opening alone, and bugs that must not pass unnoticed."""

import pytest
from search_support import HashEvaluator

from ringrift.engine.config import Config
from ringrift.engine.players import HEURISTIC_NAME, RANDOM_NAME
from ringrift.engine.rules import tables_for
from ringrift.engine.state import SEAT
from ringrift.train import arena
from ringrift.train.arena import joined, play_match
from ringrift.train.player import SearchPlayer, baseline, match_budget
from ringrift.train.search.search import Budget


def tables(config: str):
    return tables_for(Config.parse(config))


def searcher(config: str, slots: int = 64) -> SearchPlayer:
    t = tables(config)
    return SearchPlayer(t, HashEvaluator(t), Budget(4, 2), slots=slots)


def match(
    config: str, candidate, opponent, *, openings: int = 6, first: int = 0, seed: int = 3,
    rounds=10**9,
):  # fmt: skip
    looks = iter(range(10**9))
    told = []
    result = play_match(
        tables(config),
        candidate,
        opponent,
        seed=seed,
        openings=openings,
        first_opening=first,
        stopping=lambda: next(looks) >= rounds,
        progress=lambda done, decisions: told.append((done, decisions)),
    )
    return result, told


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
def test_a_noiseless_player_against_itself_wins_once_in_each_block(config):
    """All rotations are then one and the same game, won by one seat."""
    result, _ = match(config, searcher(config), searcher(config))
    assert result.blocks == (1,) * 6
    assert result.distinct_openings == 6
    assert result.distinct_games <= 6
    assert "games are distinct; 90% are required" in str(result.invalid)


def test_a_match_does_not_depend_on_how_it_is_batched():
    random = baseline(RANDOM_NAME, tables("hex8_2p"))
    wide, _ = match("hex8_2p", searcher("hex8_2p"), random)
    narrow, _ = match("hex8_2p", searcher("hex8_2p", slots=2), random)
    assert wide == narrow


def test_a_match_played_in_parts_is_the_match_played_at_once():
    random = baseline(RANDOM_NAME, tables("hex8_2p"))
    player = searcher("hex8_2p")
    whole, _ = match("hex8_2p", player, random, openings=7)
    parts = [match("hex8_2p", player, random, openings=n, first=k)[0] for k, n in ((0, 3), (3, 4))]
    assert joined(parts) == whole
    assert whole.cut(3) == parts[0]
    with pytest.raises(ValueError, match="a part begins at opening 0; 7 is the next"):
        joined([parts[0], parts[1], parts[0]])
    with pytest.raises(ValueError, match="at least one part"):
        joined([])


def random_against_random():
    random = baseline(RANDOM_NAME, tables("hex8_2p"))
    return match("hex8_2p", random, random, openings=20)[0]


def check_games_of_a_block_are_different_games():
    result = random_against_random()
    assert result.invalid is None
    assert set(result.blocks) == {0, 1, 2}


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
def test_the_stronger_player_takes_more_than_its_share_of_first_places(config):
    t = tables(config)
    heuristic, random = baseline(HEURISTIC_NAME, t), baseline(RANDOM_NAME, t)
    strong, _ = match(config, heuristic, random, openings=10)
    assert strong.score.wins >= 0.7 * strong.score.games
    assert strong.distinct_games == strong.score.games
    assert strong.invalid is None
    weak, _ = match(config, random, heuristic, openings=10)
    assert weak.score.wins <= 0.2 * weak.score.games


def test_games_of_a_block_are_different_games():
    check_games_of_a_block_are_different_games()


def test_the_same_seed_in_all_rotations_would_be_noticed(monkeypatch: pytest.MonkeyPatch):
    true_seed = arena._game_seed
    monkeypatch.setattr(
        arena, "_game_seed", lambda seed, opening, seat: true_seed(seed, opening, 0)
    )
    result = random_against_random()
    assert result.invalid is not None
    assert set(result.blocks) == {1}
    with pytest.raises(AssertionError):
        check_games_of_a_block_are_different_games()


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
@pytest.mark.parametrize("bug", ["mover off by one", "winner off by one", "sign of the result"])
def test_a_wrong_seat_or_sign_would_be_noticed(config, bug, monkeypatch: pytest.MonkeyPatch):
    players = tables(config).players
    if bug == "mover off by one":
        monkeypatch.setattr(
            arena, "_lone_to_act", lambda game: (game.state[SEAT] + 1) % players == game.seat
        )
    elif bug == "winner off by one":
        monkeypatch.setattr(
            arena,
            "_lone_won",
            lambda game: (arena.winner_of(game.state) + 1) % players == game.seat,
        )
    else:
        monkeypatch.setattr(
            arena, "_lone_won", lambda game: arena.winner_of(game.state) != game.seat
        )
    with pytest.raises(AssertionError):
        test_the_stronger_player_takes_more_than_its_share_of_first_places(config)


def test_progress_ends_with_every_game():
    t = tables("hex8_2p")
    random = baseline(RANDOM_NAME, t)
    _, told = match("hex8_2p", random, random)
    assert told[-1][0] == 12
    assert told[-1][1] > 12 * 20


def test_one_candidate_meets_copies_of_the_opponent():
    t = tables("hex8_3p")
    result, _ = match("hex8_3p", baseline(RANDOM_NAME, t), baseline(RANDOM_NAME, t), openings=20)
    assert 8 <= sum(result.blocks) <= 32  # a third of 60, three standard errors either way
    assert max(result.blocks) <= 3
    assert [len(block) for block in result.finals] == [3] * 20


def test_asked_to_stop_there_is_no_match():
    random = baseline(RANDOM_NAME, tables("hex8_2p"))
    assert match("hex8_2p", random, random, rounds=5)[0] is None


def test_an_unknown_baseline_is_refused_by_name():
    with pytest.raises(ValueError, match="player 'wizard' is unknown; use one of random-1, "):
        baseline("wizard", tables("hex8_2p"))


@pytest.mark.parametrize(("simulations", "considered"), [(2, 2), (32, 8), (64, 16), (800, 16)])
def test_match_search_considers_a_quarter(simulations, considered):
    assert match_budget(simulations) == Budget(simulations, considered)


def test_no_match_search_has_one_simulation():
    assert match_budget(0) is None
    with pytest.raises(ValueError, match="simulations is 1; give 0 for the policy alone, or 2"):
        match_budget(1)
