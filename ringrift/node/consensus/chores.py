"""What a voter asks of its disk, in order, and what it is told when that is done.

A driver takes all chores that wait, has them performed in a worker thread (one `fsync` for all
writes among them), and hands every outcome back.
"""

from dataclasses import dataclass

from ringrift.node.consensus.raft.ready import Ready


@dataclass(frozen=True, slots=True)
class Write:
    """Make the writes of a `Ready` durable."""

    ready: Ready


@dataclass(frozen=True, slots=True)
class Store:
    """Keep part `number` of a snapshot that ends at entry `index`; the `final` one makes it whole.

    `received` tells a leader's snapshot from our own.
    """

    index: int
    number: int
    data: bytes
    final: bool
    received: bool


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read part `number` of a stored snapshot, for a follower."""

    index: int
    number: int
    peer: str


@dataclass(frozen=True, slots=True)
class Compact:
    """Forget the log up to `through`, as far as the stored snapshots allow."""

    through: int


Chore = Write | Store | Fetch | Compact


@dataclass(frozen=True, slots=True)
class Fetched:
    """A part that was read; None when that snapshot is no longer kept."""

    fetch: Fetch
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Full:
    """A part of a snapshot found no room on the disk; what there is of it is gone."""

    store: Store


Outcome = Write | Store | Compact | Fetched | Full
"""A chore stands for itself when it is done."""
