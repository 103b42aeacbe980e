"""What goes wrong in a run: a plan drawn from its seed.

A seed draws a *subset* of the kinds and an intensity for each, so that some runs see one fault
often and others all of them a little; a mixture of everything all the time would hide what needs
calm in between.
"""

import random
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "loss",
    "delay",
    "doubling",
    "reordering",
    "partition",
    "one_way",
    "crash",
    "power_cut",
    "slow_disk",
    "full_disk",
    "broken_sync",
    "skew",
    "jump",
    "starved",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_LONGEST = 8.0
"""Seconds that a fault lasts at most."""


@dataclass(frozen=True, slots=True)
class Fault:
    """From `start` to `end` (virtual seconds), as bad as `strength` (0 to 1) says.

    `aim` says whom it hits: the leader of the moment when below 0.5, else any node.
    """

    kind: Kind
    start: float
    end: float
    strength: float
    aim: float

    def __str__(self) -> str:
        return (
            f"{self.kind} from {self.start:.3f} to {self.end:.3f} s, strength {self.strength:.2f}"
        )


def draw_plan(rng: random.Random, length: float) -> list[Fault]:
    """The faults of a run's first `length` seconds, by their start."""
    kinds = [kind for kind in KINDS if rng.random() < 0.4] or [rng.choice(KINDS)]
    plan: list[Fault] = []
    for kind in kinds:
        every = rng.uniform(4.0, 20.0)
        start = rng.uniform(0.5, every)
        while start < length:
            end = min(length, start + rng.uniform(0.2, _LONGEST))
            plan.append(Fault(kind, start, end, rng.random(), rng.random()))
            start += rng.expovariate(1.0 / every) + 0.2
    return sorted(plan, key=lambda fault: fault.start)
