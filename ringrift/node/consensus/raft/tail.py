"""The log as Raft sees it: the entries still in memory, what is decided, and who the voters are.

Entries up to `origin` are forgotten: a snapshot holds them. The newest entry that names voters
counts from the moment it is here, decided or not; when it is truncated, the one before counts
again.
"""

from collections.abc import Sequence

from ringrift.node.consensus.raft.ready import Origin
from ringrift.wire.log import Entry, Voters
from ringrift.wire.raft import MAX_APPEND_BYTES, MAX_APPEND_ENTRIES


class Tail:
    """Entries `first_index` … `last_index`; `commit` of them are decided, `applied` handed out."""

    def __init__(self, origin: Origin, entries: Sequence[Entry] = ()) -> None:
        self.origin = origin
        self.commit = self.applied = origin.index
        self._entries: list[Entry] = []
        self._named: list[tuple[int, Voters]] = []
        self.append(entries)

    @property
    def first_index(self) -> int:
        return self.origin.index + 1

    @property
    def last_index(self) -> int:
        return self.origin.index + len(self._entries)

    @property
    def last_term(self) -> int:
        return self._entries[-1].term if self._entries else self.origin.term

    @property
    def last_at_ms(self) -> int:
        """The wall clock of the newest entry in memory, 0 when there is none."""
        return self._entries[-1].at_ms if self._entries else 0

    @property
    def voters(self) -> Voters:
        """Those whose majority decides now; empty when none were ever named here."""
        return self._named[-1][1] if self._named else self.origin.voters

    @property
    def voters_index(self) -> int:
        """The entry that named them, or that of the origin."""
        return self._named[-1][0] if self._named else self.origin.index

    def may_lead(self, node: str) -> bool:
        """Whether a node is a voter, or was one before a change that is not known to be decided.

        A log with its owner's removal may be newer than all others (thesis, 4.2.2): unless the
        owner leads once more, without a vote of its own, nobody can.
        """
        if node in self.voters or self.voters_index <= self.commit:
            return node in self.voters
        before = self._named[-2][1] if len(self._named) > 1 else self.origin.voters
        return node in before

    def term_at(self, index: int) -> int | None:
        """The term of an entry; None when it is forgotten or still to come."""
        if index == self.origin.index:
            return self.origin.term
        place = index - self.first_index
        return self._entries[place].term if 0 <= place < len(self._entries) else None

    def between(self, after: int, through: int) -> tuple[Entry, ...]:
        """The entries after one index up to another, both within the log."""
        start = self.first_index
        return tuple(self._entries[after + 1 - start : through + 1 - start])

    def batch(self, after: int) -> tuple[Entry, ...]:
        """As many entries after an index as fit into one append."""
        size = 0
        start = after + 1 - self.first_index
        for place in range(start, min(len(self._entries), start + MAX_APPEND_ENTRIES)):
            size += len(self._entries[place].command)
            if size >= MAX_APPEND_BYTES:
                return tuple(self._entries[start : place + 1])
        return tuple(self._entries[start : start + MAX_APPEND_ENTRIES])

    def agreement(self, index: int, term: int) -> tuple[int, int]:
        """The newest (index, term) here, at or below `index`, whose term is at most `term`.

        A log that differs from ours at `index`, of `term` there, cannot agree with it above this.
        """
        index = max(min(index, self.last_index), self.origin.index)
        while index > self.origin.index:
            here = self.term_at(index)
            assert here is not None
            if here <= term:
                return index, here
            index -= 1
        return self.origin.index, self.origin.term

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries after the last."""
        for entry in entries:
            assert entry.index == self.last_index + 1, (entry.index, self.last_index)
            assert entry.term >= self.last_term, (entry.term, self.last_term)
            self._entries.append(entry)
            if entry.voters is not None:
                self._named.append((entry.index, entry.voters))

    def truncate(self, after: int) -> None:
        """Forget the entries after an index, none of which is decided."""
        assert after >= self.commit, (after, self.commit)
        del self._entries[after + 1 - self.first_index :]
        while self._named and self._named[-1][0] > after:
            self._named.pop()

    def compact(self, through: int) -> None:
        """Forget handed-out entries up to an index, which a snapshot holds."""
        assert through <= self.applied, (through, self.applied)
        term = self.term_at(through)
        if term is None or through == self.origin.index:
            return
        voters = self.origin.voters
        while self._named and self._named[0][0] <= through:
            voters = self._named.pop(0)[1]
        del self._entries[: through + 1 - self.first_index]
        self.origin = Origin(through, term, voters)

    def restart(self, origin: Origin) -> None:
        """Forget everything; the log begins after a snapshot."""
        assert origin.index > self.commit, (origin, self.commit)
        self.origin = origin
        self.commit = self.applied = origin.index
        self._entries.clear()
        self._named.clear()

    def commit_to(self, index: int) -> bool:
        """Note that entries up to an index are decided; whether that is news."""
        if index <= self.commit:
            return False
        assert index <= self.last_index, (index, self.last_index)
        self.commit = index
        return True
