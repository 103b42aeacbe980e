"""How much may compute at once: slots times threads never exceed the cores."""

from dataclasses import dataclass


@dataclass(slots=True)
class Slots:
    """`total` children at a time, each with `threads` compute threads."""

    total: int
    threads: int
    busy: int = 0

    @property
    def free(self) -> int:
        """How many more children may start now."""
        return self.total - self.busy


def slots_for(cores: int, wanted: int, threads: int) -> Slots:
    """Divide `cores` into slots of `threads`; `wanted` 0 means as many as there are.

    At least one slot of one thread, so that a single core still works.
    """
    threads = min(threads, cores)
    most = max(1, cores // threads)
    return Slots(total=min(wanted or most, most), threads=threads)
