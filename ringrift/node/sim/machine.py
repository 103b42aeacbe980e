"""A simulated machine: a virtual disk, a clock that drifts, and the voter's process upon them."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ringrift.node.consensus.host import Host, Upkeep
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.storage import Recovered, Storage
from ringrift.node.sim.agenda import Schedule
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.disk import HeldDisk, MemoryDisk
from ringrift.node.sim.drift import DriftingClock
from ringrift.node.sim.moments import Moment
from ringrift.node.sim.network import Network
from ringrift.node.sim.trace import Trace

SEGMENT_BYTES = 8 * 1024
RETRY_START_S = 0.5
RESTART_S = 1.0


@runtime_checkable
class Life(Protocol):
    """A voter's process, from its start to its end, on the machine of that name."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> Host: ...

    def start(self) -> None:
        """Begin to take part."""
        ...

    def receive(self, sender: str, message: object) -> None:
        """Take a message of another machine, or of a client."""
        ...

    def end(self) -> None:
        """Be no more: from now on nothing that was begun happens."""
        ...


class NewLife(Protocol):
    """Makes the process of a machine that holds its disk, from what that was found to hold."""

    def __call__(
        self, machine: "Machine", disk: HeldDisk, storage: Storage, found: Recovered, /
    ) -> Life: ...


@dataclass(slots=True)
class World:
    """What all machines and clients of a run share."""

    agenda: Schedule
    network: Network
    observer: Observer
    trace: Trace
    timing: Timing
    incarnation: str
    new_life: NewLife


class Machine:
    """One voter's machine: it has a directory for ever, and a `process` while that runs.

    What may be done to it at any time: `slowness` of its disk (1.0: none), `starved_until` (virtual
    seconds: until then its process is not scheduled), `at_next_write`, which happens once its
    process has written something, and before that is durable, and `at_moment`, which happens
    whenever such a moment comes.
    """

    def __init__(self, name: str, world: World, rng: random.Random) -> None:
        self.name, self.world, self.rng = name, world, rng
        self.disk = MemoryDisk(random.Random(rng.getrandbits(64)))
        self.clock = DriftingClock(rng.uniform(0.0, 1e6))
        self.process: Life | None = None
        # What one has forgotten another may still have, and send as entries.
        self.upkeep = Upkeep(entries=rng.choice((20, 60)), kept=rng.choice((3, 20, 200)))
        self.life = 0
        self.slowness = 1.0
        self.starved_until = 0.0
        self.at_next_write: Callable[[], None] | None = None
        self.at_moment: dict[Moment, Callable[[], None]] = {}
        world.network.join(name, self.deliver)

    @property
    def leads(self) -> bool:
        """Whether its process takes itself for the leader."""
        return self.process is not None and self.process.host.raft.leading is not None

    def now(self) -> float:
        """What its clock shows."""
        return self.clock.now(self.world.agenda.now)

    def start(self) -> None:
        """Start the process, unless it runs: recover what the directory holds, and take part."""
        if self.process is not None:
            return
        world = self.world
        try:
            disk = HeldDisk(self.disk)
            storage, found = Storage.recover(disk, world.incarnation, self.name, SEGMENT_BYTES)
        except OSError as error:
            world.trace.event(self.name, f"cannot start: {error}")
            world.agenda.after(RETRY_START_S, self.start)
            return
        self.life += 1
        self._report(found)
        self.process = world.new_life(self, disk, storage, found)
        self.process.start()

    def stop(self, *, power_cut: bool) -> None:
        """End the process at once; a power cut also takes what was not synced."""
        process, self.process = self.process, None
        if process is not None:
            process.end()
            self.life += 1
        if power_cut:
            self.disk.crash()
        if process is not None:
            self.world.trace.event(self.name, "loses power" if power_cut else "is killed")

    def fail(self) -> None:
        """End the process for an error of its disk, which leaves in doubt what was written."""
        self.world.trace.event(self.name, "ends: its disk failed")
        self.stop(power_cut=True)
        self.world.agenda.after(RESTART_S, self.start)

    def meet(self, moment: Moment) -> None:
        """A moment has come."""
        if moment in self.at_moment:
            self.at_moment[moment]()

    def deliver(self, sender: str, message: object) -> None:
        """Take a message of another machine, or of a client."""
        agenda = self.world.agenda
        if self.process is None:
            return
        if agenda.now < self.starved_until:
            agenda.at(self.starved_until, self.deliver, sender, message)
        else:
            self.process.receive(sender, message)

    def _report(self, found: Recovered) -> None:
        """Tell what was found in the directory, before anything is done with it."""
        observer, origin = self.world.observer, found.origin
        observer.started(self.name, origin, found.entries)
        if origin.index:
            observer.state(self.name, origin.index, found.state.digest())
        observer.tally.torn_tails += found.torn
        last = found.entries[-1].index if found.entries else origin.index
        self.world.trace.event(
            self.name,
            f"starts life {self.life}: term {found.hard_state.term}, snapshot to {origin.index}, "
            f"log to {last}{', of which it cut a torn end' if found.torn else ''}",
        )
