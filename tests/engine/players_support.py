"""Games between baselines, and a digest of what the stronger ones choose."""

from collections.abc import Iterator, Sequence
from hashlib import sha256

import numpy as np

from ringrift.engine.config import Config
from ringrift.engine.kernels import advance, apply_move, new_scratch
from ringrift.engine.players import Baseline, find_baseline
from ringrift.engine.players.turn import NEVER, new_walk, walk_turn
from ringrift.engine.rng import below, seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import SEAT, TURN, WINNER, Moves, Row, new_state


def decisions(t: Tables, s: Row, seats: Sequence[Baseline], seed: int) -> Iterator[tuple[Row, int]]:
    """Play `s` on in place: every decision's position, before its move, and the move chosen."""
    scratch, rng = new_scratch(t), seed_rng(seed)
    out: Moves = np.zeros(t.max_moves, dtype=np.int64)
    while True:
        n, _ = advance(t, s, out, scratch.log, scratch)
        if n == 0:
            return
        move = int(out[seats[s[SEAT]].choose(s, out[:n], rng)])
        yield s, move
        apply_move(t, s, move, scratch)


def opening(t: Tables, seed: int, turns: int) -> Row:
    """The start of the turn after so many random ones."""
    s = new_state(t)
    for _ in decisions(t, s, [find_baseline("random-1")(t)] * t.players, seed):
        if s[TURN] > turns:
            break
    return s


def wins(name: str, player: str, opponent: str, openings: int) -> float:
    """The fraction of games won by `player`, in every seat of every opening."""
    t = tables_for(Config.parse(name))
    candidate, other = find_baseline(player)(t), find_baseline(opponent)(t)
    won = 0
    for number in range(openings):
        start = opening(t, number, 2 * t.players)
        for seat in range(t.players):
            s, seats = start.copy(), [other] * t.players
            seats[seat] = candidate
            for _ in decisions(t, s, seats, number):
                pass
            won += int(s[WINNER]) == seat
    return won / (openings * t.players)


def choices_digest() -> str:
    """SHA-256 over the ends of small walks along a random game of each of two configs."""
    digest = sha256()
    for name in ("square8_2p", "hex8_3p"):
        t = tables_for(Config.parse(name))
        w, scratch, rng = new_walk(t, kept=3, placements=3, nodes=40), new_scratch(t), seed_rng(1)
        s = new_state(t)
        out = np.zeros(t.max_moves, dtype=np.int64)
        for _ in range(12):
            n, _ = advance(t, s, out, scratch.log, scratch)
            if n == 0:
                break
            found, nodes = walk_turn(t, s, w, scratch, rng, NEVER)
            moves, values = w.end_moves[:found], w.end_values[:found]
            digest.update(repr((nodes, moves.tolist(), values.round(9).tolist())).encode())
            digest.update(w.ends[:found].tobytes())
            apply_move(t, s, int(out[below(rng, n)]), scratch)
    return digest.hexdigest()


if __name__ == "__main__":
    print(choices_digest())
