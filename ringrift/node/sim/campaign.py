"""Many seeds, played in several processes, and what they add up to."""

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields

from ringrift.node.sim import core_tier, driver_tier
from ringrift.node.sim.checkers.tally import Tally, floors, report
from ringrift.node.sim.story import LENGTH_S, Outcome, Tier
from ringrift.node.sim.trace import Detail

FEWEST_FOR_FLOORS = 20
"""With fewer seeds than this, chance decides whether a floor is reached."""


@dataclass(frozen=True, slots=True)
class Played:
    """A seed's outcome, and the processor seconds that it took."""

    outcome: Outcome
    cpu_s: float


def play_one(tier: Tier, seed: int, size: int, detail: Detail = "none") -> Outcome:
    """Play one seed with `size` machines in a tier."""
    if tier == "core":
        return core_tier.Run(seed, size, detail).play()
    return driver_tier.play(seed, size, detail)


def play(tier: Tier, seeds: Sequence[int], size: int, jobs: int) -> Iterator[Played]:
    """Play seeds with `size` machines each in `jobs` processes; outcomes come in their order.

    Raises BrokenProcessPool when one of the processes is killed.
    """
    tasks: list[tuple[Tier, int, int]] = [(tier, seed, size) for seed in seeds]
    if jobs == 1:
        yield from map(_play, tasks)
        return
    # Spawned, not forked: the caller may have threads, and a seed must depend on nothing of it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(jobs, len(tasks)), context, initializer=_leave_interrupts_to_parent
    ) as pool:
        yield from pool.map(_play, tasks)


def _play(task: tuple[Tier, int, int]) -> Played:
    began = time.process_time()
    outcome = play_one(*task)
    return Played(outcome, time.process_time() - began)


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(slots=True)
class Summary:
    """What the seeds that have been `add`ed add up to."""

    tallies: list[Tally] = field(default_factory=list[Tally])
    broken: list[Outcome] = field(default_factory=list[Outcome])
    cpu_s: float = 0.0

    def add(self, played: Played) -> None:
        """Count one more seed."""
        self.tallies.append(played.outcome.tally)
        self.cpu_s += played.cpu_s
        if played.outcome.violation is not None:
            self.broken.append(played.outcome)

    @property
    def pace(self) -> float:
        """Virtual seconds for each second of one core."""
        return len(self.tallies) * LENGTH_S / self.cpu_s if self.cpu_s else 0.0

    def missing(self) -> list[str]:
        """A sentence for each count that is below its floor; none while the seeds are too few."""
        return floors(self.tallies) if len(self.tallies) >= FEWEST_FOR_FLOORS else []

    def totals(self) -> dict[str, int]:
        """The sum of each count."""
        return {f.name: sum(getattr(t, f.name) for t in self.tallies) for f in fields(Tally)}

    def counts(self) -> list[str]:
        """A line for each count."""
        return report(self.tallies)
