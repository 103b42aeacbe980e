"""How far one follower is, as its leader knows.

probe      one append at a time, until it is known where the logs agree
replicate  appends are sent ahead of their answers, a bounded number
snapshot   what it needs is forgotten here; a snapshot is on its way
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

MAX_IN_FLIGHT = 8
"""Most appends with entries that may be unanswered at once."""


@dataclass(slots=True)
class Progress:
    """Follower's log equals ours up to `match`, durably; `next` is the entry to send next.

    `heard` is when it last answered, `round` the newest broadcast that it answered.
    """

    next: int
    heard: float
    match: int = 0
    round: int = 0
    state: Literal["probe", "replicate", "snapshot"] = "probe"
    waiting: bool = False
    in_flight: deque[int] = field(default_factory=deque[int])

    @property
    def may_send(self) -> bool:
        """Whether another append with entries may leave now."""
        if self.state == "replicate":
            return len(self.in_flight) < MAX_IN_FLIGHT
        return self.state == "probe" and not self.waiting

    def sent(self, last_index: int) -> None:
        """An append with entries up to `last_index` has left."""
        if self.state == "replicate":
            self.next = last_index + 1
            self.in_flight.append(last_index)
        else:
            self.waiting = True

    def accepted(self, prev_index: int, index: int) -> None:
        """It agrees at `prev_index`, and is durable up to `index`."""
        if self.state == "probe" and prev_index == self.next - 1:
            self.state, self.waiting = "replicate", False
        self.match = max(self.match, index)
        self.next = max(self.next, self.match + 1)
        while self.in_flight and self.in_flight[0] <= index:
            self.in_flight.popleft()

    def refused(self, prev_index: int, agreement: int) -> bool:
        """It disagrees at `prev_index`, and agrees at `agreement` at the most; whether it is news.

        Answers may come late or twice: what was matched stays so.
        """
        if self.state == "snapshot" or prev_index <= self.match:
            return False
        if self.state == "probe" and prev_index != self.next - 1:
            return False
        self.probe(max(self.match, min(agreement, prev_index - 1)) + 1)
        return True

    def probe(self, next_index: int) -> None:
        self.state, self.waiting, self.next = "probe", False, next_index
        self.in_flight.clear()

    def await_snapshot(self) -> None:
        self.state, self.waiting = "snapshot", False
        self.in_flight.clear()
