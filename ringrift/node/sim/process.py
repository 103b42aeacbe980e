"""A voter's process, from its start to its end: `Host` and `Storage`, driven by hand.

As the production driver does with threads and sockets, it hands the host what arrives and the time,
does what each `Step` says, and lets the disk write everything that waits at once.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from ringrift.node.cluster.commands import Blank, encode_command
from ringrift.node.consensus.chores import Chore, Store, Write
from ringrift.node.consensus.host import Host, SnapshotInfo, Step, Upkeep
from ringrift.node.consensus.performer import Performer
from ringrift.node.consensus.raft.core import Raft, Start
from ringrift.node.consensus.raft.ready import Ready
from ringrift.node.consensus.storage import Recovered, Storage
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.asks import Ask, Renew
from ringrift.node.sim.desk import Desk
from ringrift.node.sim.steward import Steward
from ringrift.node.sim.trace import run_words
from ringrift.node.sim.words import entries_words, message_words, vote_words
from ringrift.wire.raft import RaftMessage

if TYPE_CHECKING:
    from ringrift.node.sim.machine import Machine

BLANK = encode_command(Blank())
UPKEEP = Upkeep(entries=60, kept=20)
FASTEST_SYNC_S, SLOWEST_SYNC_S = 0.0003, 0.002
RETRY_FULL_S = 0.5
DIGEST_EVERY = 25
"""Entries between two digests of the state that are compared."""


class Process:
    """One life. Whoever ends it sets `ended`; nothing it still has on the agenda happens then."""

    def __init__(self, machine: "Machine", storage: Storage, found: Recovered) -> None:
        self.ended = False
        self.name = machine.name
        self._machine, self._world = machine, machine.world
        world, trace = machine.world, machine.world.trace
        start = Start(found.hard_state, found.origin, found.entries, BLANK)
        rng = random.Random(machine.rng.getrandbits(64))
        raft = Raft(machine.name, world.timing, rng, start, machine.now())
        snapshot = SnapshotInfo(found.origin.index, found.parts) if found.parts else None
        self.host = Host(raft, found.state, world.incarnation, world.timing, UPKEEP, snapshot)
        self._performer = Performer(storage)
        self._chores: list[Chore] = []
        self._disk_is_busy = self._disk_was_full = False
        self._timer_at = float("inf")
        self._seen = ("", 0, "")
        self.desk = Desk(machine.name, machine.life, self.host, world.network, trace)
        self._steward = Steward(machine.name, machine.life, self.host, self.desk, world.observer)

    def start(self) -> None:
        """Begin to take part."""
        self._later(self._steward.every_s, self._control)
        self._pump(self._machine.now())

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
        self._watch()
        while (step := host.step(now)) is not None:
            self._watch()
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
        trace, network = self._world.trace, self._world.network
        for chore in step.chores:
            self._report(chore)
        self._report_state(step)
        for complaint in step.complaints:
            trace.event(self.name, complaint)
        for envelope in step.send:
            if trace.verbose:
                trace.line(self.name, f"-> {envelope.to}  {message_words(envelope.message)}")
            network.send(self.name, envelope.to, envelope.message)
        for answer in step.answers:
            self.desk.answer(answer)
        self._chores += step.chores

    # Reporting it.

    def _report(self, chore: Chore) -> None:
        if isinstance(chore, Write):
            self._report_write(chore.ready)
        elif isinstance(chore, Store) and not chore.received and chore.number == 0:
            self._world.trace.event(self.name, f"takes a snapshot up to {chore.index}")
            self._world.observer.state(self.name, chore.index, self.host.state.digest())

    def _report_write(self, ready: Ready) -> None:
        observer, trace, raft = self._world.observer, self._world.trace, self.host.raft
        if trace.plain and ready.hard_state is not None:
            trace.line(self.name, f"promises {vote_words(ready.hard_state)}")
        if ready.truncate_after is not None:
            trace.event(self.name, f"truncates its log after {ready.truncate_after}")
            observer.truncated(self.name, ready.truncate_after)
        if not ready.entries:
            return
        if trace.plain:
            leads = raft.leading is not None
            words = run_words(ready.entries) if leads else entries_words(ready.entries)
            trace.line(self.name, f"appends {words}")
        for entry in ready.entries:
            if entry.voters is not None:
                names = "+".join(entry.voters)
                trace.event(self.name, f"names the voters {names} at {entry.index}/{entry.term}")
                observer.config_appended(
                    self.name, raft.term, entry.index, entry.voters, raft.tail.commit
                )

    def _report_state(self, step: Step) -> None:
        observer, trace, host = self._world.observer, self._world.trace, self.host
        if step.restored:
            trace.event(self.name, f"installs a snapshot up to {host.raft.tail.origin.index}")
            observer.installed(self.name, host.raft.tail.origin)
            observer.state(self.name, host.state.index, host.state.digest())
        if not step.applied:
            return
        if trace.plain:
            applied = [applied.entry for applied in step.applied]
            trace.line(self.name, f"applies {entries_words(applied)}")
        for applied in step.applied:
            observer.applied(self.name, applied)
        if host.state.index % DIGEST_EVERY == 0:
            observer.state(self.name, host.state.index, host.state.digest())

    def _watch(self) -> None:
        """Report a change of role, term or leader."""
        raft = self.host.raft
        seen = (raft.role, raft.term, raft.leader or "")
        if seen == self._seen:
            return
        before, self._seen = self._seen, seen
        follows = f" of {raft.leader}" if raft.role == "follower" and raft.leader else ""
        self._world.trace.event(self.name, f"is {raft.role}{follows} in term {raft.term}")
        if raft.role == "leader" and before[:2] != seen[:2]:
            self._steward.leads()
            self._world.observer.became_leader(self.name, raft.term)
        self._world.observer.sees_leader(self.name, raft.term, raft.leader)
