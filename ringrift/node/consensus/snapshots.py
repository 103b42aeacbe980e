"""Snapshot files: the newest pictures of the state, from which the log may be forgotten.

    file = (length of the chunk in 4 bytes, chunk) …     named by its last index

A file appears whole or not at all. The newest two are kept, and the log from the older one on: if
the newest file rots, it can be removed and the node starts from the one before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ringrift.node.cluster.snapshot import MAX_CHUNK_BYTES, SnapshotError
from ringrift.node.runtime.disk import TEMPORARY, Disk

SUFFIX = ".snap"
KEPT = 2


def stored(disk: Disk) -> list[int]:
    """Indexes of the snapshots on disk, oldest first."""
    return [int(n.removesuffix(SUFFIX)) for n in disk.names() if n.endswith(SUFFIX)]


def name_of(index: int) -> str:
    """The file of the snapshot that ends at `index`."""
    return f"{index:020d}{SUFFIX}"


class Draft:
    """A snapshot that is being written: `add` every chunk in order, then `commit`.

    After a DiskFullError it can only be dropped.
    """

    def __init__(self, disk: Disk, index: int) -> None:
        """Start anew, forgetting an unfinished draft of the same snapshot."""
        self.index = index
        self.chunks = 0
        self._disk = disk
        self._name = name_of(index) + TEMPORARY
        self.drop()

    def add(self, chunk: bytes) -> None:
        """Write the next chunk."""
        self._disk.append(self._name, len(chunk).to_bytes(4, "big") + chunk)
        self.chunks += 1

    def commit(self) -> None:
        """Make the snapshot durable under its name, then remove all but the newest two."""
        self._disk.fsync(self._name)
        self._disk.rename(self._name, self._name.removesuffix(TEMPORARY))
        self._disk.fsync_dir()
        for index in stored(self._disk)[:-KEPT]:
            self._disk.remove(name_of(index))
        self._disk.fsync_dir()

    def drop(self) -> None:
        """Remove what has been written."""
        if self._name in self._disk.names():
            self._disk.remove(self._name)


@dataclass(slots=True)
class Reader:
    """Chunks of a stored snapshot by number, each found in one step once its predecessor was."""

    disk: Disk
    index: int
    _offsets: list[int] = field(default_factory=lambda: [0])

    def chunk(self, number: int) -> tuple[bytes, bool]:
        """Chunk `number` (from 0) and whether it is the last.

        Raises SnapshotError when the file is damaged, or ends before.
        """
        while len(self._offsets) <= number:
            place = self._offsets[-1]
            self._offsets.append(place + 4 + self._length(place))
        place = self._offsets[number]
        length = self._length(place)
        data = self.disk.read(name_of(self.index), place + 4, length + 1)
        if len(data) < length:
            raise self._cut_short(place)
        return data[:length], len(data) == length

    def _length(self, offset: int) -> int:
        prefix = self.disk.read(name_of(self.index), offset, 4)
        if len(prefix) < 4:
            raise self._cut_short(offset)
        length = int.from_bytes(prefix, "big")
        if length > MAX_CHUNK_BYTES:
            raise SnapshotError(f"Snapshot {name_of(self.index)} is damaged at byte {offset}.")
        return length

    def _cut_short(self, offset: int) -> SnapshotError:
        return SnapshotError(f"Snapshot {name_of(self.index)} is cut short at byte {offset}.")


def chunks(disk: Disk, index: int) -> Iterator[bytes]:
    """The chunks of a stored snapshot; raises SnapshotError when the file is cut short."""
    reader, number, final = Reader(disk, index), 0, False
    while not final:
        chunk, final = reader.chunk(number)
        number += 1
        yield chunk
