"""Sessions for the tests of playing, and the recorded games that the engine's tests carry."""

import gzip
import json
from pathlib import Path
from typing import Any

from ringrift.engine.game import Game
from ringrift.play.choices import picks
from ringrift.play.position import Position
from ringrift.play.session import Session
from ringrift.play.trace import Start, new_start
from ringrift.play.view import View

DATA = Path(__file__).parent.parent / "engine" / "data"
BOARDS = ("square8_2p", "square19_2p", "hex8_3p", "hexagonal_2p")


def recorded() -> list[dict[str, Any]]:
    with gzip.open(DATA / "corpus-subset.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def fresh(config: str, *seats: str, seed: int = 1, swap: bool = False) -> Session:
    return Session(new_start(config, swap), (), seats, seed)


def people(game: dict[str, Any], steps: int) -> Session:
    """A recorded game after so many steps, all seats taken by people."""
    rules = game["rules"]
    start = Start(game["init"], game["start"], rules["ringsPerPlayer"], rules["lpsRounds"])
    moves = tuple(step["m"] for step in game["steps"][:steps])
    return Session(start, moves, ("human",) * game["players"], 1)


def settle(session: Session) -> None:
    """Play on until a person is asked or the game is over."""
    while session.waiting in ("forced", "computer"):
        session.step()


def walk(view: View, cell: str) -> None:
    """Bring the cursor to a cell by arrow keys."""
    places = Position.read(view.session.game.state).places
    x, y = places[cell]
    for _ in range(200):
        here_x, here_y = places[view.cursor]
        if here_y != y:
            view.key("down" if here_y < y else "up")
        elif here_x != x:
            view.key("right" if here_x < x else "left")
        else:
            return
    raise AssertionError(f"{cell} cannot be reached from {view.cursor}")


def by_number(view: View, text: str) -> None:
    for key in (*str(view.session.listed.index(text) + 1), "enter"):
        view.key(key)


def by_text(view: View, text: str) -> None:
    for key in (*text, "enter"):
        view.key(key)


def by_cursor(view: View, text: str) -> None:
    """Pick the cells of a choice on the board, then find what remains on the list."""
    steps = len(view.session.played)
    for cells in picks(text)[len(view.picked) :]:
        walk(view, min(cells))
        view.key("enter")
        if len(view.session.played) > steps:
            return
    if not view.listing:
        view.key("tab")
    while view.session.listed[view.at] != text:
        view.key("down")
    view.key("enter")


def rows_equal(one: Game, other: Game) -> bool:
    return one.row.tobytes() == other.row.tobytes()
