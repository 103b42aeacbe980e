"""Rated players: one text each, and nothing that could be two players."""

import pytest

from ringrift.train.identity import NO_SEARCH, RatedPlayer, search_hash

SHA = "ab" * 32


def test_a_player_and_its_text_are_one():
    network = RatedPlayer("hex8_2p", SHA, search_hash({"simulations": 64, "considered": 16}))
    baseline = RatedPlayer("hex8_2p", "heuristic-2")
    assert baseline.text == "hex8_2p/heuristic-2/none"
    for player in (network, baseline):
        assert RatedPlayer.parse(player.text) == player


def test_other_settings_are_another_player_and_their_order_is_not():
    wide = search_hash({"simulations": 64, "considered": 16})
    assert wide == search_hash({"considered": 16, "simulations": 64})
    assert wide != search_hash({"considered": 16, "simulations": 65})
    assert RatedPlayer("hex8_2p", SHA, wide) != RatedPlayer("hex8_2p", SHA, NO_SEARCH)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hex8_2p/heuristic-2", "must be config/who/search"),
        ("hex9_2p/heuristic-2/none", "hex9_2p"),
        ("hex8_2p/heuristic/none", "baseline with its version"),
        ("hex8_2p/abab/none", "neither the sha256 of weights"),
        ("hex8_2p/heuristic-2/64 simulations", "12 digits of a hash"),
    ],
)
def test_what_names_no_player_is_refused(text: str, words: str):
    with pytest.raises(ValueError, match=words):
        RatedPlayer.parse(text)
