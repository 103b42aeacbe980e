"""Who can sit at a board: a person, or any player that the engine offers."""

import inspect
from collections.abc import Callable

import numpy as np

from ringrift.engine import players
from ringrift.engine.errors import EngineError, shown
from ringrift.engine.game import Game
from ringrift.engine.kernels import legal_moves, new_scratch
from ringrift.engine.rng import seed_rng

PERSON = "human"


def offered() -> dict[str, Callable[..., int]]:
    """Every player by name, and by the name with its version.

    Read from the engine's players: a kernel `heuristic_2_choice` there is `heuristic-2` here, and
    what its constant NAME says.
    """
    found: dict[str, Callable[..., int]] = {}
    for variable, kernel in vars(players).items():
        name = variable.removesuffix("_choice")
        if name != variable and not name.startswith("_"):
            found[name.replace("_", "-")] = kernel
            found[getattr(players, f"{name.upper()}_NAME", name.replace("_", "-"))] = kernel
    return found


def parse_seats(text: str | None, count: int) -> tuple[str, ...]:
    """The seats named in `human,heuristic`; by default one person and heuristics."""
    if text is None:
        return (PERSON, *["heuristic"] * (count - 1))
    seats = tuple(text.split(","))
    names = [PERSON, *sorted(offered())]
    for seat in seats:
        if seat not in names:
            raise EngineError(f"seat {shown(seat)} is unknown; use one of {', '.join(names)}.")
    if len(seats) != count:
        raise EngineError(f"seats names {len(seats)} players; this game has {count} seats.")
    return seats


def choose(name: str, game: Game, seed: int) -> str:
    """What the player of that name would play; the same seed chooses the same."""
    kernel, tables, row = offered()[name], game.tables, game.row
    scratch = new_scratch(tables)
    n = legal_moves(tables, row, scratch.moves, scratch)
    given = {
        "t": tables,
        "s": row,
        "moves": np.array(scratch.moves[:n]),
        "n": n,
        "scratch": scratch,
        "rng": seed_rng(seed),
    }
    wanted = inspect.signature(kernel).parameters
    return game.legal()[kernel(*(given[parameter] for parameter in wanted))]
