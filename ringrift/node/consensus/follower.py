"""A follower of the feed: the state as one of its sources tells it, and proposals passed on.

`Copy` is pure: what a source says goes in, the state moves on in turns that are short enough for an
event loop. `Follower` lets it be read and waited for like any `Replica`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import trio

from ringrift.node.cluster.commands import Command, CommandError
from ringrift.node.cluster.results import Applied
from ringrift.node.cluster.snapshot import Loader, SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.feed import Feed, Window
from ringrift.node.consensus.remains import Remains
from ringrift.node.consensus.replica import (
    NotLeaderError,
    OutcomeUnknownError,
    Proposed,
    Replica,
    ReplicaError,
    ReplicaStoppedError,
)
from ringrift.node.runtime.clock import Clock
from ringrift.wire.log import Entry, Voters
from ringrift.wire.peer import Fed, FedSnapshot

TURN_ENTRIES = 32
"""Entries applied between two checkpoints."""


class FeedError(ReplicaError):
    """Why nothing more is taken from this source of the feed; one sentence. Another may do."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn did; `restored` tells that `Copy.state` is another one."""

    applied: list[Applied] = field(default_factory=list[Applied])
    restored: bool = False


class Copy:
    """The state as fed by one source at a time; `begin` with each, then `hear` and `take`.

    Any source will do at any moment: what is known already is skipped, and an entry is taken only
    in its place. So a source may break off anywhere, be behind, or repeat itself.
    """

    def __init__(self, incarnation: str) -> None:
        self.state = ClusterState()
        self.leader: str | None = None
        self.heard = -math.inf
        self._incarnation = incarnation
        self._commit = self._term = 0
        self._listening = False
        self._loader: Loader | None = None
        self._parts = 0

    @property
    def commit(self) -> int:
        """The last entry known to be decided."""
        return max(self._commit, self.state.index)

    @property
    def term(self) -> int:
        """The term that the source is in; never below that of the last entry."""
        return max(self._term, self.state.term)

    def begin(self) -> None:
        """A source is being asked for what follows `state.index`; nothing counts before its
        opening."""
        self._listening, self._loader = False, None

    def hear(self, message: Fed | FedSnapshot, now: float) -> bool:
        """Note at once what the source knows; whether the message is one to `take`, in order."""
        if isinstance(message, Fed):
            self._listening |= message.opening
            if self._listening:
                self._commit, self._term = max(self._commit, message.commit), message.term
                # A node that is behind this one cannot know who leads now.
                self.leader = message.leader if message.term >= self.state.term else None
                self.heard = now - message.age_ms / 1000
        return self._listening

    def take(self, message: Fed | FedSnapshot) -> Iterator[Turn]:
        """Take over what a message brings, turn by turn.

        Raises FeedError or SnapshotError when it cannot be followed: `begin` with another source
        (or the same) then. Raises CommandError for a command this version does not know: what is
        decided cannot be followed any more. The state is sound in any case.
        """
        try:
            if isinstance(message, FedSnapshot):
                yield from self._load(message)
            else:
                if message.opening:
                    self._loader = None
                yield from self._apply(message)
        except (FeedError, SnapshotError):
            self.begin()
            raise

    def _apply(self, message: Fed) -> Iterator[Turn]:
        turn = Turn()
        before: int | None = None
        for entry in message.entries:
            try:
                if before is not None and entry.index != before + 1:
                    raise FeedError(f"Entry {entry.index} came after entry {before}.")
                before = entry.index
                if entry.index > self.state.index:
                    turn.applied.append(self._follow(entry))
            except (FeedError, CommandError):
                yield turn
                raise
            if len(turn.applied) == TURN_ENTRIES:
                yield turn
                turn = Turn()
        yield turn

    def _follow(self, entry: Entry) -> Applied:
        due, term = self.state.index + 1, self.state.term
        if entry.index != due:
            raise FeedError(f"Entry {entry.index} came when {due} was due.")
        if entry.term < term:
            raise FeedError(f"Entry {entry.index} is of term {entry.term}, before {term}.")
        return self.state.apply(entry)

    def _load(self, part: FedSnapshot) -> Iterator[Turn]:
        if part.number == 0:
            self._loader, self._parts = Loader(self._incarnation), 0
        if self._loader is None or part.number != self._parts:
            raise FeedError(f"Part {part.number} of a snapshot came out of order.")
        self._loader.feed(part.data)
        self._parts += 1
        yield Turn()
        if not part.final:
            return
        loader, self._loader = self._loader, None
        state = ClusterState.restored(loader)
        if state.index > self.state.index:
            replaced, self.state = Remains(self.state), state
            yield Turn(restored=True)
            while replaced:
                replaced.shrink()
                yield Turn()


