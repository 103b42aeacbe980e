import pytest
from search_support import HashEvaluator

from ringrift.engine.config import Config
from ringrift.engine.players import HEURISTIC_NAME, RANDOM_NAME
from ringrift.engine.rules import tables_for
from ringrift.engine.state import PHASE, RING_PLACEMENT, TURN
from ringrift.engine.text import format_state
from ringrift.train.arena import Match, play_match, random_openings
from ringrift.train.player import SearchPlayer, baseline, match_budget
from ringrift.train.search.search import Budget


def tables(config: str):
    return tables_for(Config.parse(config))


def searcher(config: str, slots: int = 64) -> SearchPlayer:
    t = tables(config)
    return SearchPlayer(t, HashEvaluator(t), Budget(4, 2), slots=slots)


def match(config: str, candidate, opponent, *, openings: int = 6, seed: int = 3, rounds=10**9):
    looks = iter(range(10**9))
    told = []
    result = play_match(
        tables(config),
        candidate,
        opponent,
        seed=seed,
        openings=openings,
        stopping=lambda: next(looks) >= rounds,
        progress=lambda done, decisions: told.append((done, decisions)),
    )
    return result, told


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p", "hex8_4p"])
def test_openings_are_distinct_decisions_after_full_turns(config):
    t = tables(config)
    openings = random_openings(t, 7, 20)
    texts = [format_state(t, state) for state in openings]
    assert len(set(texts)) == 20
    assert all(1 <= (state[TURN] - 1) // t.players <= 3 for state in openings)
    assert sum(state[PHASE] == RING_PLACEMENT for state in openings) == 20
    assert texts == [format_state(t, state) for state in random_openings(t, 7, 20)]
    assert texts != [format_state(t, state) for state in random_openings(t, 8, 20)]


@pytest.mark.parametrize("config", ["hex8_2p", "hex8_3p"])
def test_a_noiseless_player_against_itself_wins_once_in_each_block(config):
    """All rotations are then one and the same game, won by one seat."""
    result, _ = match(config, searcher(config), searcher(config))
    assert result.blocks == (1,) * 6
    assert result.distinct_openings == 6
    assert result.distinct_games <= 6


def test_a_match_does_not_depend_on_how_it_is_batched():
    random = baseline(RANDOM_NAME, tables("hex8_2p"))
    wide, _ = match("hex8_2p", searcher("hex8_2p"), random)
    narrow, _ = match("hex8_2p", searcher("hex8_2p", slots=2), random)
    assert wide == narrow


def test_the_heuristic_beats_random_play():
    t = tables("hex8_2p")
    result, told = match(
        "hex8_2p", baseline(HEURISTIC_NAME, t), baseline(RANDOM_NAME, t), openings=20
    )
    assert isinstance(result, Match)
    assert sum(result.blocks) >= 34
    assert result.distinct_games == 40
    assert told[-1][0] == 40
    reverse, _ = match(
        "hex8_2p", baseline(RANDOM_NAME, t), baseline(HEURISTIC_NAME, t), openings=20
    )
    assert sum(reverse.blocks) <= 6


def test_one_candidate_meets_copies_of_the_opponent():
    t = tables("hex8_3p")
    result, _ = match("hex8_3p", baseline(RANDOM_NAME, t), baseline(RANDOM_NAME, t), openings=20)
    assert 8 <= sum(result.blocks) <= 32  # a third of 60, three standard errors either way
    assert max(result.blocks) <= 3


def test_asked_to_stop_there_is_no_match():
    random = baseline(RANDOM_NAME, tables("hex8_2p"))
    assert match("hex8_2p", random, random, rounds=5)[0] is None


def test_an_unknown_baseline_is_refused_by_name():
    with pytest.raises(ValueError, match="player 'wizard' is unknown; use one of random-1, "):
        baseline("wizard", tables("hex8_2p"))


@pytest.mark.parametrize(("simulations", "considered"), [(2, 2), (32, 8), (64, 16), (800, 16)])
def test_match_search_considers_a_quarter(simulations, considered):
    assert match_budget(simulations) == Budget(simulations, considered)
