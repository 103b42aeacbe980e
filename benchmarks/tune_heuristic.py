"""How the weights of heuristic-2 and -3 were found: SPSA on games between two sets of weights.

    .venv/bin/python benchmarks/tune_heuristic.py [--seed 1] [--rounds 1200]

Spall, "Multivariate stochastic approximation using a simultaneous perturbation gradient
approximation" (1992): every round, all weights are moved up or down at random at once, and what is
moved plays what is moved the opposite way, from openings of its own in both seats on both 2-seat
small boards; the weights then go a little the way of the winner. Printed is where they stand, and
at the end their mean over the second half of the rounds. `eliminated` is the unit and stays.
"""

import argparse
import time

import numpy as np
from heuristic import Timed, play

from ringrift.engine.config import Config
from ringrift.engine.players import TurnPlayer
from ringrift.engine.players.evaluation import WEIGHTS, Weights
from ringrift.engine.rng import seed_rng
from ringrift.engine.rules import tables_for
from ringrift.train.openings import random_openings
from ringrift.train.play import Referee
from ringrift.train.seeds import seed_of

CONFIGS = ("hex8_2p", "square8_2p")
OPENINGS = 2
# By how much each weight is moved to be compared, in points.
STEPS = {
    "territory": 10.0,
    "hand": 0.5,
    "buried": 0.8,
    "stack": 1.5,
    "cap": 0.4,
    "mobility": 0.05,
    "threat": 0.4,
    "strike": 0.8,
    "marker": 0.3,
    "pair": 0.4,
    "triple": 0.6,
    "bare": 3.0,
}
# What a clean sweep moves the weights by, in those steps: at first and at last.
GAIN, LAST_GAIN = 0.1, 0.02


def weights_at(place: np.ndarray) -> Weights:
    """The weights whose tuned ones are at `place`."""
    return WEIGHTS._replace(**dict(zip(STEPS, map(float, place), strict=True)))


def outcome(one: Weights, other: Weights, seed: int) -> float:
    """Games won by `one` less games lost, a game."""
    total = games = 0
    for name in CONFIGS:
        t = tables_for(Config.parse(name))
        players, referee = (TurnPlayer(t, one), TurnPlayer(t, other)), Referee(t)
        for number, opening in enumerate(random_openings(t, seed, OPENINGS)):
            for seat in range(2):
                seats = [Timed(players[(seat + q) % 2]) for q in range(2)]
                rng = seed_rng(seed_of(seed, "game", number, seat))
                won = play(referee, opening.start, seats, rng)
                total += 1 if won == seat else -1
                games += 1
    return total / games


def main() -> None:
    """Tune, telling every 50 rounds how far it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1200)
    asked = parser.parse_args()
    rng, began = np.random.default_rng(asked.seed), time.monotonic()
    steps = np.array(list(STEPS.values()))
    place = np.array([getattr(WEIGHTS, name) for name in STEPS])
    half: list[np.ndarray] = []
    for number in range(asked.rounds):
        moved = steps * rng.choice([-1.0, 1.0], len(steps))
        seed = seed_of(asked.seed, "round", number)
        gained = outcome(weights_at(place + moved), weights_at(place - moved), seed)
        gain = LAST_GAIN + (GAIN - LAST_GAIN) * (1 - number / asked.rounds)
        place = place + gain * moved * gained
        if 2 * number >= asked.rounds:
            half.append(place)
        if number % 50 == 49:
            print(
                f"{number + 1} rounds, {time.monotonic() - began:.0f} s: {place.round(3)}",
                flush=True,
            )
    print(weights_at(np.mean(half, axis=0).round(2)))


if __name__ == "__main__":
    main()