class Gateway(Protocol):
    """The way to whoever decides."""

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`; it need not be applied here when this returns."""
        ...

    async def barrier(self) -> int:
        """An index that all that was decided before this call is at or below.

        Raises NotLeaderError or OutcomeUnknownError.
        """
        ...


class Follower(Replica):
    """A `Replica` without a vote. `begin`, `hear` and `take` are for whoever follows a source."""

    def __init__(self, incarnation: str, gateway: Gateway, clock: Clock, patience_s: float) -> None:
        """`patience_s` is how long a voter bears to hear nothing of its leader."""
        self._incarnation, self._gateway = incarnation, gateway
        self._clock, self._patience_s = clock, patience_s
        self._copy = Copy(incarnation)
        self._window = Window(0)
        self._failed = trio.Event()
        self._failure: CommandError | None = None

    # The replica as others see it.

    @property
    def state(self) -> ClusterState:
        return self._copy.state

    @property
    def applied_index(self) -> int:
        return self._copy.state.index

    @property
    def commit_index(self) -> int:
        return self._copy.commit

    @property
    def term(self) -> int:
        return self._copy.term

    @property
    def leader_id(self) -> str | None:
        """The node that leads in `term`; None too when that was said too long ago."""
        return self._copy.leader if self.age_s <= self._patience_s else None

    @property
    def voters(self) -> Voters:
        """Those whose majority decides, as of `applied_index`."""
        return self._copy.state.voters

    @property
    def lag(self) -> int:
        """Decided entries that are known of, and not applied here yet."""
        return self._copy.commit - self._copy.state.index

    @property
    def age_s(self) -> float:
        """Seconds since what a voter said last came here; infinite before it ever did."""
        return self._clock.now() - self._copy.heard

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`; waits for the feed as long as that takes."""
        if self._window.closed:
            raise ReplicaStoppedError("The replica has stopped; nothing was proposed.")
        proposed = await self._gateway.propose(session, seq, command)
        await self._window.more(proposed.index - 1)
        return proposed

    async def read_barrier(self) -> int:
        """See `Replica.read_barrier`; waits for the feed as long as that takes."""
        try:
            index = await self._gateway.barrier()
        except OutcomeUnknownError as error:
            raise NotLeaderError(self.leader_id) from error
        await self._window.more(index - 1)
        return index

    def feed(self, after_index: int) -> Feed:
        """See `Replica.feed`; after a start the window reaches back to where the first source was
        asked to begin."""
        return Feed(self._window, after_index)

    def snapshot(self) -> Iterator[bytes]:
        """See `Replica.snapshot`."""
        return self._copy.state.snapshot(self._incarnation)

    # What comes from a source.

    def begin(self) -> None:
        """See `Copy.begin`."""
        self._copy.begin()

    def hear(self, message: Fed | FedSnapshot) -> bool:
        """See `Copy.hear`."""
        return self._copy.hear(message, self._clock.now())

    async def take(self, message: Fed | FedSnapshot) -> None:
        """See `Copy.take`; raises ReplicaStoppedError when nothing can be followed any more."""
        try:
            for turn in self._copy.take(message):
                if turn.restored:
                    self._window.restart(self._copy.state.index)
                for applied in turn.applied:
                    self._window.add(applied)
                await trio.lowlevel.checkpoint()
        except CommandError as error:
            self._failure = error
            self._window.close()
            self._failed.set()
            raise ReplicaStoppedError(f"The feed cannot be followed: {error}") from error

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be there until cancelled; raises CommandError when a command was decided that this
        version does not know."""
        try:
            task_status.started()
            await self._failed.wait()
            assert self._failure is not None
            raise self._failure
        finally:
            self._window.close()
