"""A voter without its threads and sockets: Raft, the state it feeds, proposals and snapshots.

`Host` is a pure machine like the `Raft` inside it. Messages, proposals, time and outcomes of chores
go in; `step` says what is to be sent, performed on disk and answered. The production driver and the
simulator differ in how they carry that out, and in nothing else.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ringrift.node.cluster.commands import Blank, encode_command
from ringrift.node.cluster.results import Applied, Result
from ringrift.node.cluster.snapshot import Loader, SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.chores import (
    Chore,
    Compact,
    Fetch,
    Fetched,
    Full,
    Outcome,
    Store,
    Write,
)
from ringrift.node.consensus.raft.core import Draft, Raft, Start
from ringrift.node.consensus.raft.leading import Leading
from ringrift.node.consensus.raft.ready import Envelope, Origin, Read, Ready
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.raft.transfer import Incoming, Outgoing
from ringrift.node.consensus.remains import Remains
from ringrift.node.consensus.storage import Recovered
from ringrift.wire.log import Voters
from ringrift.wire.raft import RaftMessage, SnapshotAck, SnapshotChunk

BLANK = encode_command(Blank())
"""What a new leader's first entry holds."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """When a snapshot is taken (entries and bytes since the last), how many entries stay in memory
    behind the newest one, for followers that are a little late, and how long (seconds) a disk that
    had no room for a snapshot is left alone."""

    entries: int = 5_000
    bytes: int = 16 * 1024 * 1024
    kept: int = 1_000
    retry_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Decided:
    """A proposal was decided: where it first took effect, and its result."""

    token: int
    index: int
    result: Result


@dataclass(frozen=True, slots=True)
class Unknown:
    """Leadership was lost: the proposal may still be decided, or never. Repeating it is safe."""

    token: int


@dataclass(frozen=True, slots=True)
class Barrier:
    """Everything decided before the read was asked for is applied; `index` is None: not proven."""

    token: int
    index: int | None


Answer = Decided | Unknown | Barrier


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot on disk: its last entry, and how many parts it has."""

    index: int
    parts: int


@dataclass(slots=True)
class Step:
    """What is to be done now, in any order; chores in theirs.

    `complaints` are sentences for the operator; `restored` tells that `Host.state` is another one.
    """

    send: list[Envelope] = field(default_factory=list)
    chores: list[Chore] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    restored: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.send
            or self.chores
            or self.applied
            or self.answers
            or self.complaints
            or self.restored
        )


