"""A simulated machine: the production `Host` and `Storage` on a virtual disk, clock and network."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ringrift.node.cluster.commands import Blank, Command, OpenSession, encode_command
from ringrift.node.cluster.results import SessionLost, SessionOpened
from ringrift.node.consensus.chores import Chore, Outcome, Write
from ringrift.node.consensus.host import Answer, Barrier, Decided, Host, SnapshotInfo, Step, Upkeep
from ringrift.node.consensus.performer import Performer
from ringrift.node.consensus.raft.core import (
    ChangeRefusedError,
    Draft,
    NotLeadingError,
    Raft,
    Start,
)
from ringrift.node.consensus.raft.ready import Ready
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.storage import Storage
from ringrift.node.control.leases import IdleSessions, LeaseTable
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.asks import Ask, Change, HandOver, Propose, Read, Renew, Told
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.disk import MemoryDisk
from ringrift.node.sim.drift import DriftingClock
from ringrift.node.sim.network import Network
from ringrift.wire.log import NO_SESSION

BLANK = encode_command(Blank())
UPKEEP = Upkeep(entries=60, kept=20)
SEGMENT_BYTES = 8 * 1024
CLAIM_TTL_S = 4.0
SESSION_TTL_S = 12.0
CONTROL_EVERY_S = 1.0
RETRY_FULL_S = 0.5
DIGEST_EVERY = 25


@dataclass(slots=True)
class World:
    """What all machines of a run share. `say` takes a line of the trace."""

    agenda: Agenda
    network: Network
    observer: Observer
    timing: Timing
    incarnation: str
    say: Callable[[str], None]


class Machine:
    """One voter's machine. It has a directory for ever, and a `Host` while its process runs."""

    def __init__(self, name: str, world: World, rng: random.Random) -> None:
        self.name = name
        self.disk = MemoryDisk(random.Random(rng.getrandbits(64)))
        self.clock = DriftingClock(rng.uniform(0.0, 1e6))
        self.host: Host | None = None
        self.life = 0
        self.slowness = 1.0
        self.starved_until = 0.0
        self._world, self._rng = world, rng
        self._chores: list[Chore] = []
        self._disk_is_busy = False
        self._timer_at = float("inf")
        world.network.join(name, self.deliver)

    @property
    def leads(self) -> bool:
        return self.host is not None and self.host.raft.leading is not None

    # Life and death.

    def start(self) -> None:
        """Start the process: recover what the directory holds, and take part."""
        self.life += 1
        now = self.clock.now(self._world.agenda.now)
        try:
            storage, found = Storage.recover(
                self.disk, self._world.incarnation, self.name, SEGMENT_BYTES
            )
        except OSError:
            self._world.agenda.after(RETRY_FULL_S, self._start_again, self.life)
            return
        start = Start(found.hard_state, found.origin, found.entries, BLANK)
        raft = Raft(
            self.name, self._world.timing, random.Random(self._rng.getrandbits(64)), start, now
        )
        snapshot = SnapshotInfo(found.origin.index, found.parts) if found.parts else None
        self.host = Host(
            raft, found.state, self._world.incarnation, self._world.timing, UPKEEP, snapshot
        )
        self._performer = Performer(storage)
        self._chores, self._disk_is_busy, self._timer_at = [], False, float("inf")
        self._asked: dict[int, tuple[str, int]] = {}
        self._tokens = 0
        self._seen = ("", 0, None)
        self._session: int | None = None
        self._seq = 0
        self._leases, self._idle = LeaseTable(CLAIM_TTL_S), IdleSessions(SESSION_TTL_S)
        self._world.observer.started(self.name, found.origin, found.entries)
        self._world.observer.tally.torn_tails += found.torn
        self._world.say(
            f"{self.name} starts life {self.life}: term {raft.term}, snapshot {found.origin.index}, "
            f"log to {raft.tail.last_index}{', torn' if found.torn else ''}"
        )
        self._world.agenda.after(CONTROL_EVERY_S, self._control, self.life)
        self._pump()

    def _start_again(self, life: int) -> None:
        if life == self.life and self.host is None:
            self.start()

    def stop(self, *, power_cut: bool) -> None:
        """End the process at once; a power cut also takes what was not synced."""
        if self.host is None:
            return
        self.host = None
        self.life += 1
        if power_cut:
            self.disk.crash()
        self._world.say(f"{self.name} {'loses power' if power_cut else 'is killed'}")

    # What reaches it.

    def deliver(self, sender: str, message: object) -> None:
        """A message of another machine, or of a client."""
        agenda = self._world.agenda
        if self.host is None:
            return
        if agenda.now < self.starved_until:
            agenda.at(self.starved_until, self.deliver, sender, message)
            return
        now = self.clock.now(agenda.now)
        match message:
            case Ask(op=op, wish=wish):
                self._serve(sender, op, wish, now)
            case Renew(claims=claims):
                if self.leads:
                    self._leases.renew(self.host.state, sender, claims, now)
                return
            case _:
                self.host.receive(sender, message, now)  # type: ignore[arg-type]
        self._pump()

    def _timer(self, life: int) -> None:
        agenda = self._world.agenda
        if life != self.life or self.host is None or agenda.now < self._timer_at:
            return
        if agenda.now < self.starved_until:
            self._timer_at = self.starved_until
            agenda.at(self.starved_until, self._timer, life)
            return
        self._timer_at = float("inf")
        self.host.tick(self.clock.now(agenda.now))
        self._pump()

    # The disk: everything that waits is written, and is durable some time later.

    def _use_disk(self) -> None:
        if self._disk_is_busy or not self._chores:
            return
        chores, self._chores = self._chores, []
        self._disk_is_busy = True
        self._write(self.life, chores)

    def _write(self, life: int, chores: list[Chore]) -> None:
        if life != self.life:
            return
        agenda = self._world.agenda
        try:
            self._performer.write(chores)
        except DiskFullError:
            self._was_full = True
            agenda.after(RETRY_FULL_S, self._write, life, [])
            return
        except OSError:
            self._die()
            return
        took = self._rng.uniform(0.0003, 0.002) * self.slowness
        agenda.after(took, self._sync, life)

    def _sync(self, life: int) -> None:
        if life != self.life or self.host is None:
            return
        if self._world.agenda.now < self.starved_until:
            self._world.agenda.at(self.starved_until, self._sync, life)
            return
        try:
            outcomes: list[Outcome] = self._performer.sync()
        except OSError:
            self._die()
            return
        if self._was_full and any(isinstance(outcome, Write) for outcome in outcomes):
            self._was_full = False
            self._world.observer.tally.full_disk_recoveries += 1
        self._disk_is_busy = False
        self.host.performed(outcomes, self.clock.now(self._world.agenda.now))
        self._pump()

    _was_full = False

    def _die(self) -> None:
        """A failed sync ends the process, and what it had not synced may be gone."""
        self.stop(power_cut=True)
        self._world.agenda.after(1.0, self._start_again, self.life)

    # Doing what the host says.

    def _pump(self) -> None:
        host, agenda = self.host, self._world.agenda
        assert host is not None
        now = self.clock.now(agenda.now)
        self._watch()
        while (step := host.step(now)) is not None:
            self._watch()
            self._do(step)
        self._use_disk()
        if self.host is None:
            return
        # Rounding may put the deadline just before itself: let time pass, or it never would.
        when = max(self.clock.when(host.next_tick, agenda.now), agenda.now + 1e-6)
        if when < self._timer_at:
            self._timer_at = when
            agenda.at(when, self._timer, self.life)

    def _do(self, step: Step) -> None:
        assert self.host is not None
        observer = self._world.observer
        for chore in step.chores:
            if isinstance(chore, Write):
                self._report_log(chore.ready)
        if step.restored:
            observer.installed(self.name, self.host.raft.tail.origin)
            self._world.say(f"{self.name} installs a snapshot up to {self.host.state.index}")
            observer.state(self.name, self.host.state.index, self.host.state.digest())
        for applied in step.applied:
            observer.applied(self.name, applied)
            if applied.index % DIGEST_EVERY == 0 and applied is step.applied[-1]:
                observer.state(self.name, applied.index, self.host.state.digest())
        for envelope in step.send:
            self._world.network.send(self.name, envelope.to, envelope.message)
        for answer in step.answers:
            self._answer(answer)
        self._chores += step.chores

    def _report_log(self, ready: Ready) -> None:
        assert self.host is not None
        observer, raft = self._world.observer, self.host.raft
        if ready.truncate_after is not None:
            observer.truncated(self.name, ready.truncate_after)
            self._world.say(f"{self.name} truncates its log after {ready.truncate_after}")
        for entry in ready.entries:
            if entry.voters is not None:
                observer.config_appended(
                    self.name, raft.term, entry.index, entry.voters, raft.tail.commit
                )
                self._world.say(
                    f"{self.name} appends voters {'+'.join(entry.voters)} at {entry.index}"
                )

    def _watch(self) -> None:
        """Report a change of role or leader."""
        assert self.host is not None
        raft = self.host.raft
        seen = (raft.role, raft.term, raft.leader)
        if seen == self._seen:
            return
        before, self._seen = self._seen, seen
        self._world.say(f"{self.name} is {raft.role} in term {raft.term}, leader {raft.leader}")
        if raft.role == "leader" and before[:2] != seen[:2]:
            self._leases, self._idle = LeaseTable(CLAIM_TTL_S), IdleSessions(SESSION_TTL_S)
            self._session = None
            self._world.observer.became_leader(self.name, raft.term)
        self._world.observer.sees_leader(self.name, raft.term, raft.leader)

    # Serving clients.

    def _serve(
        self, client: str, op: int, wish: Propose | Read | Change | HandOver, now: float
    ) -> None:
        assert self.host is not None
        raft, told = self.host.raft, Told(op, self.life, "elsewhere", leader=self.host.raft.leader)
        at_ms = int(self._world.agenda.now * 1000)
        try:
            match wish:
                case Propose(session, seq, command):
                    if raft.room < 1:
                        raise NotLeadingError
                    self.host.propose(
                        [(self._token(client, op), Draft(at_ms, session, seq, command))]
                    )
                case Read():
                    raft.read(self._token(client, op))
                case Change(voters, command):
                    draft = Draft(at_ms, NO_SESSION, 0, command)
                    self.host.change_voters(self._token(client, op), voters, draft, now)
                case HandOver(choice):
                    others = [voter for voter in raft.tail.voters if voter != self.name]
                    if others:
                        raft.hand_over(others[int(choice * len(others))], now)
                    told = told._replace(how="refused")
                    self._world.network.send(self.name, client, told)
        except NotLeadingError:
            self._world.network.send(self.name, client, told)
        except ChangeRefusedError:
            refused = told._replace(how="refused", voters=raft.tail.voters)
            self._world.network.send(self.name, client, refused)

    def _token(self, client: str, op: int) -> int:
        self._tokens += 1
        self._asked[self._tokens] = (client, op)
        return self._tokens

    def _answer(self, answer: Answer) -> None:
        client, op = self._asked.pop(answer.token)
        told = Told(op, self.life, "unknown")
        match answer:
            case Decided(index=index, result=result):
                told = told._replace(how="done", index=index, result=result)
            case Barrier(index=int() as index):
                told = told._replace(how="done", index=index)
            case _:
                pass
        if client == self.name:
            self._control_told(told)
        else:
            self._world.network.send(self.name, client, told)

    # What a leader does of its own accord: end leases and sessions that nobody renews.

    def _control(self, life: int) -> None:
        agenda = self._world.agenda
        if life != self.life or self.host is None:
            return
        agenda.after(CONTROL_EVERY_S, self._control, life)
        if not self.leads or agenda.now < self.starved_until or self.host.raft.room < 64:
            return
        if self._session is None:
            self._session = 0
            self._propose_own(NO_SESSION, 0, OpenSession(owner=f"{self.name}-control", boot=life))
        elif self._session:
            now = self.clock.now(agenda.now)
            for command in (
                *self._leases.expired(self.host.state, now),
                *self._idle.expired(self.host.state, now),
            ):
                self._seq += 1
                self._propose_own(self._session, self._seq, command)
        self._pump()

    def _propose_own(self, session: int, seq: int, command: Command) -> None:
        assert self.host is not None
        draft = Draft(int(self._world.agenda.now * 1000), session, seq, encode_command(command))
        try:
            self.host.propose([(self._token(self.name, 0), draft)])
        except NotLeadingError:
            if not session:
                self._session = None

    def _control_told(self, told: Told) -> None:
        if isinstance(told.result, SessionOpened):
            self._session, self._seq = told.result.session, 0
        elif isinstance(told.result, SessionLost) or told.how == "unknown":
            self._session = None
