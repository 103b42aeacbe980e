"""What a Raft machine wants done, in which order: the whole of its output."""

from dataclasses import dataclass

from ringrift.wire.log import Entry, Voters
from ringrift.wire.raft import RaftMessage, SnapshotAck, SnapshotChunk


@dataclass(frozen=True, slots=True)
class HardState:
    """What must be durable before anybody hears of it: the term, and the vote given in it."""

    term: int = 0
    voted_for: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a log begins: the entry just before its first, and the voters as of then."""

    index: int = 0
    term: int = 0
    voters: Voters = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message and the node it is for."""

    to: str
    message: RaftMessage


@dataclass(frozen=True, slots=True)
class Read:
    """Everything decided before the read `token` was asked for is at or below `index`.

    `index` is None when leadership was lost before that could be shown: ask the new leader.
    """

    token: int
    index: int | None


@dataclass(frozen=True, slots=True)
class Ready:
    """One batch of work for the driver, in this order; several may be under way at once.

    Write, one batch after the other, and then sync: `hard_state`; `restart` (forget the log, it
    begins after a snapshot that is durable already); `truncate_after` (forget what follows); then
    append `entries`. When all of it is durable, call `Raft.synced(number)` and only then send
    `send_durable`. `send` may leave at once. `apply` holds decided entries that are durable here,
    in order, each exactly once. `reads` are answered once entries up to their index are applied.
    `snapshots_to` are followers that need the newest snapshot; `transfers` are messages of a
    transfer that are valid now, for `transfer.Outgoing` and `transfer.Incoming`.
    """

    number: int
    hard_state: HardState | None = None
    restart: Origin | None = None
    truncate_after: int | None = None
    entries: tuple[Entry, ...] = ()
    send: tuple[Envelope, ...] = ()
    send_durable: tuple[Envelope, ...] = ()
    apply: tuple[Entry, ...] = ()
    reads: tuple[Read, ...] = ()
    snapshots_to: tuple[str, ...] = ()
    transfers: tuple[tuple[str, SnapshotChunk | SnapshotAck], ...] = ()

    @property
    def writes(self) -> bool:
        """Whether there is anything to make durable."""
        return bool(
            self.hard_state or self.restart or self.truncate_after is not None or self.entries
        )