class Host:
    """One voter. Its `state` is as of `raft.tail.applied`; a `restored` step replaces it."""

    def __init__(
        self,
        raft: Raft,
        state: ClusterState,
        incarnation: str,
        timing: Timing,
        upkeep: Upkeep,
        snapshot: SnapshotInfo | None,
    ) -> None:
        self.raft, self.state = raft, state
        self._incarnation, self._timing, self._upkeep = incarnation, timing, upkeep
        self._snapshot = snapshot
        self._bytes_since = 0
        self._step = Step()
        self._proposed: dict[int, tuple[int, int]] = {}
        self._reads: list[Read] = []
        self._sender: Leading | None = None
        self._outgoing: dict[str, Outgoing] = {}
        self._incoming = Incoming()
        self._taking: Iterator[bytes] | None = None
        self._taken_parts = 0
        self._no_snapshot_before = float("-inf")
        self._taken_next: bytes | None = None
        self._taking_index = 0
        self._loading = Loader(incarnation)
        self._loaded: tuple[str, SnapshotChunk, ClusterState] | None = None
        self._replaced = Remains()

    @staticmethod
    def recovered(
        node: str,
        found: Recovered,
        incarnation: str,
        timing: Timing,
        upkeep: Upkeep,
        rng: random.Random,
        now: float,
    ) -> "Host":
        """A new life of a voter, from what its directory held."""
        start = Start(found.hard_state, found.origin, found.entries, BLANK)
        raft = Raft(node, timing, rng, start, now)
        snapshot = SnapshotInfo(found.origin.index, found.parts) if found.parts else None
        return Host(raft, found.state, incarnation, timing, upkeep, snapshot)

    @property
    def next_tick(self) -> float:
        """When `tick` has something to do at the latest."""
        if not self._outgoing:
            return self.raft.next_tick
        retries = [outgoing.next_retry() for outgoing in self._outgoing.values()]
        return min([self.raft.next_tick, *retries])

    def snapshot(self) -> Iterator[bytes]:
        """The state as of now in parts, encoded as they are taken."""
        return self.state.snapshot(self._incarnation)

    # What is put in; each call is followed by `step`.

    def receive(self, sender: str, message: RaftMessage, now: float) -> None:
        """See `Raft.receive`."""
        self.raft.receive(sender, message, now)

    def tick(self, now: float) -> None:
        """Let time pass."""
        self.raft.tick(now)
        for peer, outgoing in list(self._outgoing.items()):
            if outgoing.failed(now):
                self._end_transfer(peer, None, now)
            else:
                self._fetch_due(peer, outgoing, now)

    def propose(self, proposals: Sequence[tuple[int, Draft]]) -> None:
        """Propose drafts, each under a token that its answer will carry; see `Raft.propose`."""
        first = self.raft.propose([draft for _, draft in proposals])
        for place, (token, _) in enumerate(proposals):
            self._proposed[first + place] = (self.raft.term, token)

    def change_voters(self, token: int, voters: Voters, draft: Draft, now: float) -> None:
        """Propose other voters; see `Raft.change_voters`."""
        index = self.raft.change_voters(voters, draft, now)
        self._proposed[index] = (self.raft.term, token)

    def performed(self, outcomes: Sequence[Outcome], now: float) -> None:
        """Take the outcomes of chores, in their order."""
        for outcome in outcomes:
            match outcome:
                case Write(ready=ready):
                    self.raft.synced(ready.number, now)
                    self._step.send.extend(ready.send_durable)
                case Store():
                    self._stored(outcome)
                case Full(store=store):
                    self._no_room(store, now)
                case Compact(through=through):
                    self.raft.compact(through)
                case Fetched(fetch=fetch, data=data):
                    self._forward(fetch, data, now)

    # What comes out.

    def step(self, now: float) -> Step | None:
        """What is to be done since the last call, None when nothing is; call it until None."""
        if self.raft.leading is not self._sender:
            self._sender = self.raft.leading
            self._outgoing.clear()
        ready = self.raft.ready(now)
        if ready is not None:
            self._obey(ready, now)
        if self.raft.leading is None and self._proposed:
            # Another leader will decide what becomes of them; whoever waits may ask it.
            self._step.answers += [Unknown(token) for _, token in self._proposed.values()]
            self._proposed.clear()
        self._consider_snapshot(now)
        self._replaced.shrink()
        if not self._step and not self._replaced:
            return None
        step, self._step = self._step, Step()
        return step

    def _obey(self, ready: Ready, now: float) -> None:
        step = self._step
        step.send += ready.send
        if ready.writes or ready.send_durable:
            step.chores.append(Write(ready))
        for entry in ready.apply:
            applied = self.state.apply(entry)
            step.applied.append(applied)
            self._bytes_since += len(entry.command)
            term, token = self._proposed.pop(entry.index, (0, 0))
            if term == entry.term:
                step.answers.append(Decided(token, applied.first_index, applied.result))
            elif term:
                step.answers.append(Unknown(token))
        self._reads += ready.reads
        self._answer_reads()
        for peer in ready.snapshots_to:
            self._begin_transfer(peer, now)
        for sender, message in ready.transfers:
            if isinstance(message, SnapshotAck):
                self._acknowledged(sender, message, now)
            else:
                self._take_part(sender, message)

    def _answer_reads(self) -> None:
        later: list[Read] = []
        for read in self._reads:
            if read.index is None or read.index <= self.raft.tail.applied:
                self._step.answers.append(Barrier(read.token, read.index))
            else:
                later.append(read)
        self._reads = later

    # Our own snapshots: one part at a time, each when the one before is on disk.

    def _consider_snapshot(self, now: float) -> None:
        taken = 0 if self._snapshot is None else self._snapshot.index
        due = (
            self.state.index - taken >= self._upkeep.entries
            or self._bytes_since >= self._upkeep.bytes
        )
        rests = self._taking is None and now >= self._no_snapshot_before
        if due and rests and not self._incoming.busy(self.raft.tail.commit):
            self._bytes_since = 0
            self._taking = self.snapshot()
            self._taken_parts, self._taking_index = 0, self.state.index
            self._taken_next = next(self._taking)
            self._store_next_part()

    def _store_next_part(self) -> None:
        assert self._taking is not None and self._taken_next is not None
        data, self._taken_next = self._taken_next, next(self._taking, None)
        final = self._taken_next is None
        part = Store(self._taking_index, self._taken_parts, data, final, received=False)
        self._taken_parts += 1
        self._step.chores.append(part)

    def _stored(self, part: Store) -> None:
        if part.received:
            if part.final:
                self._install(part)
        elif self._taking is None or part.index != self._taking_index:
            return  # a snapshot that gave way to one from the leader
        elif part.final:
            self._taking = None
            self._snapshot = SnapshotInfo(part.index, part.number + 1)
            self._step.chores.append(Compact(part.index - self._upkeep.kept))
        elif part.number == self._taken_parts - 1:
            self._store_next_part()

    def _no_room(self, part: Store, now: float) -> None:
        if part.received:
            self._incoming.failed()
        else:
            self._taking = None
            self._no_snapshot_before = now + self._upkeep.retry_s

    # Snapshots for followers.

    def _begin_transfer(self, peer: str, now: float) -> None:
        if self._snapshot is None or self._snapshot.index < self.raft.tail.origin.index:
            self.raft.snapshot_ended(peer, None, now)
            return
        outgoing = Outgoing(self._snapshot.index, self._snapshot.parts, self._timing, now)
        self._outgoing[peer] = outgoing
        self._fetch_due(peer, outgoing, now)

    def _fetch_due(self, peer: str, outgoing: Outgoing, now: float) -> None:
        chores = [Fetch(outgoing.index, number, peer) for number in outgoing.due(now)]
        self._step.chores.extend(chores)

    def _forward(self, fetch: Fetch, data: bytes | None, now: float) -> None:
        outgoing = self._outgoing.get(fetch.peer)
        if outgoing is None or outgoing.index != fetch.index:
            return
        if data is None:
            self._end_transfer(fetch.peer, None, now)
            return
        final = fetch.number == outgoing.parts - 1
        chunk = SnapshotChunk(self.raft.term, fetch.index, fetch.number, final, data)
        self._step.send.append(Envelope(fetch.peer, chunk))

    def _acknowledged(self, peer: str, ack: SnapshotAck, now: float) -> None:
        outgoing = self._outgoing.get(peer)
        if outgoing is None or outgoing.index != ack.index:
            return
        outgoing.acknowledged(ack.number, now)
        if outgoing.done:
            self._end_transfer(peer, outgoing.index, now)
        else:
            self._fetch_due(peer, outgoing, now)

    def _end_transfer(self, peer: str, index: int | None, now: float) -> None:
        del self._outgoing[peer]
        self.raft.snapshot_ended(peer, index, now)

    # A snapshot from the leader.

    def _take_part(self, sender: str, chunk: SnapshotChunk) -> None:
        taken = self._incoming.take(sender, chunk)
        if taken.first:
            self._taking, self._loading = None, Loader(self._incarnation)
        if taken.store:
            try:
                self._loading.feed(chunk.data)
                if taken.last:
                    self._loaded = (sender, chunk, ClusterState.restored(self._loading))
            except SnapshotError as error:
                self._incoming.failed()
                self._step.complaints.append(f"The snapshot of {sender} is refused: {error}")
                return
            part = Store(chunk.index, chunk.number, chunk.data, chunk.final, received=True)
            self._step.chores.append(part)
        if taken.acknowledge is not None:
            self.raft.acknowledge(sender, chunk, taken.acknowledge)

    def _install(self, part: Store) -> None:
        assert self._loaded is not None
        (sender, chunk, state), self._loaded = self._loaded, None
        if self.raft.restore(Origin(state.index, state.term, state.voters)):
            self._replaced, self.state = Remains(self.state), state
            self._bytes_since = 0
            self._step.restored = True
        if self._snapshot is None or self._snapshot.index < part.index:
            self._snapshot = SnapshotInfo(part.index, part.number + 1)
        self.raft.acknowledge(sender, chunk, self._incoming.installed())
