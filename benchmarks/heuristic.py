"""What the heuristic players are worth, and what a turn of theirs costs.

    .venv/bin/python benchmarks/heuristic.py [--seed 1] [--games 400] [--config hex8_2p] [MATCH …]

A MATCH is `player:opponent`, such as `heuristic-2:random-1`; without any, those of the acceptance
are played on each `--config` (may be given several times; default: all small ones). Openings are
random and distinct, and every one is played with the player in every seat; the interval is over
openings, not games. Times are CPU time of this process, summed over the decisions of a turn.

Without `--config` and MATCH it ends with status 1 when a bound of docs/heuristic.md is missed.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field

import numpy as np

from ringrift.engine.config import Config
from ringrift.engine.players import Baseline, find_baseline
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import SEAT, TURN, Moves, Row
from ringrift.train.blocks import Score, bounds, histogram_of
from ringrift.train.openings import random_openings
from ringrift.train.play import Referee, winner_of
from ringrift.train.seeds import seed_of

RANDOM, ONE, TWO, THREE = "random-1", "heuristic-1", "heuristic-2", "heuristic-3"
SMALL = ("hex8_2p", "square8_2p", "hex8_3p", "square8_3p", "hex8_4p", "square8_4p")
MEAN_MS = 20.0

# (player, opponent) -> least score by config, by the interval's lower end where it says "better".
SCORES = {
    (TWO, RANDOM): dict(zip(SMALL, (0.98, 0.98, 0.8, 0.8, 0.7, 0.7), strict=True)),
    (TWO, ONE): {"hex8_2p": 0.75, "square8_2p": 0.95},
}
BETTER = {(THREE, TWO): {"hex8_2p": 0.5, "square8_2p": 0.5}}


@dataclass
class Timed:
    """A baseline, and the CPU seconds of each of its turns."""

    player: Baseline
    turns: list[float] = field(default_factory=list)
    turn: int = -1

    def choose(self, s: Row, legal: Moves, rng: np.ndarray) -> int:
        """The move chosen."""
        began = time.process_time()
        index = self.player.choose(s, legal, rng)
        took = time.process_time() - began
        if s[TURN] == self.turn:
            self.turns[-1] += took
        else:
            self.turn = int(s[TURN])
            self.turns.append(took)
        return int(legal[index])

    def __str__(self) -> str:
        turns = np.array(self.turns) * 1e3
        most = np.percentile(turns, 99)
        return f"{turns.mean():.2f} ms a turn, p99 {most:.0f}, max {turns.max():.0f}"


def play(referee: Referee, start: Row, seats: list[Timed], rng: np.ndarray) -> int:
    """The seat that wins."""
    s = start.copy()
    for player in seats:
        player.turn = -1
    legal, _ = referee.settle(s)
    while len(legal) > 0:
        move = seats[s[SEAT]].choose(s, referee.legal(s), rng)
        legal, _ = referee.play(s, move)
    return winner_of(s)


def match(
    t: Tables, candidate: Baseline, opponent: Baseline, *, games: int, seed: int
) -> tuple[Score, Timed, Timed]:
    """Play about `games` games, a whole number of openings."""
    referee, one, other = Referee(t), Timed(candidate), Timed(opponent)
    blocks: list[int] = []
    for number, opening in enumerate(random_openings(t, seed, -(-games // t.players))):
        won = 0
        for seat in range(t.players):
            seats = [other] * t.players
            seats[seat] = one
            won += (
                play(referee, opening.start, seats, seed_rng(seed_of(seed, "game", number, seat)))
                == seat
            )
        blocks.append(won)
    return Score(histogram_of(blocks, t.players)), one, other


def warm() -> None:
    """Compile, so that no turn pays for it."""
    t = tables_for(Config.parse("hex8_2p"))
    match(t, find_baseline(THREE)(t), find_baseline(ONE)(t), games=2, seed=0)


def main() -> int:
    """Play what was asked for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--games", type=int, default=400)
    parser.add_argument("--config", action="append")
    parser.add_argument("match", nargs="*")
    asked = parser.parse_args()
    warm()
    missed = 0
    for name in asked.config or SMALL:
        pairs = [tuple(pair.split(":")) for pair in asked.match]
        if not pairs:
            pairs = [pair for pair, least in (SCORES | BETTER).items() if name in least]
        t = tables_for(Config.parse(name))
        for player, opponent in pairs:
            score, one, other = match(
                t,
                find_baseline(player)(t),
                find_baseline(opponent)(t),
                games=asked.games,
                seed=asked.seed,
            )
            share, low, high = bounds(score.histogram)
            print(
                f"{name}: {player} wins {score.wins} of {score.games} against {opponent} = "
                f"{share:.1%} (95 % {low:.1%} to {high:.1%}, {score.openings} openings)"
            )
            print(f"    {player} {one}\n    {opponent} {other}", flush=True)
            kept = share >= SCORES.get((player, opponent), {}).get(name, 0.0)
            kept = kept and low > BETTER.get((player, opponent), {}).get(name, -1.0)
            slow = player == TWO and name in SMALL and np.mean(one.turns) > MEAN_MS / 1e3
            missed += not kept or slow
    if missed:
        print(f"{missed} matches missed a bound.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
