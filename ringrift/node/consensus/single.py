"""A quorum of one: proposals are written as one batch, synced once, applied, and answered.

    propose ─> bounded queue ─> batch ─> append + fsync (worker thread) ─> apply ─> answer, feed

What cannot be made durable ends the replica by raising: after a failed write or fsync nothing is
known about the disk, and the process must end. Every start is a new term, written down first.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import trio

from ringrift.node.cluster.commands import Blank, Command, encode_command
from ringrift.node.cluster.results import Applied
from ringrift.node.cluster.snapshot import Loader, SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus import snapshots
from ringrift.node.consensus.feed import Feed, Window
from ringrift.node.consensus.log import REMEDY, SEGMENT_BYTES, Log, LogCorruptError
from ringrift.node.consensus.replica import Proposed, Replica, ReplicaStoppedError
from ringrift.node.consensus.vote import Vote, read_vote, write_vote
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.disk import TEMPORARY, Disk
from ringrift.wire.log import NO_SESSION, Entry


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of a replica: proposals waiting and per batch, bytes of a segment, entries between two
    snapshots, and entries kept in the log behind the newest snapshot."""

    queue: int = 1_024
    batch: int = 256
    segment_bytes: int = SEGMENT_BYTES
    snapshot_every: int = 5_000
    kept_tail: int = 1_000


@dataclass(slots=True, eq=False)
class _Proposal:
    session: int
    seq: int
    command: bytes
    answered: trio.Event = field(default_factory=trio.Event)
    applied: Applied | None = None


