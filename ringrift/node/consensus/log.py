"""The durable log: append-only segments behind a `Disk`, checked whole before a node trusts it.

`Log.recover` reads every record. A bad end of the newest segment that nothing shows to have been
synced is the tear of a crash: it was never acknowledged and is cut. Anything else that is wrong is
corruption, and the node must not go on: `LogCorruptError`. What was synced is known from later
records (see `record.py`) and from `sealed`, the index that the vote file remembers from the last
clean end.

Callers append a batch, then `sync`; an error of either leaves the log unusable, end the process.
"""

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
from ringrift.node.runtime.disk import Disk
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
    last_term: int = 0
    synced_index: int = 0
    _checksum: int = 0
    _segments: list[_Segment] = field(default_factory=list)

    @property
    def first_index(self) -> int:
        return self._segments[0].first_index if self._segments else self.last_index + 1

    @staticmethod
    def recover(
        disk: Disk, incarnation: bytes, *, sealed: int, segment_bytes: int = SEGMENT_BYTES
    ) -> "Log":
        """Read the log of a directory, cutting the tear of a crash; what remains is durable.

        Raises LogCorruptError, with nothing changed, when anything else is wrong, when the log is
        of another incarnation, or when it ends before `sealed`.
        """
        log = Log(disk, incarnation, segment_bytes)
        names = [name for name in disk.names() if name.endswith(SUFFIX)]
        torn = [log._scan(name, newest=name == names[-1]) for name in names]
        if log.last_index < sealed:
            raise LogCorruptError(
                f"The log ends at entry {log.last_index}, but entry {sealed} was acknowledged; "
                f"{REMEDY}."
            )
        if torn and torn[-1]:
            log._cut(names[-1])
        if log._segments:
            # What a killed process left in the page cache was read, but may not be durable yet.
            disk.fsync(log._segments[-1].name)
            disk.fsync_dir()
        log.synced_index = log.last_index
        return log

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries after the last; not durable, and not to be acknowledged, before `sync`."""
        written: list[bytes] = []
        for entry in entries:
            assert entry.index == self.last_index + 1, (entry.index, self.last_index)
            assert entry.term >= self.last_term, (entry.term, self.last_term)
            if not self._segments:
                self._begin(entry.index)
            data, self._checksum = pack_record(entry, self.synced_index, self._checksum)
            written.append(data)
            self.last_index, self.last_term = entry.index, entry.term
        if written:
            newest = self._segments[-1]
            data = b"".join(written)
            self.disk.append(newest.name, data)
            newest.size += len(data)
            newest.last_index = self.last_index

    def sync(self) -> None:
        """Make all that was appended durable, then begin a new segment when this one is full."""
        if not self._segments:
            return
        newest = self._segments[-1]
        self.disk.fsync(newest.name)
        self.synced_index = self.last_index
        if newest.size >= self.segment_bytes:
            self._begin(self.last_index + 1)

    def entries(self, after_index: int) -> Iterator[Entry]:
        """The entries after `after_index`, read from disk one segment at a time."""
        for segment in list(self._segments):
            if segment.last_index <= after_index:
                continue
            data = self.disk.read(segment.name, 0, segment.size)
            offset = HEADER_BYTES
            while offset < segment.size:
                record = read_record(data, offset)
                if record is None:
                    raise LogCorruptError(
                        f"{segment.name} changed under the node at byte {offset}; {REMEDY}."
                    )
                offset = record.end
                if record.entry.index > after_index:
                    yield record.entry

    def compact(self, through_index: int) -> None:
        """Forget whole segments, never the newest, whose entries are all at or below an index."""
        while len(self._segments) > 1 and self._segments[0].last_index <= through_index:
            self.disk.remove(self._segments.pop(0).name)
        self.disk.fsync_dir()

    def restart(self, index: int, term: int) -> None:
        """Forget everything; the next entry follows a snapshot of (`index`, `term`)."""
        for segment in self._segments:
            self.disk.remove(segment.name)
        self.disk.fsync_dir()
        self._segments.clear()
        self.last_index = self.synced_index = index
        self.last_term = term
        self._checksum = 0

    def _begin(self, first_index: int) -> None:
        # The header is durable before any record follows it, so a torn header has no records.
        name = f"{first_index:020d}{SUFFIX}"
        header = pack_header(SegmentHeader(self.incarnation, first_index, self._checksum))
        self.disk.append(name, header)
        self.disk.fsync(name)
        self.disk.fsync_dir()
        self._segments.append(_Segment(name, first_index, len(header), first_index - 1))

    def _scan(self, name: str, *, newest: bool) -> bool:
        """Take a segment's records; whether it ends in the tear of a crash."""
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
                if not newest or newest_synced(data, segment.size) >= lost:
                    raise LogCorruptError(
                        f"Entry {lost} at byte {segment.size} of {name} is damaged and was "
                        f"acknowledged; {REMEDY}."
                    )
                return True
            self.last_index, self.last_term = record.entry.index, record.entry.term
            self._checksum = record.checksum
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
