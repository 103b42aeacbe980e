"""Uniformly random play: what every other player must beat."""

from ringrift.engine.jit import kernel
from ringrift.engine.rng import Rng, below
from ringrift.engine.rules import Tables
from ringrift.engine.state import Moves, Row

RANDOM_NAME = "random-1"


@kernel
def random_choice(t: Tables, s: Row, moves: Moves, n: int, rng: Rng) -> int:
    """Index of one of the n choices, uniformly."""
    return below(rng, n)


class RandomPlayer:
    """Every legal choice with the same probability."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def choose(self, s: Row, moves: Moves, rng: Rng) -> int:
        """See `baseline.Baseline`."""
        return random_choice(self._tables, s, moves, len(moves), rng)