class SingleReplica(Replica):
    """A `Replica` that is its own quorum. Open it, then start `run`; proposals wait for it."""

    def __init__(
        self, disk: Disk, clock: Clock, io: Blocking, limits: Limits, node_id: str, vote: Vote
    ) -> None:
        """For `open` only."""
        self._disk = disk
        self._clock = clock
        self._io = io
        self._limits = limits
        self._node_id = node_id
        self._vote = vote
        self._log = Log(disk, bytes.fromhex(vote.incarnation), limits.segment_bytes)
        self._state = ClusterState()
        self._snapshot_index = 0
        self._window = Window(0)
        self._leads = False
        self._waiting: set[_Proposal] = set()
        self._send, self._receive = trio.open_memory_channel[_Proposal](limits.queue)

    @staticmethod
    async def open(
        disk: Disk,
        clock: Clock,
        io: Blocking,
        *,
        node_id: str,
        incarnation: str,
        limits: Limits | None = None,
    ) -> "SingleReplica":
        """Recover the state from `disk`, or found it there when the disk is empty.

        `incarnation` is the cluster's, 32 hex digits. Raises LogCorruptError or SnapshotError, with
        nothing changed, when what is there is damaged or another cluster's.
        """
        vote = await io(partial(_promised, disk, incarnation, node_id))
        replica = SingleReplica(disk, clock, io, limits or Limits(), node_id, vote)
        await replica._recover()
        return replica

    @property
    def state(self) -> ClusterState:
        return self._state

    @property
    def applied_index(self) -> int:
        return self._state.index

    @property
    def commit_index(self) -> int:
        return self._state.index

    @property
    def term(self) -> int:
        return self._vote.term

    @property
    def leader_id(self) -> str | None:
        return self._node_id if self._leads else None

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`."""
        proposal = _Proposal(session, seq, encode_command(command))
        self._waiting.add(proposal)
        try:
            await self._send.send(proposal)
            await proposal.answered.wait()
        except trio.BrokenResourceError:
            raise ReplicaStoppedError("The replica has stopped; nothing was proposed.") from None
        finally:
            self._waiting.discard(proposal)
        if proposal.applied is None:
            raise ReplicaStoppedError("The replica stopped before it answered.")
        return Proposed(proposal.applied.first_index, proposal.applied.result)

    async def read_barrier(self) -> int:
        """See `Replica.read_barrier`: the quorum is this node, so all that was decided is here."""
        await trio.lowlevel.checkpoint()
        if not self._leads:
            raise ReplicaStoppedError("The replica does not run.")
        return self._state.index

    def feed(self, after_index: int) -> AsyncIterator[Applied]:
        """See `Replica.feed`."""
        return Feed(self._window, after_index)

    def snapshot(self) -> Iterator[bytes]:
        """See `Replica.snapshot`."""
        return self._state.snapshot(self._vote.incarnation)

    async def restore(self, chunks: Iterable[bytes]) -> None:
        """See `Replica.restore`; only before `run`: a quorum of one is never behind itself."""
        assert not self._leads, "a leader takes no snapshot from others"
        state = await self._loaded(chunks)
        if state.index <= self._state.index:
            raise SnapshotError(
                f"The snapshot ends at entry {state.index}; this node has {self._state.index}."
            )
        self._state = state
        await self._store_snapshot()
        await self._io(partial(self._log.restart, state.index, state.term))
        await self._promise(max(self._vote.term, state.term))
        self._window.restart(state.index)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Decide proposals until cancelled; raises what the disk raises, and is then at its end."""
        try:
            with self._receive:
                blank = _Proposal(NO_SESSION, 0, encode_command(Blank()))
                await self._decide([blank])
                self._leads = True
                task_status.started()
                while True:
                    await self._decide(await self._batch())
                    if self._state.index - self._snapshot_index >= self._limits.snapshot_every:
                        await self._take_snapshot()
        except trio.Cancelled:
            # The clean end notes how far the log is durable: from then on even damage to its very
            # last record is told from a tear.
            with trio.CancelScope(shield=True):
                await self._promise(self.term)
            raise
        finally:
            self._leads = False
            self._window.close()
            for proposal in self._waiting:
                proposal.answered.set()

    async def _batch(self) -> list[_Proposal]:
        batch = [await self._receive.receive()]
        while len(batch) < self._limits.batch:
            try:
                batch.append(self._receive.receive_nowait())
            except trio.WouldBlock:
                break
        return batch

    async def _decide(self, batch: list[_Proposal]) -> None:
        at_ms = self._clock.wall_ms()
        entries = [
            Entry(index, self.term, at_ms, proposal.session, proposal.seq, proposal.command)
            for index, proposal in enumerate(batch, self._state.index + 1)
        ]
        await self._io(partial(self._persist, entries))
        for proposal, entry in zip(batch, entries, strict=True):
            proposal.applied = self._apply(entry)
            proposal.answered.set()

    def _persist(self, entries: list[Entry]) -> None:
        self._log.append(entries)
        self._log.sync()

    def _apply(self, entry: Entry) -> Applied:
        applied = self._state.apply(entry)
        self._window.add(applied)
        return applied

    async def _recover(self) -> None:
        taken = await self._io(partial(snapshots.stored, self._disk))
        if taken:
            self._snapshot_index = taken[-1]
            self._state = await self._loaded(snapshots.chunks(self._disk, taken[-1]))
            self._window.restart(self._state.index)
        sealed = self._vote.sealed if self._vote.sealed > self._state.index else 0
        self._log = await self._io(
            partial(
                Log.recover,
                self._disk,
                bytes.fromhex(self._vote.incarnation),
                sealed=sealed,
                segment_bytes=self._limits.segment_bytes,
            )
        )
        if self._log.last_index < self._state.index:
            # A crash between storing a received snapshot and restarting the log after it.
            await self._io(partial(self._log.restart, self._state.index, self._state.term))
        if self._log.first_index > self._state.index + 1:
            raise LogCorruptError(
                f"The log begins at entry {self._log.first_index}, but the state ends at "
                f"{self._state.index}; {REMEDY}."
            )
        tail = self._log.entries(self._state.index)
        for entry in await self._io(partial(list[Entry], tail)):
            self._apply(entry)
            await trio.lowlevel.checkpoint()
        await self._promise(max(self._vote.term, self._state.term) + 1)

    async def _promise(self, term: int) -> None:
        """Enter a term with this node's own vote, and note how far the log is durable."""
        self._vote = Vote(
            incarnation=self._vote.incarnation,
            node=self._node_id,
            term=term,
            voted_for=self._node_id,
            sealed=self._log.synced_index,
        )
        await self._io(partial(write_vote, self._disk, self._vote))

    async def _loaded(self, chunks: Iterable[bytes]) -> ClusterState:
        loader = Loader(self._vote.incarnation)
        for chunk in chunks:
            loader.feed(chunk)
            await trio.lowlevel.checkpoint()
        return ClusterState.restored(loader)

    async def _take_snapshot(self) -> None:
        before = self._snapshot_index
        await self._store_snapshot()
        keep_after = min(before, self._snapshot_index - self._limits.kept_tail)
        await self._io(partial(self._log.compact, keep_after))

    async def _store_snapshot(self) -> None:
        index = self._state.index
        draft = await self._io(partial(snapshots.Draft, self._disk, index))
        for chunk in self.snapshot():
            await self._io(partial(draft.add, chunk))
        await self._io(draft.commit)
        self._snapshot_index = index


def _promised(disk: Disk, incarnation: str, node_id: str) -> Vote:
    """The vote of this directory, a first one when it is empty; leftovers of a crash go."""
    vote = read_vote(disk)
    leftovers = [name for name in disk.names() if name.endswith(TEMPORARY)]
    if vote is None:
        if len(leftovers) < len(disk.names()):
            raise LogCorruptError(f"The directory has a log but no vote file; {REMEDY}.")
        vote = Vote(incarnation=incarnation, node=node_id, term=0, voted_for=None, sealed=0)
        write_vote(disk, vote)
    if vote.incarnation != incarnation:
        raise LogCorruptError(
            f"The directory is of cluster {vote.incarnation}, not of {incarnation}; {REMEDY}."
        )
    if vote.node != node_id:
        raise LogCorruptError(f"The directory is of node {vote.node}, not {node_id}.")
    for name in set(leftovers) & set(disk.names()):
        disk.remove(name)
    return vote
