"""Collects what the machine wants done into the next `Ready`, and knows what is durable of it.

Nothing that depends on a term or a vote leaves before they are durable: while they are not, `say`
queues behind the write.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ringrift.node.consensus.raft.ready import Envelope, HardState, Origin, Read, Ready
from ringrift.wire.log import Entry
from ringrift.wire.raft import RaftMessage, SnapshotAck, SnapshotChunk


@dataclass(slots=True)
class _Mark:
    """A write under way: when it is durable, so is our log up to `last_index`."""

    number: int
    last_index: int
    since: float


@dataclass(slots=True)
class _Batch:
    """A `Ready` being filled."""

    hard_state: HardState | None = None
    restart: Origin | None = None
    truncate_after: int | None = None
    entries: list[Entry] = field(default_factory=list)
    send: list[Envelope] = field(default_factory=list)
    send_durable: list[Envelope] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    snapshots_to: list[str] = field(default_factory=list)
    transfers: list[tuple[str, SnapshotChunk | SnapshotAck]] = field(default_factory=list)

    def empty(self) -> bool:
        return not (
            self.send
            or self.send_durable
            or self.entries
            or self.hard_state
            or self.restart
            or self.truncate_after is not None
            or self.reads
            or self.snapshots_to
            or self.transfers
        )


class Outbox:
    """`durable` is the newest index up to which the log of now is known to be on disk."""

    def __init__(self, durable: int) -> None:
        self.durable = durable
        self._number = 0
        self._hard_number = 0
        self._synced = 0
        self._marks: deque[_Mark] = deque()
        self._batch = _Batch()

    @property
    def hard_state_is_durable(self) -> bool:
        return self._batch.hard_state is None and self._hard_number <= self._synced

    def stalled(self, now: float, patience: float) -> bool:
        """Whether the disk has not answered for longer than `patience`."""
        return bool(self._marks) and now - self._marks[0].since > patience

    def say(self, to: str, message: RaftMessage) -> None:
        """Send at once, or as soon as term and vote are durable."""
        if self.hard_state_is_durable:
            self._batch.send.append(Envelope(to, message))
        else:
            self._batch.send_durable.append(Envelope(to, message))

    def say_once_written(self, to: str, message: RaftMessage) -> None:
        """Send when everything asked for up to now is durable."""
        self._batch.send_durable.append(Envelope(to, message))

    def vote(self, hard_state: HardState) -> None:
        self._batch.hard_state = hard_state

    def append(self, entries: Sequence[Entry]) -> None:
        self._batch.entries.extend(entries)

    def truncate(self, after: int) -> None:
        pending = self._batch.entries
        if pending and pending[0].index <= after + 1:
            del pending[after + 1 - pending[0].index :]
        else:
            pending.clear()
            self._batch.truncate_after = after
        for mark in self._marks:
            mark.last_index = min(mark.last_index, after)
        self.durable = min(self.durable, after)

    def restart(self, origin: Origin) -> None:
        """Begin the log anew after a snapshot, which is durable already."""
        self._batch.entries.clear()
        self._batch.truncate_after = None
        self._batch.restart = origin
        for mark in self._marks:
            mark.last_index = origin.index
        self.durable = origin.index

    def read(self, read: Read) -> None:
        self._batch.reads.append(read)

    def snapshot_to(self, peer: str) -> None:
        self._batch.snapshots_to.append(peer)

    def transfer(self, sender: str, message: SnapshotChunk | SnapshotAck) -> None:
        self._batch.transfers.append((sender, message))

    def empty(self) -> bool:
        """Whether the batch has nothing to do."""
        return self._batch.empty()

    def take(self, apply: tuple[Entry, ...], last_index: int, now: float) -> Ready | None:
        """The batch so far with the entries to apply, None when there is nothing."""
        batch = self._batch
        if not apply and batch.empty():
            return None
        self._batch = _Batch()
        self._number += 1
        ready = Ready(
            self._number,
            batch.hard_state,
            batch.restart,
            batch.truncate_after,
            tuple(batch.entries),
            tuple(batch.send),
            tuple(batch.send_durable),
            apply,
            tuple(batch.reads),
            tuple(batch.snapshots_to),
            tuple(batch.transfers),
        )
        if ready.hard_state is not None:
            self._hard_number = ready.number
        if ready.writes:
            self._marks.append(_Mark(ready.number, last_index, now))
        return ready

    def synced(self, number: int) -> None:
        """All writes up to that `Ready` are durable."""
        assert number >= self._synced, (number, self._synced)
        self._synced = number
        while self._marks and self._marks[0].number <= number:
            self.durable = max(self.durable, self._marks.popleft().last_index)
