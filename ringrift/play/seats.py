"""Who can sit at a board: a person, or one of the engine's baseline players."""

import numpy as np

from ringrift.engine.errors import EngineError, shown
from ringrift.engine.game import Game
from ringrift.engine.kernels import legal_moves, new_scratch
from ringrift.engine.players import BASELINES, RANDOM_NAME, TURN_NAME, find_baseline
from ringrift.engine.rng import seed_rng

PERSON = "human"
_NAMES = {"random": RANDOM_NAME, "heuristic": TURN_NAME}
"""What people say, and which player and version that is today; they may say that, too."""


def parse_seats(text: str | None, count: int) -> tuple[str, ...]:
    """The seats named in `human,heuristic`; by default one person and heuristics."""
    if text is None:
        return (PERSON, *["heuristic"] * (count - 1))
    seats = tuple(text.split(","))
    names = [PERSON, *sorted([*_NAMES, *BASELINES])]
    for seat in seats:
        if seat not in names:
            raise EngineError(f"seat {shown(seat)} is unknown; use one of {', '.join(names)}.")
    if len(seats) != count:
        raise EngineError(f"seats names {len(seats)} players; this game has {count} seats.")
    return seats


def choose(name: str, game: Game, seed: int) -> str:
    """What the player of that name would play; the same seed chooses the same."""
    tables, row = game.tables, game.row
    scratch = new_scratch(tables)
    n = legal_moves(tables, row, scratch.moves, scratch)
    moves = np.array(scratch.moves[:n])
    player = find_baseline(_NAMES.get(name, name))(tables)
    return game.legal()[player.choose(row, moves, seed_rng(seed))]
