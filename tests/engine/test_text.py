"""State and move texts: canonical out, exact in, refused in one sentence."""

from collections import deque
from itertools import islice

import pytest
from engine_support import random_game, subset_games, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.errors import EngineError
from ringrift.engine.kernels import new_scratch
from ringrift.engine.rules import tables_for
from ringrift.engine.state import PHASE, new_state
from ringrift.engine.text import (
    cell_names,
    format_move,
    format_state,
    legal_texts,
    parse_move,
    parse_state,
)

SMALL = [c for c in CONFIGS if c.facts.cells < 100]
START = "RR1|hex8|n=2|ph=ring_placement|p=1|hand=18,18|elim=0,0|terr=0,0|S=|M=|C=|must=-|pend=-"
START += "|rec=0|act=0|lps=1:1-:0:0|swap=0|win=-"
BUSY = (
    "RR1|square8|n=2|ph=movement|p=1|hand=15,17|elim=0,0|terr=0,1|S=3,3:11;3,4:2|M=0,0:1;0,1:2"
    "|C=7,7:2|must=3,3|pend=-|rec=0|act=1|lps=1:1-:0:0|swap=0|win=-"
)


def test_start_text() -> None:
    t = tables_for(Config.parse("hex8_2p"))
    assert format_state(t, new_state(t)) == START


def test_cells_are_named_in_cell_order() -> None:
    assert cell_names("square8")[:9] == (*(f"0,{y}" for y in range(8)), "1,0")
    assert cell_names("hex8")[:6] == (*(f"-4,{y},{4 - y}" for y in range(5)), "-3,-1,4")
    assert len(cell_names("hexagonal")) == 469


@settings(max_examples=25)
@given(
    config=st.sampled_from(SMALL),
    seed=st.integers(0, 2**64 - 1),
    at=st.integers(0, 200),
)
def test_positions_and_choices_survive_the_trip_through_text(
    config: Config, seed: int, at: int
) -> None:
    t = tables_for(config)
    s, _ = deque(islice(random_game(t, seed), at + 1), maxlen=1)[0]
    text = format_state(t, s)
    again_t, again = parse_state(text)
    assert again_t is t
    assert format_state(t, again) == text
    legal = legal_texts(t, s, new_scratch(t))
    assert sorted(legal_texts(t, again, new_scratch(t))) == sorted(legal)
    for move, code in list(legal.items())[:5]:
        assert parse_move(t, s, move) == code
        assert format_move(t, s, code) == move


def test_overridden_rules_reach_the_tables() -> None:
    t, _ = parse_state(START.replace("18,18", "3,3"), rings_per_player=3, lps_rounds=2)
    assert (t.rings, t.threshold, t.lps_rounds) == (3, 3, 2)
    t, _ = parse_state(START, victory_threshold=7)
    assert t.threshold == 7


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ({"rings_per_player": 0}, "rings_per_player"),
        ({"victory_threshold": 0}, "victory_threshold"),
        ({"lps_rounds": 0}, "lps_rounds"),
    ],
)
def test_senseless_overrides_are_refused(override: dict[str, int], named: str) -> None:
    with pytest.raises(EngineError, match=named):
        parse_state(START, **override)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("RR1|", "RR2|", "version"),
        ("square8", "square9", "board"),
        ("n=2", "n=5", "n"),
        ("n=2", "m=2", "n"),
        ("ph=movement", "ph=moving", "ph"),
        ("|p=1", "|p=3", "p"),
        ("|p=1", "|p=0", "p"),
        ("hand=15,17", "hand=15", "hand"),
        ("hand=15,17", "hand=015,17", "hand"),
        ("hand=15,17", "hand=15,-1", "hand"),
        ("hand=15,17", "hand=15,²", "hand"),
        ("elim=0,0", "elim=0,0,0", "elim"),
        ("terr=0,1", "terr=1,0", "terr"),
        ("3,4:2", "3,9:2", "S"),
        ("3,4:2", "3,4:3", "S"),
        ("3,4:2", "3,4:", "S"),
        ("3,4:2", "3,4", "S"),
        ("3,3:11;3,4:2", "3,4:2;3,3:11", "S"),
        ("3,3:11;", "3,3:11;3,3:11;", "S"),
        ("0,1:2|C", "0,1:22|C", "M"),
        ("0,1:2|C", "3,3:2|C", "M"),
        ("C=7,7:2", "C=3,4:2", "C"),
        ("must=3,3", "must=3,4", "must"),
        ("must=3,3", "must=x", "must"),
        ("ph=movement", "ph=line_processing", "must"),
        ("ph=movement|p=1", "ph=capture|p=2", "must"),
        ("must=3,3", "must=3,3,0", "must"),
        ("pend=-", "pend=line", "pend"),
        ("pend=-", "pend=all", "pend"),
        ("rec=0", "rec=2", "rec"),
        ("act=1", "act=", "act"),
        ("lps=1:1-:0:0", "lps=1:1-:0", "lps"),
        ("lps=1:1-:0:0", "lps=1:1x:0:0", "lps"),
        ("lps=1:1-:0:0", "lps=3:1-:0:0", "lps"),
        ("lps=1:1-:0:0", "lps=-", "lps"),
        ("swap=0", "swap=2", "swap"),
        ("win=-", "win=1", "win"),
    ],
)
def test_malformed_states_name_the_field(old: str, new: str, named: str) -> None:
    parse_state(BUSY)
    assert old in BUSY
    with pytest.raises(EngineError, match=rf"^state field {named} is .*; it must be .*\.$"):
        parse_state(BUSY.replace(old, new, 1))


