"""Performs chores on the disk: all that wait are written in order, then made durable by one sync.

Everything here blocks. A full disk stops the writes where they are; `write` goes on there when it
is called again, and until then nothing is told to be done.
"""

from collections import deque
from collections.abc import Sequence

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
from ringrift.node.consensus.storage import Storage


class Performer:
    """One member's disk at work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._left: deque[Chore] = deque()
        self._done: list[Outcome] = []

    def write(self, chores: Sequence[Chore] = ()) -> None:
        """Do these chores after those that are left; raises DiskFullError, see above."""
        self._left.extend(chores)
        while self._left:
            self._done.append(self._do(self._left[0]))
            self._left.popleft()

    def sync(self) -> list[Outcome]:
        """Make durable what was written; returns what is done since the last sync, in order."""
        if any(isinstance(outcome, Write) for outcome in self._done):
            self._storage.sync()
        done, self._done = self._done, []
        return done

    def _do(self, chore: Chore) -> Outcome:
        match chore:
            case Write(ready=ready):
                self._storage.write(ready)
            case Store(index=index, number=number, data=data, final=final):
                if not self._storage.store(index, number, data, final=final):
                    return Full(chore)
            case Fetch(index=index, number=number):
                return Fetched(chore, self._storage.chunk(index, number))
            case Compact(through=through):
                self._storage.compact(through)
        return chore
