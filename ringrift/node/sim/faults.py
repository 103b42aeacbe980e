"""What goes wrong in a run: a plan drawn from its seed.

A seed draws a *subset* of the kinds and an intensity for each, so that some runs see one fault
often and others all of them a little; a mixture of everything all the time would hide what needs
calm in between.
"""

import random
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "loss",
    "delay",
    "doubling",
    "reordering",
    "partition",
    "one_way",
    "crash",
    "power_cut",
    "blackout",
    "ambush",
    "slow_disk",
    "full_disk",
    "broken_sync",
    "skew",
    "jump",
    "starved",
]

SHARES: Final[dict[Kind, float]] = {
    "loss": 0.35,
    "delay": 0.35,
    "doubling": 0.4,
    "reordering": 0.4,
    "partition": 0.65,
    "one_way": 0.35,
    "crash": 0.4,
    "power_cut": 0.5,
    "blackout": 0.3,
    "ambush": 0.6,
    "slow_disk": 0.4,
    "full_disk": 0.4,
    "broken_sync": 0.3,
    "skew": 0.35,
    "jump": 0.35,
    "starved": 0.35,
}
"""The share of seeds that see a kind at all."""

LASTING: Final[dict[Kind, float]] = {
    "loss": 0.3,
    "delay": 0.3,
    "doubling": 0.3,
    "reordering": 0.3,
    "ambush": 0.5,
    "slow_disk": 0.3,
}
"""The share of the seeds with such a kind in which it lasts: what needs several rare things at
once, two candidates of a term among them, needs one of them to be always there."""

_LONGEST_S = 8.0
"""How long a fault lasts at most."""


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


def draw_plan(rng: random.Random, length: float) -> list[Fault]:
    """The faults of a run's first `length` seconds, by their start."""
    kinds: list[Kind] = [kind for kind, share in SHARES.items() if rng.random() < share]
    plan: list[Fault] = []
    for kind in kinds or [rng.choice(list(SHARES))]:
        if rng.random() < LASTING.get(kind, 0.0):
            plan.append(Fault(kind, 0.0, length, rng.random(), rng.random()))
            continue
        every = rng.uniform(4.0, 20.0)
        start = rng.uniform(0.5, every)
        while start < length:
            end = min(length, start + rng.uniform(0.2, _LONGEST_S))
            plan.append(Fault(kind, start, end, rng.random(), rng.random()))
            start += rng.expovariate(1.0 / every) + 0.2
    return sorted(plan, key=lambda fault: fault.start)