def test_positions_without_a_choice_are_refused() -> None:
    with pytest.raises(EngineError, match="state field ph"):
        parse_state(
            BUSY.replace("ph=movement", "ph=forced_elimination")
            .replace("=3,3|", "=-|")
            .replace("3,3:11;", "")
        )


def test_positions_with_too_many_rings_have_room_for_them() -> None:
    crowded = BUSY.replace("3,3:11;", f"3,3:{'1' * 50};").replace("must=3,3", "must=-")
    t, s = parse_state(crowded)
    assert t.pool == 50 + 1 + 15 + 17
    assert format_state(t, s) == crowded
    with pytest.raises(EngineError, match="rings in play are 19998"):
        parse_state(START.replace("18,18", "9999,9999"))


def test_a_state_with_a_field_too_few_is_refused() -> None:
    with pytest.raises(EngineError, match="17 fields; it must have 18"):
        parse_state(BUSY.rsplit("|", 1)[0])


@settings(max_examples=300)
@given(data=st.data())
def test_damaged_texts_are_refused_or_read_exactly(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([START, BUSY]))
    at = data.draw(st.integers(0, len(text) - 1))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.text(alphabet="0123456789,;:|=-RSMCabc \n²", max_size=3))
    damaged = text[:at] + put + text[at + cut :]
    try:
        t, s = parse_state(damaged)
    except EngineError as error:
        assert str(error).startswith(("state ", "rings in play "))
    else:
        assert format_state(t, s) == damaged


def test_finished_positions_read_back() -> None:
    over = max(subset_games(), key=lambda g: g["n_steps"])["steps"][-1]["state"]
    t, s = parse_state(over)
    assert format_state(t, s) == over
    with pytest.raises(EngineError, match="the game is over"):
        parse_move(t, s, "skip_placement")
    with pytest.raises(EngineError, match="state field win"):
        parse_state(over[:-1] + "-")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "move '' is unknown"),
        ("teleport 3,3", "move 'teleport' is unknown"),
        ("move_stack 3,3", "has 1 fields after its name; it must have 2"),
        ("move_stack 3,3 0,3 0,4", "field 3 is '0,4'; it must be absent"),
        ("move_stack 3,3 9,9", "field 2 is '9,9'; it must be a cell of square8"),
        ("move_stack 3,3  0,3", "field 2 is ''"),
        ("place_ring 3,3 4", "field 2 is '4'; it must be 1 or 2 or 3"),
        ("process_line 1,2;1,1", "field 1 is '1,2;1,1'; it must be cells of square8 in cell order"),
        ("recovery_slide sideways 1,1 1,2 1,3", "it must be fallback or stack_strike or line."),
        ("recovery_slide line 1,1 1,2 3 1,3", "field 4 is '3'; it must be 1 or 2"),
        ("eliminate_rings_from_stack all 1,1", "field 1 is 'all'"),
        ("move_stack 3,3 3,2", "is not legal for seat 1 in movement"),
        ("skip_capture", "is not legal for seat 1 in movement"),
    ],
)
def test_malformed_and_illegal_moves_are_refused(text: str, message: str) -> None:
    t, s = parse_state(BUSY)
    with pytest.raises(EngineError) as error:
        parse_move(t, s, text)
    assert message in str(error.value)


@settings(max_examples=200)
@given(text=st.text(alphabet="recovery_slide line move_stack0123, ;-", max_size=40))
def test_any_words_are_refused_without_a_traceback(text: str) -> None:
    t, s = parse_state(BUSY)
    before = s.copy()
    if text not in legal_texts(t, s, new_scratch(t)):
        with pytest.raises(EngineError):
            parse_move(t, s, text)
    assert (s == before).all()


def test_every_legal_move_of_the_vectors_has_a_sound_grammar() -> None:
    parsed = 0
    for vector in vectors():
        t, s = parse_state(vector["before"], victory_threshold=vector.get("victoryThreshold"))
        for text in vector["legal"][:3]:
            assert format_move(t, s, parse_move(t, s, text)) == text
            parsed += 1
        assert s[PHASE] < 7
    assert parsed > 100
