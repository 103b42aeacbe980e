"""How many positions a second each network of the family judges on one core.

Run `python benchmarks/network.py [CONFIG …]`. Networks are untrained, positions are noise, a batch
is 64; the better of float32 and bfloat16 by `Evaluator`'s own check is named. Seconds are those of
the processor and the best of some runs, so that other processes disturb the figures less.
"""

import sys
import time

import numpy as np
import torch

from ringrift.engine.config import Config
from ringrift.train.evaluator import Evaluator
from ringrift.train.network import PRESETS, initial_network

BATCH = 64
SECONDS = 3.0
LEAST_RUNS = 2


def rate(evaluator: Evaluator) -> float:
    """Positions a second of the quickest run."""
    a = evaluator.architecture
    noise = np.random.default_rng(0).random((BATCH, a.planes, a.height, a.width))
    planes = (noise < 0.2).astype(np.float32)
    best, spent, runs = float("inf"), 0.0, 0
    while runs < LEAST_RUNS or spent < SECONDS:
        start = time.thread_time()
        evaluator.evaluate(planes)
        seconds = time.thread_time() - start
        best, spent, runs = min(best, seconds), spent + seconds, runs + 1
    return BATCH / best


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    print("config         preset            M parameters  precision    evals/s")
    for name in names:
        for preset in PRESETS:
            # As search uses them: it has no scalars to give.
            network = initial_network(Config.parse(name), 0, preset, scalars=0)
            millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
            evaluator = Evaluator(network, device="cpu")
            line = f"{name:14} {preset:16} {millions:13.2f}  {evaluator.precision:9}"
            print(f"{line} {rate(evaluator):10.0f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ["hex8_2p", "square8_2p"])
