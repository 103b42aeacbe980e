"""Every legal choice can be reached by number, by text and by cursor; undo is exact."""

import random

import pytest
from play_support import (
    BOARDS,
    by_cursor,
    by_number,
    by_text,
    fresh,
    people,
    recorded,
    settle,
    walk,
)

from ringrift.play.choices import ask, brief, fitting
from ringrift.play.session import Session
from ringrift.play.view import View

WAYS = (by_number, by_text, by_cursor)
MOST_TRIED = 10


def try_all(session: Session, most: int) -> None:
    """Make choices in every way, and take each back to the very same row."""
    legal, before = session.legal, session.game.row.tobytes()
    for text in random.Random(1).sample(legal, min(most, len(legal))):
        for way in WAYS:
            way(View(session), text)
            assert session.played[-1].text == text, (way, text)
            session.command("u")
            assert session.game.row.tobytes() == before
            assert session.legal == legal


def test_every_kind_of_choice_in_every_way() -> None:
    """In recorded games, the shortest first, at the first step of each kind."""
    had: set[str] = set()
    for game in sorted(recorded(), key=lambda game: (game["n_steps"], game["id"])):
        for number, step in enumerate(game["steps"]):
            kind = " ".join(step["m"].split(" ")[: 1 + step["m"].startswith(("rec", "elim"))])
            if step["n"] > 1 and kind not in had:
                had.add(kind)
                try_all(people(game, number), MOST_TRIED)
    assert had >= {"recovery_slide line", "recovery_slide fallback", "choose_line_option"}
    assert had >= {"forced_elimination", "choose_territory_option", "process_line"}
    assert had >= {"overtaking_capture", "continue_capture_segment", "skip_capture"}


@pytest.mark.parametrize("config", BOARDS)
def test_a_game_on_every_board(config: str) -> None:
    """One person in turns by number, text and cursor against random players."""
    session = fresh(config, "human", *["random"] * (int(config[-2]) - 1))
    view, rng = View(session), random.Random(5)
    rows: list[bytes] = []
    for decision in range(60):
        while view.wait is not None:
            view.tick()
        if session.waiting == "over":
            break
        rows.append(session.game.row.tobytes())
        WAYS[decision % 3](view, rng.choice(session.legal))
        view.frame(80, 24)
    for row in reversed(rows):
        view.key("u")
        assert session.game.row.tobytes() == row
    assert session.command("u") == ["there is no decision to take back"]
    assert session.game.row.tobytes() == fresh(config, *session.seats).game.row.tobytes()


def test_parts_of_a_text_mean_it() -> None:
    legal = ["place_ring 1,1 1", "place_ring 1,1 2", "place_ring 1,10 1", "skip_placement"]
    assert fitting(legal, "skip") == ["skip_placement"]
    assert fitting(legal, "1,1") == legal[:2]
    assert fitting(legal, "place 1,1 2") == fitting(legal, "1,1 2") == ["place_ring 1,1 2"]
    assert fitting(legal, "ring 1,10") == ["place_ring 1,10 1"]
    assert fitting(legal, "2,2") == fitting(legal, "") == fitting(legal, "2 1,1") == []
    hexes = ["move_stack 1,1,-2 2,0,-2", "move_stack 1,1,-2 1,-3,2"]
    assert fitting(hexes, "1,1 2,0") == hexes[:1]
    assert fitting(hexes, "move 1,1") == hexes
    assert fitting(["process_line 1,1;2,1;3,1", "process_line 5,5;6,5;7,5"], "6,5")[0][-3:] == "7,5"


def test_an_unclear_line_narrows_and_a_number_decides() -> None:
    session = fresh("square8_2p", "human", "human")
    assert session.command("3,4")[:2] == ["3 choices are meant:", "   1 place_ring 3,4 1"]
    assert session.command("7") == ["there are 3 choices, from 1 on"]
    assert session.command("2") == []
    assert session.played[-1].text == "place_ring 3,4 2"
    assert session.command("place") == ["no choice is 'place'; ? helps"]
    assert session.command("9" * 5000)[0].startswith("no choice is '999")


def test_another_stack_can_be_picked_instead() -> None:
    session = fresh("square8_2p", "human", "human")
    for line in ("0,0 1", "0,0 0,1", "7,7 1", "7,7 7,6", "5,0 1", "5,0 5,1", "skip", "7,6 7,5"):
        settle(session)
        session.command(line)
    settle(session)
    session.command("skip")
    view = View(session)
    for cell in ("0,1", "5,1", "5,2"):
        walk(view, cell)
        view.key("enter")
    assert session.played[-1].text == "move_stack 5,1 5,2"
    settle(session)
    view = View(session)
    walk(view, "5,1")
    view.key("enter")
    assert view.message == "5,1 cannot be picked here"


@pytest.mark.parametrize(
    ("phase", "pending", "texts", "words"),
    [
        ("ring_placement", "-", ["place_ring 0,0 3", "skip_placement"], "Place 1-3 rings, or skip"),
        ("ring_placement", "-", ["place_ring 0,0 1"], "Place 1 ring"),
        (
            "movement",
            "-",
            ["recovery_slide x", "skip_recovery"],
            "Recover: slide a marker, or skip",
        ),
        ("line_processing", "line", [], "Pay for the line: a stack loses its top ring"),
        ("capture", "-", [], "Capture, or stop here"),
    ],
)
def test_what_is_asked(phase: str, pending: str, texts: list[str], words: str) -> None:
    assert ask(phase, pending, texts) == words


def test_long_choices_are_shown_in_brief() -> None:
    assert brief("choose_territory_option 0,0;0,1;1,0") == "territory 0,0..1,0 (3 cells)"
    assert brief("no_line_action") == "no line"
