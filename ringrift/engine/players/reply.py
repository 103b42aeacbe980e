"""Strength 3: of the best ends of its own turn, the one that the best reply leaves best.

The reply is the next seat's whole turn, found as strength 2 finds its own; with more than two seats
it is what is best for that seat, and the seats after it are not asked.
"""

import numpy as np

from ringrift.engine.kernels.play import is_over
from ringrift.engine.players.evaluation import WEIGHTS, Weights, evaluate
from ringrift.engine.players.stepwise import WIN
from ringrift.engine.players.turn import NEVER, index_of, new_walk, walk_turn, with_swap
from ringrift.engine.rng import Rng
from ringrift.engine.rules import Tables
from ringrift.engine.scratch import new_scratch
from ringrift.engine.state import SEAT, SWAP, Moves, Row

REPLY_NAME = "heuristic-3"

_ENDS = 16


class ReplyPlayer:
    """Strength 3 at the boards of one config."""

    def __init__(self, tables: Tables, weights: Weights = WEIGHTS, ends: int = _ENDS) -> None:
        self._tables = tables
        self._scratch = new_scratch(tables)
        self._own = new_walk(tables, weights=weights, kept=ends)
        self._reply = new_walk(tables, weights=weights)

    def choose(self, s: Row, moves: Moves, rng: Rng) -> int:
        """See `baseline.Baseline`."""
        own, seat = self._own, int(s[SEAT])
        found, _ = walk_turn(self._tables, s, own, self._scratch, rng, NEVER)
        best, best_value = 0, -np.inf
        for k in range(found):
            value = float(own.end_values[k])
            if not is_over(own.ends[k]) and own.ends[k, SEAT] != seat:
                value = self._after_reply(own.ends[k], seat, rng, best_value)
            if value > best_value:
                best, best_value = k, value
            if best_value >= WIN:
                break
        return index_of(moves, with_swap(moves, int(own.end_moves[best]), best_value))

    def _after_reply(self, end: Row, seat: int, rng: Rng, beaten: float) -> float:
        """Points for `seat` after the best reply; some number <= `beaten` if they are not more."""
        t, reply = self._tables, self._reply
        # Between two seats, one's advantage is the other's disadvantage.
        walk_turn(t, end, reply, self._scratch, rng, -beaten if t.players == 2 else NEVER)
        if t.players > 2:
            return float(evaluate(t, reply.ends[0], seat, reply.weights, reply.scores))
        value = -float(reply.end_values[0])
        return min(value, -value) if end[SWAP] == 1 else value
