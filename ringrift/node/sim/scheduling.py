"""The one place that reaches into trio: its order of running tasks, drawn from a seed.

For simulations and tests only. trio shuffles the tasks that are ready with a generator of its own,
which is private, as is the switch that keeps them in a reproducible order before (trio 0.35).
"""

import random
from collections.abc import Generator
from contextlib import contextmanager

import trio._core._run as run


@contextmanager
def deterministic(rng: random.Random) -> Generator[None]:
    """While the context lasts, equal seeds run tasks in equal order."""
    before = run._r, run._ALLOW_DETERMINISTIC_SCHEDULING  # pyright: ignore[reportPrivateUsage]
    run._r, run._ALLOW_DETERMINISTIC_SCHEDULING = rng, True  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        run._r, run._ALLOW_DETERMINISTIC_SCHEDULING = before  # pyright: ignore[reportPrivateUsage]
