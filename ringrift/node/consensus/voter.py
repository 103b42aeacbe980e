"""Drives a `Host` by trio: one task turns the machine, one has its chores performed on disk.

The loop of `run` takes in what has come (messages, proposals, finished chores, the time), asks the
host for its steps, and hands out what they say. It never waits for the disk: that is the other
task's, which performs all chores that are waiting, with one sync for all their writes.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import structlog
import trio

from ringrift.node.cluster.commands import ChangeVoters, Command, encode_command
from ringrift.node.cluster.snapshot import Loader
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.chores import Chore, Outcome
from ringrift.node.consensus.feed import Feed, Window
from ringrift.node.consensus.host import (
    Answer,
    Barrier,
    Decided,
    Host,
    Step,
    Upkeep,
)
from ringrift.node.consensus.log import SEGMENT_BYTES
from ringrift.node.consensus.performer import Performer
from ringrift.node.consensus.raft.core import ChangeRefusedError, Draft
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.replica import (
    NotLeaderError,
    OutcomeUnknownError,
    Proposed,
    Replica,
    ReplicaStoppedError,
)
from ringrift.node.consensus.storage import Recovery, Storage, found, founded
from ringrift.node.consensus.transport import Transport
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.disk import Disk, DiskFullError
from ringrift.wire.log import NO_SESSION, Voters
from ringrift.wire.raft import Append, RaftMessage, follows

RETRY_FULL_S = 1.0
"""How often a full disk is tried again."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("voter")


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of a voter: proposals that wait, proposals and messages taken in at once, messages that
    wait, and bytes of a log segment; `upkeep` says when snapshots are taken."""

    queue: int = 1_024
    batch: int = 256
    inbox: int = 4_096
    segment_bytes: int = SEGMENT_BYTES
    upkeep: Upkeep = field(default_factory=Upkeep)


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who waits for an answer; None: the voter stopped."""

    answered: trio.Event = field(default_factory=trio.Event)
    answer: Answer | Exception | None = None

    def tell(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.answered.set()


class Voter(Replica):
    """A `Replica` that has a vote. Open it, then start `run`; proposals wait for that."""

    def __init__(
        self,
        host: Host,
        storage: Storage,
        clock: Clock,
        io: Blocking,
        transport: Transport,
        timing: Timing,
        limits: Limits,
        warn: Callable[[str], object] = log.warning,
    ) -> None:
        """A voter on what was recovered; see `open`. Operators hear of troubles through `warn`."""
        self.node_id = host.raft.node
        self.lost_messages = 0
        self.disk_is_full = False
        self._host, self._storage = host, storage
        self._clock, self._io, self._transport = clock, io, transport
        self._timing, self._limits, self._warn = timing, limits, warn
        self._window = Window(host.state.index)
        self._runs = self._stopped = False
        self._bell, self._disk_bell = trio.Event(), trio.Event()
        self._room = trio.lowlevel.ParkingLot()
        self._inbox: deque[tuple[str, RaftMessage]] = deque()
        self._proposals: deque[tuple[int, Draft]] = deque()
        self._reads: deque[int] = deque()
        self._changes: deque[tuple[int, Voters, Draft]] = deque()
        self._handovers: list[int] = []
        self._waiting: dict[int, _Waiting] = {}
        self._tokens = 0
        self._chores: list[Chore] = []
        self._outcomes: list[Outcome] = []

    @staticmethod
    async def open(
        disk: Disk,
        clock: Clock,
        io: Blocking,
        rng: random.Random,
        transport: Transport,
        timing: Timing,
        *,
        node_id: str,
        incarnation: str,
        founders: Voters = (),
        limits: Limits | None = None,
    ) -> "Voter":
        """Recover what `disk` holds; where nobody lives yet, `founders` found the cluster there.

        Raises LogCorruptError, with nothing changed, when it is damaged or not this member's.
        """
        limits = limits or Limits()
        if founders:
            await io(partial(_found_if_empty, disk, incarnation, node_id, founders))
        recovery = Recovery(disk, incarnation, node_id, limits.segment_bytes)
        while (done := await io(recovery.step)) is None:
            pass
        storage, what = done
        host = Host.recovered(node_id, what, incarnation, timing, limits.upkeep, rng, clock.now())
        voter = Voter(host, storage, clock, io, transport, timing, limits)
        await voter._carry_out()  # a sole voter's log is decided as it stands
        return voter

    # The replica as others see it.

    @property
    def state(self) -> ClusterState:
        return self._host.state

    @property
    def applied_index(self) -> int:
        return self._host.state.index

    @property
    def commit_index(self) -> int:
        return self._host.raft.tail.commit

    @property
    def term(self) -> int:
        return self._host.raft.term

    @property
    def leader_id(self) -> str | None:
        raft = self._host.raft
        # Who may not campaign never forgets whom it heard last.
        silent_s = 0.0 if raft.leading else self._clock.now() - raft.heard_leader_at
        return raft.leader if self._runs and silent_s <= self._timing.patience else None

    @property
    def voters(self) -> Voters:
        """Those whose majority decides now."""
        return self._host.raft.tail.voters

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`."""
        draft = Draft(self._clock.wall_ms(), session, seq, encode_command(command))
        while len(self._proposals) >= self._limits.queue and not self._stopped:
            await self._room.park()
        token, waiting = self._wait_for()
        self._proposals.append((token, draft))
        answer = await self._answer(token, waiting)
        if isinstance(answer, Decided):
            return Proposed(answer.index, answer.result)
        raise OutcomeUnknownError

    async def read_barrier(self) -> int:
        """See `Replica.read_barrier`."""
        token, waiting = self._wait_for()
        self._reads.append(token)
        answer = await self._answer(token, waiting)
        if isinstance(answer, Barrier) and answer.index is not None:
            return answer.index
        raise NotLeaderError(self.leader_id)

    async def change_voters(self, voters: Voters) -> Proposed:
        """Have other voters named, one more or one less than now.

        Raises what `propose` does, and ChangeRefusedError when it may not happen now.
        """
        draft = Draft(self._clock.wall_ms(), NO_SESSION, 0, encode_command(ChangeVoters()))
        token, waiting = self._wait_for()
        self._changes.append((token, voters, draft))
        answer = await self._answer(token, waiting)
        if isinstance(answer, Decided):
            return Proposed(answer.index, answer.result)
        raise OutcomeUnknownError

    async def hand_over(self, to: str) -> bool:
        """Give leadership to another voter; whether this node has stopped leading.

        Raises NotLeaderError, or ChangeRefusedError when `to` is no other voter.
        """
        if not self._host.raft.may_propose:
            raise NotLeaderError(self.leader_id)
        self._host.raft.hand_over(to, self._clock.now())
        token, waiting = self._wait_for()
        self._handovers.append(token)
        try:
            with self._clock.at_most(2 * self._timing.election):
                await self._answer(token, waiting)
        except NotLeaderError:
            return True
        return False

    async def foreseen(self) -> ClusterState:
        """See `Replica.foreseen`."""
        tail, loader = self._host.raft.tail, Loader(None)
        undecided = tail.between(tail.applied, tail.last_index)
        for part in self.snapshot():
            loader.feed(part)
            await trio.lowlevel.checkpoint()
        state = ClusterState.restored(loader)
        for entry in undecided:
            state.apply(entry)
            await trio.lowlevel.checkpoint()
        return state

    def feed(self, after_index: int) -> Feed:
        """See `Replica.feed`."""
        return Feed(self._window, after_index)

    def snapshot(self) -> Iterator[bytes]:
        """See `Replica.snapshot`."""
        return self._host.snapshot()

    # What comes from other voters.

    def deliver(self, sender: str, message: RaftMessage) -> None:
        """Take a message that `sender` is known to have sent.

        Dropped, and counted, when the inbox is full or the message contradicts itself: Raft's own
        code never sends such, so it is no fault that must end this node.
        """
        broken = isinstance(message, Append) and not follows(message)
        if broken or len(self._inbox) >= self._limits.inbox:
            self.lost_messages += 1
            return
        self._inbox.append((sender, message))
        self._bell.set()

    # The two tasks.

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take part until cancelled; raises what the disk raises, and is then at its end."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._use_disk)
                self._runs = True
                alone = self.voters == (self.node_id,)
                if not alone:
                    task_status.started()
                while True:
                    self._take_in(self._clock.now())
                    await self._carry_out()
                    if alone and self._host.raft.knows_all:
                        alone = False
                        task_status.started()
                    await self._rest()
        except BaseException as end:
            # The clean end notes how far the log is durable: from then on even damage to its very
            # last record is told from a tear.
            if _is_cancellation(end):
                with trio.CancelScope(shield=True):
                    await self._io(self._storage.seal)
            raise
        finally:
            self._runs, self._stopped = False, True
            self._window.close()
            self._room.unpark_all()
            for waiting in self._waiting.values():
                waiting.answered.set()

    def _take_in(self, now: float) -> None:
        host, limits = self._host, self._limits
        if now >= host.next_tick:
            host.tick(now)
        for _ in range(min(len(self._inbox), limits.batch)):
            sender, message = self._inbox.popleft()
            host.receive(sender, message, now)
        if self._outcomes:
            outcomes, self._outcomes = self._outcomes, []
            host.performed(outcomes, now)
        if host.raft.may_propose:
            count = min(len(self._proposals), limits.batch, host.raft.room)
            if count:
                host.propose([self._proposals.popleft() for _ in range(count)])
                self._room.unpark_all()
            while self._reads:
                host.raft.read(self._reads.popleft())
            while self._changes:
                self._change(*self._changes.popleft(), now)
        elif host.raft.leading is None:
            self._send_away()

    def _change(self, token: int, voters: Voters, draft: Draft, now: float) -> None:
        try:
            self._host.change_voters(token, voters, draft, now)
        except ChangeRefusedError as refused:
            self._tell(token, refused)

    def _send_away(self) -> None:
        """Tell everybody who wants a leader who that is."""
        tokens = [token for token, _ in self._proposals]
        tokens += [*self._reads, *(token for token, *_ in self._changes), *self._handovers]
        for waiting in (self._proposals, self._reads, self._changes, self._handovers):
            waiting.clear()
        for token in tokens:
            self._tell(token, NotLeaderError(self._host.raft.leader))
        self._room.unpark_all()

    async def _carry_out(self) -> None:
        """Do what the host says until it says no more, with a checkpoint after each step."""
        while (step := self._host.step(self._clock.now())) is not None:
            self._do(step)
            await trio.lowlevel.checkpoint()

    def _do(self, step: Step) -> None:
        for envelope in step.send:
            self._transport.send(envelope.to, envelope.message)
        if step.chores:
            self._chores += step.chores
            self._disk_bell.set()
        if step.restored:
            self._window.restart(self._host.state.index)
        for applied in step.applied:
            self._window.add(applied)
        for answer in step.answers:
            self._tell(answer.token, answer)
        for complaint in step.complaints:
            self._warn(complaint)

    async def _rest(self) -> None:
        """Wait until there is something to take in, or the time has come."""
        raft = self._host.raft
        handing_over = raft.leading is not None and raft.leading.handover is not None
        wishes = self._proposals or self._reads or self._changes
        if not self._inbox and not self._outcomes and (not wishes or handing_over or raft.room < 1):
            with self._clock.at_most(self._host.next_tick - self._clock.now()):
                await self._bell.wait()
        else:
            await trio.lowlevel.checkpoint()
        self._bell = trio.Event()

    async def _use_disk(self) -> None:
        performer = Performer(self._storage)
        while True:
            await self._disk_bell.wait()
            self._disk_bell = trio.Event()
            chores, self._chores = self._chores, []
            outcomes = await self._io(partial(_perform, performer, chores))
            while outcomes is None:
                if not self.disk_is_full:
                    self._warn("the disk is full; nothing is decided here until it has room")
                self.disk_is_full = True
                await self._clock.sleep(RETRY_FULL_S)
                outcomes = await self._io(partial(_perform, performer, []))
            self.disk_is_full = False
            self._outcomes += outcomes
            self._bell.set()

    # Those who wait.

    def _wait_for(self) -> tuple[int, _Waiting]:
        if self._stopped:
            raise ReplicaStoppedError("The replica has stopped; nothing was proposed.")
        self._tokens += 1
        waiting = self._waiting[self._tokens] = _Waiting()
        self._bell.set()
        return self._tokens, waiting

    def _tell(self, token: int, answer: Answer | Exception) -> None:
        waiting = self._waiting.get(token)
        if waiting is not None:
            waiting.tell(answer)

    async def _answer(self, token: int, waiting: _Waiting) -> Answer:
        try:
            await waiting.answered.wait()
        finally:
            del self._waiting[token]
        if isinstance(waiting.answer, Exception):
            raise waiting.answer
        if waiting.answer is None:
            raise ReplicaStoppedError("The replica stopped before it answered.")
        return waiting.answer


def _is_cancellation(end: BaseException) -> bool:
    match end:
        case BaseExceptionGroup(exceptions=exceptions):
            return all(_is_cancellation(each) for each in exceptions)
        case _:
            return isinstance(end, trio.Cancelled)


def _found_if_empty(disk: Disk, incarnation: str, node_id: str, founders: Voters) -> None:
    if not founded(disk):
        found(disk, incarnation, node_id, founders)


def _perform(performer: Performer, chores: list[Chore]) -> list[Outcome] | None:
    """All of it in one call, which no cancellation can cut in half; None while the disk is full."""
    try:
        performer.write(chores)
    except DiskFullError:
        return None
    return performer.sync()
