"""The feed: the newest applied entries in one bounded window, read by any number of cursors.

A reader holds nothing but its place, so a slow one costs nothing and holds up nobody; once its
place has left the window it is told so. The window is bounded by entries and by bytes.
"""

from collections import deque
from typing import Self

import trio

from ringrift.node.cluster.results import Applied
from ringrift.node.consensus.replica import Cursor, FeedBehindError, ReplicaStoppedError

WINDOW_ENTRIES = 4_096
WINDOW_BYTES = 8 * 1024 * 1024


class Window:
    """The entries after `oldest`, as far as they have been applied."""

    def __init__(self, after_index: int) -> None:
        self._applied: deque[Applied] = deque()
        self._bytes = 0
        self._waiting = trio.lowlevel.ParkingLot()
        self._closed = False
        self.newest = after_index

    @property
    def oldest(self) -> int:
        """The smallest index that a feed can start after."""
        return self.newest - len(self._applied)

    def add(self, applied: Applied) -> None:
        """Let every feed have the next entry, forgetting old ones that no longer fit."""
        assert applied.index == self.newest + 1
        self._applied.append(applied)
        self._bytes += len(applied.entry.command)
        self.newest = applied.index
        while len(self._applied) > WINDOW_ENTRIES or self._bytes > WINDOW_BYTES:
            self._bytes -= len(self._applied.popleft().entry.command)
        self._waiting.unpark_all()

    def restart(self, index: int) -> None:
        """Begin anew after a snapshot; readers from before it are behind."""
        self._applied.clear()
        self._bytes = 0
        self.newest = index
        self._waiting.unpark_all()

    def close(self) -> None:
        """End every feed, once it has had what there is."""
        self._closed = True
        self._waiting.unpark_all()

    @property
    def closed(self) -> bool:
        """Whether nothing is to come any more."""
        return self._closed

    async def more(self, index: int) -> None:
        """Wait until there is an entry after `index`; raises ReplicaStoppedError when there never
        will be one."""
        while index >= self.newest:
            self._refuse_if_closed()
            await self._waiting.park()

    def take(self, index: int, entries: int, size: int) -> list[Applied]:
        """What is at hand after `index`: at most `entries`, the last of which is the one with
        which their commands reach `size` bytes."""
        if index >= self.newest:
            self._refuse_if_closed()
            return []
        first = index - self.oldest
        if first < 0:
            raise FeedBehindError(index, self.oldest)
        taken: list[Applied] = []
        for place in range(first, min(first + entries, len(self._applied))):
            applied = self._applied[place]
            taken.append(applied)
            size -= len(applied.entry.command)
            if size <= 0:
                break
        return taken

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ReplicaStoppedError("The replica has stopped; the feed ends.")


class Feed(Cursor):
    """A cursor: every applied entry after an index, in order."""

    def __init__(self, window: Window, after_index: int) -> None:
        self._window = window
        self._index = after_index

    @property
    def index(self) -> int:
        return self._index

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Applied:
        await trio.lowlevel.checkpoint()
        await self._window.more(self._index)
        return self.take(1, 1)[0]

    async def more(self) -> None:
        await self._window.more(self._index)

    def take(self, entries: int, size: int) -> list[Applied]:
        taken = self._window.take(self._index, entries, size)
        self._index += len(taken)
        return taken
