"""The durable log: append-only segments behind a `Disk`, checked whole before a node trusts it.

`Log.recover` reads every record. A bad end of the newest segment that nothing shows to have been
synced is the tear of a crash: it was never acknowledged and is cut. Anything else that is wrong is
corruption, and the node must not go on: `LogCorruptError`. What was synced is known from later
records (see `record.py`) and from `sealed`, an index that the vote file remembers.

Callers append a batch, then `sync`. A `DiskFullError` of `append` leaves all as it was; any other
error of any method leaves the log unusable, end the process.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ringrift.node.consensus.record import (
    FORMAT,
    HEADER_BYTES,
    Record,
    SegmentHeader,
    newest_synced,
    pack_header,
    pack_record,
    read_header,
    read_record,
)
from ringrift.node.runtime.disk import Disk, DiskFullError
from ringrift.wire.log import Entry

SUFFIX = ".log"
REMEDY = "restore the directory from a copy or found a new one"
SEGMENT_BYTES = 4 * 1024 * 1024


class LogCorruptError(Exception):
    """Durable state that cannot be trusted; one sentence that says where and what to do."""


@dataclass(slots=True)
class _Segment:
    """A sound segment: its entries are `first_index` to `last_index`, in `size` bytes."""

    name: str
    first_index: int
    size: int
    last_index: int


@dataclass(slots=True)
class Log:
    """Entries `first_index` … `last_index`; empty when first = last + 1."""

    disk: Disk
    incarnation: bytes
    segment_bytes: int = SEGMENT_BYTES
    last_index: int = 0
    synced_index: int = 0
    torn: bool = False
    """Whether recovery cut something that a crash had left unfinished."""
    _checksum: int = 0
    _segments: list[_Segment] = field(default_factory=list[_Segment])
    _terms: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    """Where each term begins, as (index, term); the first pair may be before `first_index`."""

    @property
    def first_index(self) -> int:
        return self._segments[0].first_index if self._segments else self.last_index + 1

    @property
    def last_term(self) -> int:
        return self._terms[-1][1]

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`; 0 for index 0, and for an entry that is not known."""
        place = bisect_right(self._terms, (index + 1,)) - 1
        return self._terms[place][1] if place >= 0 and index <= self.last_index else 0

    @staticmethod
    def recover(
        disk: Disk,
        incarnation: bytes,
        *,
        sealed: int,
        cut_after: int | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> "Log":
        """Read the log of a directory, cutting the tear of a crash; what remains is durable.

        A crash may have come while everything above `cut_after` was being cut: damage there is its.

        Raises LogCorruptError, with nothing changed, when anything else is wrong, when the log is
        of another incarnation, or when it ends before `sealed`.
        """
        log = Log(disk, incarnation, segment_bytes)
        names = [name for name in disk.names() if name.endswith(SUFFIX)]
        torn = [log._scan(name, name == names[-1], cut_after) for name in names]
        if log.last_index < sealed:
            raise LogCorruptError(
                f"The log ends at entry {log.last_index}, but entry {sealed} was acknowledged; "
                f"{REMEDY}."
            )
        if torn and torn[-1]:
            log._cut(names[-1])
            log.torn = True
        if log._segments:
            # What a killed process left in the page cache was read, but may not be durable yet.
            disk.fsync(log._segments[-1].name)
            disk.fsync_dir()
        log.synced_index = log.last_index
        return log

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries after the last; not durable, and not to be acknowledged, before `sync`.

        Raises DiskFullError, with nothing changed, when there is no room for all of them.
        """
        written: list[bytes] = []
        checksum, index, term = self._checksum, self.last_index, self.last_term
        begun: list[tuple[int, int]] = []
        for entry in entries:
            assert entry.index == index + 1, (entry.index, index)
            assert entry.term >= term, (entry.term, term)
            data, checksum = pack_record(entry, self.synced_index, checksum)
            written.append(data)
            if entry.term > term:
                begun.append((entry.index, entry.term))
            index, term = entry.index, entry.term
        if not written:
            return
        segment = self._segment_for_more()
        data = b"".join(written)
        try:
            self.disk.append(segment.name, data)
        except DiskFullError:
            self.disk.truncate(segment.name, segment.size)
            raise
        segment.size += len(data)
        segment.last_index = self.last_index = index
        self._checksum = checksum
        self._terms += begun

    def sync(self) -> None:
        """Make all that was appended durable."""
        if self._segments:
            self.disk.fsync(self._segments[-1].name)
            self.synced_index = self.last_index

    def entries(self, after_index: int) -> Iterator[Entry]:
        """The entries after `after_index`, read from disk one segment at a time."""
        for segment in list(self._segments):
            if segment.last_index <= after_index:
                continue
            data = self.disk.read(segment.name, 0, segment.size)
            offset = HEADER_BYTES
            while offset < segment.size:
                record = self._read(segment, data, offset)
                offset = record.end
                if record.entry.index > after_index:
                    yield record.entry

    def compact(self, through_index: int) -> None:
        """Forget whole segments, never the newest, whose entries are all at or below an index."""
        while len(self._segments) > 1 and self._segments[0].last_index <= through_index:
            self._remove(self._segments.pop(0))
        while len(self._terms) > 1 and self._terms[1][0] < self.first_index:
            self._terms.pop(0)

    def truncate(self, after_index: int) -> None:
        """Forget all entries above an index, durably; a crash leaves a longer beginning.

        When entries that are durable go, the vote file must say so first: see `recover`.
        """
        assert self.first_index - 1 <= after_index <= self.last_index, after_index
        if after_index == self.last_index:
            return
        while self._segments and self._segments[-1].first_index > after_index:
            self._remove(self._segments.pop())
        self._checksum = 0
        if self._segments:
            self._cut_segment(self._segments[-1], after_index)
        self.last_index = self.synced_index = after_index
        while self._terms[-1][0] > after_index:
            self._terms.pop()

    def restart(self, index: int, term: int) -> None:
        """Forget everything, durably; the next entry follows a snapshot of (`index`, `term`)."""
        while self._segments:
            self._remove(self._segments.pop())
        self.last_index = self.synced_index = index
        self._terms = [(index, term)]
        self._checksum = 0

    def begin_after(self, index: int, term: int) -> None:
        """Learn the term of the entry before the first, which nothing in the log tells."""
        assert index == self.first_index - 1, (index, self.first_index)
        if len(self._terms) > 1 and self._terms[1][1] < term:
            raise LogCorruptError(
                f"Entry {index + 1} of the log is of term {self._terms[1][1]}, but the snapshot "
                f"before it of term {term}; {REMEDY}."
            )
        self._terms[0] = (index, term)

    def _segment_for_more(self) -> _Segment:
        """The newest segment, or a new one: only when all before it is durable may it begin."""
        if not self._segments:
            return self._begin(self.last_index + 1)
        newest = self._segments[-1]
        if newest.size >= self.segment_bytes and self.synced_index == self.last_index:
            return self._begin(self.last_index + 1)
        return newest

    def _begin(self, first_index: int) -> _Segment:
        # The header is durable before any record follows it, so a torn header has no records.
        name = f"{first_index:020d}{SUFFIX}"
        header = pack_header(SegmentHeader(self.incarnation, first_index, self._checksum))
        try:
            self.disk.append(name, header)
        except DiskFullError:
            if name in self.disk.names():
                self.disk.remove(name)
                self.disk.fsync_dir()
            raise
        self.disk.fsync(name)
        self.disk.fsync_dir()
        segment = _Segment(name, first_index, len(header), first_index - 1)
        self._segments.append(segment)
        return segment

    def _remove(self, segment: _Segment) -> None:
        # One by one, so that a crash leaves no gap between those that remain.
        self.disk.remove(segment.name)
        self.disk.fsync_dir()

    def _cut_segment(self, segment: _Segment, after_index: int) -> None:
        """Cut what follows entry `after_index` of the segment, and go on from its checksum."""
        data = self.disk.read(segment.name, 0, segment.size)
        size, index = HEADER_BYTES, segment.first_index - 1
        while index < after_index:
            record = self._read(segment, data, size)
            size, index, self._checksum = record.end, record.entry.index, record.checksum
        if size < segment.size:
            self.disk.truncate(segment.name, size)
            self.disk.fsync(segment.name)
            segment.size, segment.last_index = size, after_index

    def _read(self, segment: _Segment, data: bytes, offset: int) -> Record:
        record = read_record(data, offset)
        if record is None:
            raise LogCorruptError(
                f"{segment.name} changed under the node at byte {offset}; {REMEDY}."
            )
        return record

    def _scan(self, name: str, newest: bool, cut_after: int | None) -> bool:
        """Take a segment's records; whether it ends in what a crash left unfinished."""
        data = self.disk.read(name)
        header = read_header(data)
        if header is None:
            if newest and len(data) <= HEADER_BYTES:
                return True
            raise LogCorruptError(f"The header of {name} is damaged; {REMEDY}.")
        self._link(name, header)
        segment = _Segment(name, header.first_index, HEADER_BYTES, self.last_index)
        self._segments.append(segment)
        while segment.size < len(data):
            record = read_record(data, segment.size)
            if record is None or not self._follows(record):
                lost = self.last_index + 1
                forgotten = cut_after is not None and lost > cut_after
                if not newest or (newest_synced(data, segment.size) >= lost and not forgotten):
                    raise LogCorruptError(
                        f"Entry {lost} at byte {segment.size} of {name} is damaged and was "
                        f"acknowledged; {REMEDY}."
                    )
                return True
            self.last_index, self._checksum = record.entry.index, record.checksum
            if record.entry.term > self.last_term:
                self._terms.append((self.last_index, record.entry.term))
            segment.size, segment.last_index = record.end, self.last_index
        return False

    def _link(self, name: str, header: SegmentHeader) -> None:
        """Check that a segment continues the log as far as it was read."""
        if header.version != FORMAT:
            raise LogCorruptError(
                f"{name} has format {header.version}, this version reads {FORMAT}; "
                "run the version that wrote it."
            )
        if header.incarnation != self.incarnation:
            raise LogCorruptError(
                f"{name} is of cluster {header.incarnation.hex()}, not of this one; {REMEDY}."
            )
        if name != f"{header.first_index:020d}{SUFFIX}":
            raise LogCorruptError(f"{name} begins with entry {header.first_index}; {REMEDY}.")
        if not self._segments:
            self.last_index = header.first_index - 1
            self._terms = [(self.last_index, 0)]
        elif (header.first_index, header.previous) != (self.last_index + 1, self._checksum):
            raise LogCorruptError(f"{name} does not follow entry {self.last_index}; {REMEDY}.")
        self._checksum = header.previous

    def _follows(self, record: Record) -> bool:
        return (
            record.entry.index == self.last_index + 1
            and record.previous == self._checksum
            and record.entry.term >= self.last_term
        )

    def _cut(self, name: str) -> None:
        sound = self._segments[-1] if self._segments else None
        if sound is not None and sound.name == name:
            self.disk.truncate(name, sound.size)
            self.disk.fsync(name)
        else:
            self.disk.remove(name)
            self.disk.fsync_dir()
