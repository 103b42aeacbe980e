"""How fast a job is, told about every second."""

from ringrift.train.world import World
from ringrift.wire.job import Progress

INTERVAL_S = 1.0


class Pace:
    """Turns counters that only grow into `Progress` lines with their rates.

    Rates count from the first reading, not from the start: until then kernels may have been
    compiled, which says nothing about speed.
    """

    def __init__(self, world: World, *, unit: str, total: int) -> None:
        self._world = world
        self._unit = unit
        self._total = total
        self._told = world.clock()
        self._since: float | None = None
        self._first: dict[str, int] = {}
        self._first_done = 0

    def tell(self, done: int, counters: dict[str, int]) -> None:
        """Emit a line if it is time for one: `done` of the total, each counter as `<name>_per_s`.

        A rate is None, or missing from the figures, while there is nothing to divide by.
        """
        now = self._world.clock()
        if self._since is None:
            self._since, self._first, self._first_done = now, counters, done
        if now - self._told < INTERVAL_S:
            return
        self._told = now
        seconds = now - self._since
        rate, figures = None, dict[str, float]()
        if seconds > 0:
            rate = (done - self._first_done) / seconds if done else None
            figures = {
                f"{name}_per_s": (count - self._first[name]) / seconds
                for name, count in counters.items()
            }
        self._world.emit(
            Progress(done=done, total=self._total, unit=self._unit, rate=rate, figures=figures)
        )
