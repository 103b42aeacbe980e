"""The interface of a replica: what every other part of a node may ask of consensus.

`voter.Voter` implements it for those who decide; a follower of the feed does, too, by passing
proposals on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.results import Applied, Result
from ringrift.node.cluster.state import ClusterState


@dataclass(frozen=True, slots=True)
class Proposed:
    """The index at which the command (first) took effect, and its result."""

    index: int
    result: Result


class ReplicaError(Exception):
    """Why a replica could not answer; one sentence."""


class NotLeaderError(ReplicaError):
    """This replica cannot decide now; `leader_id` may, if known."""

    def __init__(self, leader_id: str | None) -> None:
        super().__init__(f"This node does not lead; the leader is {leader_id or 'not known'}.")
        self.leader_id = leader_id


class OutcomeUnknownError(ReplicaError):
    """Leadership was lost before the answer: whether the command was or will be decided is open.

    Proposing it again with the same (session, seq) is safe: it runs once at most.
    """

    def __init__(self) -> None:
        super().__init__("The leader changed before it answered; whether it was done is not known.")


class ReplicaStoppedError(ReplicaError):
    """The replica ended before it answered: whether the command was decided is not known.

    Proposing it again with the same (session, seq) is safe: it runs once at most.
    """


class FeedBehindError(ReplicaError):
    """The entries after `after_index` are no longer at hand; start from a snapshot.

    `oldest` is the smallest `after_index` that a feed can start from now.
    """

    def __init__(self, after_index: int, oldest: int) -> None:
        super().__init__(f"The feed starts after {oldest}; entry {after_index + 1} is gone.")
        self.oldest = oldest


class Proposes(Protocol):
    """Whatever commands can be given to."""

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """Have a command decided; returns once it is durable on a quorum and applied here.

        `session` 0 and `seq` 0 are for `OpenSession` only. At most 64 sequence numbers of a session
        may be outstanding. Waits while the proposal queue is full (back-pressure). A refusal is a
        result. Raises CommandError or NotLeaderError (nothing proposed), OutcomeUnknownError or
        ReplicaStoppedError (as they say). Cancelling leaves the outcome unknown as well.
        """
        ...


class Cursor(Protocol):
    """A place in the feed of a replica; iterating moves it on, as `take` does."""

    @property
    def index(self) -> int:
        """The entry that was taken last."""
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Applied: ...

    async def more(self) -> None:
        """Wait until there is something to take, or raise ReplicaStoppedError; the place stays."""
        ...

    def take(self, entries: int, size: int) -> Sequence[Applied]:
        """What is at hand now, possibly nothing: at most `entries`, closed by the one with which
        their commands reach `size` bytes. Raises what iterating does."""
        ...


class Replica(Proposes, Protocol):
    """A copy of the cluster state that can be read, waited on and, through the quorum, changed."""

    @property
    def state(self) -> ClusterState:
        """The state as of `applied_index`. Read-only by convention; rows are frozen.

        Take what is needed without awaiting in between, or the state may move on. A `restore`
        replaces the object: do not keep it.
        """
        ...

    @property
    def applied_index(self) -> int:
        """Index of the last entry applied here."""
        ...

    @property
    def commit_index(self) -> int:
        """Index of the last entry known to be decided; never below `applied_index`."""
        ...

    @property
    def term(self) -> int:
        """The leadership epoch this replica is in."""
        ...

    @property
    def leader_id(self) -> str | None:
        """The node that leads in `term`, None while none is known."""
        ...

    async def read_barrier(self) -> int:
        """Wait until all that was decided before this call is applied here; returns its index.

        Whoever reads `state` afterwards reads linearizably. Raises NotLeaderError or
        ReplicaStoppedError.
        """
        ...

    async def foreseen(self) -> ClusterState:
        """The state if all that a log here holds were decided: a guess, for what does no harm.

        Before it hears of a leader a voter knows of nothing newer than its snapshot that it is.
        """
        return self.state

    def feed(self, after_index: int) -> Cursor:
        """Every applied entry after `after_index`, in order, for ever.

        A feed is a cursor into a bounded window that all feeds share: a slow reader holds up nobody
        and gets FeedBehindError (from the iterator) when it falls out of the window, upon which it
        takes a snapshot. After a start the window reaches back to the newest snapshot on disk. Ends
        with ReplicaStoppedError.
        """
        ...

    def snapshot(self) -> Iterator[bytes]:
        """The state as of now in chunks of at most 256 KiB, each with its checksum.

        The picture is taken at the call; chunks are encoded one by one as they are asked for, so
        that the caller can pass a checkpoint between them while entries go on being applied.
        """
        ...
