"""A voter's process, from its start to its end: `Host` and `Storage`, driven by hand.

As the production driver does with threads and sockets, it hands the host what arrives and the time,
does what each `Step` says, and lets the disk write everything that waits at once.
"""

import random
from collections.abc import Callable
from typing import cast

from ringrift.node.consensus.chores import Chore, Write
from ringrift.node.consensus.host import Host, Step
from ringrift.node.consensus.performer import Performer
from ringrift.node.consensus.storage import Recovered, Storage
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.asks import Ask, Renew
from ringrift.node.sim.desk import Desk
from ringrift.node.sim.disk import HeldDisk
from ringrift.node.sim.machine import Machine
from ringrift.node.sim.reporter import Reporter
from ringrift.node.sim.steward import Steward
from ringrift.node.sim.words import message_words
from ringrift.wire.raft import RaftMessage

FASTEST_SYNC_S, SLOWEST_SYNC_S = 0.0003, 0.002
RETRY_FULL_S = 0.5


class Process:
    """One life, until `end`."""

    def __init__(
        self, machine: Machine, disk: HeldDisk, storage: Storage, found: Recovered, /
    ) -> None:
        self.ended = False
        self.name = machine.name
        self._machine, self._world = machine, machine.world
        world, trace = machine.world, machine.world.trace
        rng = random.Random(machine.rng.getrandbits(64))
        self.host = Host.recovered(
            machine.name, found, world.incarnation, world.timing, machine.upkeep, rng, machine.now()
        )
        self._performer = Performer(storage)
        self._chores: list[Chore] = []
        self._disk_is_busy = self._disk_was_full = False
        self._timer_at = float("inf")
        self.desk = Desk(machine.name, machine.life, self.host, world.network, trace)
        self._steward = Steward(machine.name, machine.life, self.host, self.desk, world.observer)
        self._reporter = Reporter(machine, self.host, self._steward.leads)

    def start(self) -> None:
        """Begin to take part."""
        self._later(self._steward.every_s, self._control)
        self._pump(self._machine.now())

    def end(self) -> None:
        """Be no more: nothing that is still on the agenda happens."""
        self.ended = True

    # What reaches it.

    def receive(self, sender: str, message: object) -> None:
        """Take a message of another machine, or of a client."""
        now = self._machine.now()
        trace = self._world.trace
        match message:
            case Ask():
                self.desk.serve(sender, message, now, self._wall_ms())
            case Renew(claims=claims):
                self._steward.renew(sender, claims, now)
                return
            case _:
                raft_message = cast(RaftMessage, message)
                if trace.verbose:
                    trace.line(self.name, f"<- {sender}  {message_words(raft_message)}")
                self.host.receive(sender, raft_message, now)
        self._pump(now)

    def _tick(self) -> None:
        if self._world.agenda.now < self._timer_at:
            return  # the host wanted to act earlier meanwhile, and did
        self._timer_at = float("inf")
        now = self._machine.now()
        self.host.tick(now)
        self._pump(now)

    def _control(self) -> None:
        self._later(self._steward.every_s, self._control)
        now = self._machine.now()
        self._steward.act(now, self._wall_ms())
        self._pump(now)

    def _wall_ms(self) -> int:
        return int(self._world.agenda.now * 1000)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._world.agenda.after(seconds, self._when_scheduled, action)

    def _when_scheduled(self, action: Callable[[], None]) -> None:
        """Act, unless this life has ended; not before a starved process is scheduled again."""
        if self.ended:
            return
        if self._world.agenda.now < self._machine.starved_until:
            self._world.agenda.at(self._machine.starved_until, self._when_scheduled, action)
        else:
            action()

    # The disk: everything that waits is written, and is durable some time later.

    def _write(self) -> None:
        chores, self._chores = self._chores, []
        try:
            self._performer.write(chores)
        except DiskFullError:
            if not self._disk_was_full:
                self._world.trace.event(self.name, "finds its disk full")
            self._disk_was_full = True
            self._later(RETRY_FULL_S, self._write)
            return
        except OSError:
            self._machine.fail()
            return
        machine = self._machine
        took = machine.rng.uniform(FASTEST_SYNC_S, SLOWEST_SYNC_S) * machine.slowness
        if machine.at_next_write is not None:
            self._world.agenda.after(took * machine.rng.random(), machine.at_next_write)
            machine.at_next_write = None
        self._later(took, self._sync)

    def _sync(self) -> None:
        try:
            outcomes = self._performer.sync()
        except OSError:
            self._machine.fail()
            return
        if self._disk_was_full and any(isinstance(outcome, Write) for outcome in outcomes):
            self._disk_was_full = False
            self._world.observer.tally.full_disk_recoveries += 1
            self._world.trace.event(self.name, "writes again, for its disk has room")
        self._disk_is_busy = False
        now = self._machine.now()
        self.host.performed(outcomes, now)
        self._pump(now)

    # Doing what the host says.

    def _pump(self, now: float) -> None:
        """Do all that the host wants by now, and come back when it wants to act by itself."""
        host = self.host
        self._reporter.watch()
        while (step := host.step(now)) is not None:
            self._reporter.watch()
            self._do(step)
        if self._chores and not self._disk_is_busy:
            self._disk_is_busy = True
            self._write()
        if self.ended:
            return
        agenda = self._world.agenda
        # Rounding may put the deadline just before itself: let time pass, or it never would.
        when = max(self._machine.clock.when(host.next_tick, agenda.now), agenda.now + 1e-6)
        if when < self._timer_at:
            self._timer_at = when
            agenda.at(when, self._when_scheduled, self._tick)

    def _do(self, step: Step) -> None:
        network = self._world.network
        self._reporter.saw(step)
        for envelope in step.send:
            network.send(self.name, envelope.to, envelope.message)
        for answer in step.answers:
            self.desk.answer(answer)
        self._chores += step.chores
        self._reporter.carried_out(step)
