"""The feed: the newest applied entries in one bounded window, read by any number of cursors.

A reader holds nothing but its place, so a slow one costs nothing and holds up nobody; once its
place has left the window it is told so. The window is bounded by entries and by bytes.
"""

from collections import deque
from collections.abc import AsyncIterator

import trio

from ringrift.node.cluster.results import Applied
from ringrift.node.consensus.replica import FeedBehindError, ReplicaStoppedError

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

    async def after(self, index: int) -> Applied:
        """The entry after `index`, waiting for it when it is still to come."""
        await trio.lowlevel.checkpoint()
        while index >= self.newest and not self._closed:
            await self._waiting.park()
        if index >= self.newest:
            raise ReplicaStoppedError("The replica has stopped; the feed ends.")
        if index < self.oldest:
            raise FeedBehindError(index, self.oldest)
        return self._applied[index - self.oldest]


class Feed(AsyncIterator[Applied]):
    """A cursor: every applied entry after an index, in order."""

    def __init__(self, window: Window, after_index: int) -> None:
        self._window = window
        self._index = after_index

    async def __anext__(self) -> Applied:
        applied = await self._window.after(self._index)
        self._index = applied.index
        return applied
