"""What a simulation costs outside the network, and how much of the network's speed selfplay keeps.

Run `python benchmarks/search.py [CONFIG …]` on an otherwise idle core; without names all 12 configs
are measured. Columns:

- us/sim: selfplay outside the network, whose answers cost nothing here, per simulation; sym: the
  same when every leaf is judged under a random symmetry
- evals/sim: evaluations a simulation that kept subtrees and proven results leave, in selfplay with
  the untrained network; without them it is one, and one more for the root of every decision
- bare, selfplay: evaluations a second of that network in batches of 64, alone and in selfplay

Each figure is the best of several windows of processor seconds, since whatever else runs only slows
a window down; those that are compared alternate.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.rng import Rng, seed_rng, uniform
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import TURN, Row, new_state
from ringrift.train.evaluator import load_evaluator
from ringrift.train.play import Referee, play_random_turns
from ringrift.train.search.search import Budget, Decision, Evaluates, Search

SLOTS = 64
FULL, CHEAP = Budget(64, 16), Budget(16, 8)
FULL_FRACTION = 0.25
SAMPLED_TURNS = 5
MOST_OPENING_TURNS = 36
WINDOWS = 12
WINDOW_S = 0.2
WARM_STEPS = 40
# Simulations count when their decision is made: with fewer, those under way blur the ratio.
FEWEST_SIMULATIONS = 100 * SLOTS


class FreeEvaluator:
    """The same random opinion for every position."""

    def __init__(self, tables: Tables) -> None:
        rng = np.random.default_rng(0)
        self._logits = rng.normal(size=(SLOTS, tables.actions)).astype(np.float32)
        self._values = np.full((SLOTS, tables.players), 1 / tables.players, dtype=np.float32)

    def evaluate(
        self, planes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._logits[: len(planes)], self._values[: len(planes)]


@dataclass(slots=True)
class Game:
    number: int
    rng: Rng
    state: Row


class Selfplay:
    """Endless games, decided as selfplay does, with nothing recorded."""

    def __init__(self, tables: Tables, evaluator: Evaluates, *, symmetric: bool) -> None:
        self.search = Search(
            tables, evaluator, slots=SLOTS, simulations=FULL.simulations, symmetric=symmetric
        )
        self._tables = tables
        self._referee = Referee(tables)
        self._opened = 0
        # The first games open with random turns, so that all stages of a game are measured.
        self._games = [self._open(MOST_OPENING_TURNS * i // SLOTS) for i in range(SLOTS)]
        for slot in range(SLOTS):
            self._begin(slot)

    def step(self) -> None:
        for slot in self.search.step():
            game = self._games[slot]
            choice = self._choice(game, self.search.result(slot))
            if len(self._referee.play(game.state, choice)[0]) == 0:
                self._games[slot] = self._open()
            self._begin(slot)

    def _open(self, turns: int = 0) -> Game:
        state = new_state(self._tables)
        self._opened += 1
        rng = seed_rng(self._opened)
        legal, _ = play_random_turns(self._referee, state, turns, rng)
        return Game(self._opened, rng, state) if len(legal) > 0 else self._open()

    def _begin(self, slot: int) -> None:
        game = self._games[slot]
        full = uniform(game.rng) < FULL_FRACTION
        budget, rng = (FULL, game.rng) if full else (CHEAP, None)
        self.search.begin(slot, game.state, budget, rng, salt=game.number)

    def _choice(self, game: Game, found: Decision) -> int:
        if game.state[TURN] > SAMPLED_TURNS * self._tables.players:
            return int(found.moves[found.winner])
        return int(found.moves[np.searchsorted(np.cumsum(found.policy), uniform(game.rng))])


def rate(step: Callable[[], None], count: Callable[[], int]) -> float:
    """Events a processor second, in one window."""
    before, start = count(), time.process_time()
    while (seconds := time.process_time() - start) < WINDOW_S:
        step()
    return (count() - before) / seconds


def best_rates(*measured: tuple[Callable[[], None], Callable[[], int]]) -> list[float]:
    """The best window of each, taken in turns."""
    rounds = [[rate(*one) for one in measured] for _ in range(WINDOWS)]
    return [max(column) for column in zip(*rounds, strict=True)]


def outside(tables: Tables) -> list[float]:
    """Microseconds a simulation outside the network, without and with symmetries."""
    plays = [Selfplay(tables, FreeEvaluator(tables), symmetric=s) for s in (False, True)]
    for play in plays:
        for _ in range(WARM_STEPS):
            play.step()
    rates = best_rates(*((p.step, lambda p=p: p.search.simulations) for p in plays))
    return [1e6 / r for r in rates]


def inside(config: Config, tables: Tables) -> tuple[str, float, float]:
    """(evaluations a simulation if enough were made, bare ones a second, those in selfplay)."""
    network = load_evaluator(config, None, seed=0)
    play = Selfplay(tables, network, symmetric=False)
    for _ in range(WARM_STEPS):
        play.step()
    planes = np.zeros((SLOTS, tables.planes, tables.height, tables.width), dtype=np.float32)
    asked = 0

    def ask() -> None:
        nonlocal asked
        network.evaluate(planes)
        asked += SLOTS

    search = play.search
    evaluations, simulations = search.evaluations, search.simulations
    bare, played = best_rates((ask, lambda: asked), (play.step, lambda: search.evaluations))
    made = search.simulations - simulations
    if made < FEWEST_SIMULATIONS:
        return "unknown", bare, played
    return f"{(search.evaluations - evaluations) / made:.2f}", bare, played


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    print("config         us/sim    sym  evals/sim    bare  selfplay  share")
    for config in (Config.parse(name) for name in names) if names else CONFIGS:
        tables = tables_for(config)
        plain, turned = outside(tables)
        saved, bare, played = inside(config, tables)
        print(
            f"{config.name:14} {plain:6.1f} {turned:6.1f} {saved:>10} {bare:7.0f} {played:9.0f}"
            f" {played / bare:6.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
