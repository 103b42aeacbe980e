"""A replica that stands where a test puts it, to feed others from."""

from collections.abc import Iterable, Iterator

from cluster_support import INCARNATION

from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.feed import Feed, Window
from ringrift.node.consensus.replica import Proposed, Replica
from ringrift.wire.log import Entry


class Source(Replica):
    """Has applied the first so many of some entries; `forget` leaves the window without them."""

    def __init__(self, entries: Iterable[Entry], upto: int = 0, leader: str | None = "a") -> None:
        self.entries = list(entries)
        self.window = Window(0)
        self.leader = leader
        self.ahead = 0
        self._state = ClusterState()
        self._term = 0
        self.advance(upto)

    def advance(self, upto: int) -> None:
        for entry in self.entries[self._state.index : upto]:
            self.window.add(self._state.apply(entry))

    def forget(self) -> None:
        self.window.restart(self._state.index)

    def campaign(self, term: int, leader: str | None) -> None:
        self._term, self.leader = term, leader

    @property
    def state(self) -> ClusterState:
        return self._state

    @property
    def applied_index(self) -> int:
        return self._state.index

    @property
    def commit_index(self) -> int:
        return self._state.index + self.ahead

    @property
    def term(self) -> int:
        return max(self._term, self._state.term)

    @property
    def leader_id(self) -> str | None:
        return self.leader

    def feed(self, after_index: int) -> Feed:
        return Feed(self.window, after_index)

    def snapshot(self) -> Iterator[bytes]:
        return self._state.snapshot(INCARNATION)

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        raise NotImplementedError

    async def read_barrier(self) -> int:
        raise NotImplementedError
