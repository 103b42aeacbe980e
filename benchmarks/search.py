"""What a simulation costs outside the network, and how fast selfplay is with it.

Run `python benchmarks/search.py [CONFIG …]` on an otherwise idle core. The first row of a config
replaces the network by an answer that costs nothing; the second plays with the untrained network.
Seconds are those of the processor, so that other processes disturb the figures less.
"""

import sys
import time

import numpy as np
import torch
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.rules import Tables, tables_for
from ringrift.train.evaluator import load_evaluator
from ringrift.train.generation import Budgets, Generation, Variety
from ringrift.train.search.search import Budget, Evaluates

SLOTS = 64
BUDGETS = Budgets(full=Budget(64, 16), cheap=Budget(16, 8), full_fraction=0.25)
SECONDS = 10.0


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


def play(tables: Tables, evaluator: Evaluates) -> tuple[float, float, float]:
    """(evaluations, decisions, games) a second of selfplay with an endless supply of games."""
    generation = Generation(
        tables,
        evaluator,
        BUDGETS,
        Variety(),
        run_id="0" * 32,
        source="benchmark",
        games=1_000_000,
        slots=SLOTS,
    )
    for _ in range(50):
        generation.step()
    evaluations, decisions, games = generation.evaluations, generation.decisions, 0
    start = time.process_time()
    while time.process_time() - start < SECONDS:
        games += len(generation.step())
    seconds = time.process_time() - start
    return (
        (generation.evaluations - evaluations) / seconds,
        (generation.decisions - decisions) / seconds,
        games / seconds,
    )


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    print("config         evaluator    evals/s  us/eval   dec/s  games/s")
    for name in names:
        config = Config.parse(name)
        tables = tables_for(config)
        network = load_evaluator(config, None, seed=0)
        for label, evaluator in (("free", FreeEvaluator(tables)), (network.precision, network)):
            evaluations, decisions, games = play(tables, evaluator)
            cost = 1e6 / evaluations
            print(
                f"{name:14} {label:10} {evaluations:9.0f} {cost:8.1f} {decisions:7.0f} {games:8.2f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:] or ["hex8_2p"])
