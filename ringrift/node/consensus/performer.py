"""Performs chores on the disk: all that wait are written in order, then made durable by one sync.

Everything here blocks. A full disk stops the writes where they are; `write` goes on there when it
is called again, and until then nothing is told to be done.
"""

from collections import deque
from collections.abc import Sequence

from ringrift.node.cluster.snapshot import SnapshotError
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
from ringrift.node.consensus.snapshots import Draft
from ringrift.node.consensus.storage import Storage
from ringrift.node.runtime.disk import DiskFullError


class Performer:
    """One member's disk at work."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._left: deque[Chore] = deque()
        self._done: list[Outcome] = []
        self._draft: Draft | None = None

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
            case Store():
                return self._store(chore)
            case Fetch():
                return self._fetch(chore)
            case Compact(kept=kept):
                self._storage.compact(kept)
        return chore

    def _store(self, part: Store) -> Outcome:
        """A snapshot can wait, and another can be taken, so one without room is given up."""
        if part.number == 0:
            self._draft = self._storage.draft(part.index)
        if self._draft is None:
            return Full(part)
        try:
            self._draft.add(part.data)
            if part.final:
                self._draft.commit()
        except DiskFullError:
            self._draft.drop()
            self._draft = None
            return Full(part)
        return part

    def _fetch(self, fetch: Fetch) -> Fetched:
        try:
            return Fetched(fetch, self._storage.chunk(fetch.index, fetch.number)[0])
        except SnapshotError:
            return Fetched(fetch, None)
