"""The facade: plays, refuses, reports."""

import pytest
from engine_support import subset_games

from ringrift.engine.config import BOARDS, CONFIGS, Config
from ringrift.engine.errors import EngineError
from ringrift.engine.game import Game, Result


def test_a_recorded_game_through_the_facade() -> None:
    recorded = next(
        g for g in subset_games() if g["start"] == "initial" and g["board"] == "square8"
    )
    rules = recorded["rules"]
    game = Game.from_text(
        recorded["init"], rings_per_player=rules["ringsPerPlayer"], lps_rounds=rules["lpsRounds"]
    )
    for step in recorded["steps"]:
        assert game.result is None
        assert (game.seat, game.phase, len(game.legal())) == (step["p"], step["ph"], step["n"])
        game.play(step["m"])
    want = recorded["result"]
    assert game.state == recorded["steps"][-1]["state"]
    assert game.result == Result(want["winner"], want["reason"], tuple(want["ranking"]))
    assert game.legal() == []
    assert (game.seat, game.phase) == (0, "game_over")
    assert f"seat {want['winner']} won by {want['reason']}" in repr(game)


def test_refused_moves_change_nothing() -> None:
    game = Game.new("hex8_2p")
    before = game.state
    for text in ("skip_capture", "place_ring 9,9,9 1", "nonsense", "place_ring 0,0,0 4"):
        with pytest.raises(EngineError):
            game.play(text)
        assert game.state == before
    assert repr(game) == "<Game hex8_2p: seat 1 in ring_placement, 183 choices>"


def test_pie_rule() -> None:
    game = Game.new("square8_2p", swap=True)
    while game.seat == 1:
        game.play(game.legal()[0])
    assert "swap_sides" in game.legal()
    before = game.state
    game.play("swap_sides")
    assert game.state == before.replace("swap=1", "swap=0")
    assert "swap_sides" not in game.legal()
    with pytest.raises(EngineError, match="swap is on for hex8_3p"):
        Game.new("hex8_3p", swap=True)


@pytest.mark.parametrize(
    "text",
    ["x" * 10**5, "place_ring " + "9" * 10**5, "move_stack 0,0 " + "y" * 10**5],
)
def test_a_refusal_does_not_repeat_endless_input(text: str) -> None:
    game = Game.new("square8_2p")
    before = game.state
    with pytest.raises(EngineError) as caught:
        game.play(text)
    assert "..." in str(caught.value)
    assert len(str(caught.value)) < 500
    assert game.state == before


def test_a_finished_text_tells_the_winner_only() -> None:
    over = subset_games()[0]
    game = Game.from_text(over["steps"][-1]["state"])
    assert game.result == Result(over["result"]["winner"], None, None)
    assert "unknown means" in repr(game)


def test_configs() -> None:
    assert len(CONFIGS) == len({c.name for c in CONFIGS}) == 12
    assert all(Config.parse(c.name) is c for c in CONFIGS)
    assert BOARDS["hex8"].line_length(2) == 4
    assert BOARDS["hex8"].line_length(3) == 3
    for wrong in ("hex8", "hex8_1p", "hex8_5p", "HEX8_2p", ""):
        with pytest.raises(EngineError, match="is unknown; use one of square8_2p"):
            Config.parse(wrong)
    with pytest.raises(EngineError, match="board 'hex9' is unknown"):
        Config("hex9", 2)
    with pytest.raises(EngineError, match="players is 5"):
        Config("hex8", 5)
