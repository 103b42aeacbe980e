"""A snapshot on its way in numbered parts: what the leader sends next, what the follower takes.

Parts are acknowledged by the number of the next one wanted; what is not acknowledged in time is
sent again from there. The last part is acknowledged when the snapshot is installed.
"""

from dataclasses import dataclass

from ringrift.node.consensus.raft.timing import Timing
from ringrift.wire.raft import SnapshotChunk

WINDOW = 4
"""Most parts that may be unacknowledged at once."""


class Outgoing:
    """A transfer of `parts` parts to one follower; it has failed when nothing moves for long."""

    def __init__(self, index: int, parts: int, timing: Timing, now: float) -> None:
        self.index, self.parts = index, parts
        self._timing = timing
        self._acknowledged = self._sent = self._wanted = 0
        self._moved = self._sent_at = now

    @property
    def done(self) -> bool:
        return self._acknowledged == self.parts

    def failed(self, now: float) -> bool:
        """Whether the follower has been silent for longer than an installation may take."""
        return now - self._moved > 10 * self._timing.election

    def due(self, now: float) -> range:
        """The parts to send now; they count as sent."""
        if now >= self.next_retry():
            # A follower that lost what it had wants less than it once acknowledged.
            self._sent = self._acknowledged = self._wanted
        first, self._sent = self._sent, min(self.parts, self._acknowledged + WINDOW)
        if first < self._sent:
            self._sent_at = now
        return range(first, max(first, self._sent))

    def next_retry(self) -> float:
        """When `due` has something new even if nothing is acknowledged."""
        return self._sent_at + self._timing.retry

    def acknowledged(self, number: int, now: float) -> None:
        """The follower wants part `number` next."""
        if number > self.parts:
            return
        self._wanted = number
        if number > self._acknowledged:
            self._acknowledged = number
            self._sent = max(self._sent, number)
            self._moved = self._sent_at = now


@dataclass(frozen=True, slots=True)
class Taken:
    """What to do with a part: `first` begins a snapshot anew, `store` keeps it, `last` ends it.

    `acknowledge` is the next part wanted, or None: the last one waits for `installed`.
    """

    first: bool = False
    store: bool = False
    last: bool = False
    acknowledge: int | None = None


class Incoming:
    """The snapshot that this follower is receiving, if any."""

    def __init__(self) -> None:
        self._from: tuple[str, int, int] | None = None
        self._wanted = 0
        self._installing = False
        self._installed: tuple[str, int, int] | None = None

    def busy(self, decided: int) -> bool:
        """Whether a snapshot is being installed, or coming in and ahead of what is decided here.

        One that is not was overtaken by appends, and its leader need not ever finish it.
        """
        return self._installing or (self._from is not None and self._from[2] > decided)

    def take(self, sender: str, chunk: SnapshotChunk) -> Taken:
        """Judge a part that came from the leader of its term."""
        transfer = (sender, chunk.term, chunk.index)
        if transfer == self._installed:
            return Taken(acknowledge=self._wanted)
        if self._installing:
            return Taken()
        first = transfer != self._from
        if first:
            if chunk.number != 0:
                return Taken(acknowledge=0)
            self._from, self._wanted = transfer, 0
        if chunk.number != self._wanted:
            return Taken(acknowledge=self._wanted)
        self._wanted += 1
        self._installing = chunk.final
        acknowledge = None if chunk.final else self._wanted
        return Taken(first, store=True, last=chunk.final, acknowledge=acknowledge)

    def installed(self) -> int:
        """The last part's snapshot is in use, or is not needed; returns what to acknowledge."""
        self._installed, self._from, self._installing = self._from, None, False
        return self._wanted

    def failed(self) -> None:
        """What came is damaged: it is wanted from the beginning again."""
        self._from, self._installing = None, False
