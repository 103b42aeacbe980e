"""Snapshot files: the newest pictures of the state, from which the log may be forgotten.

    file = (length of the chunk in 4 bytes, chunk) …     named by its last index

A file appears whole or not at all. The newest two are kept, and the log from the older one on: if
the newest file rots, it can be removed and the node starts from the one before it.
"""

from collections.abc import Iterator

from ringrift.node.cluster.snapshot import MAX_CHUNK_BYTES, SnapshotError
from ringrift.node.runtime.disk import TEMPORARY, Disk

SUFFIX = ".snap"
KEPT = 2


def stored(disk: Disk) -> list[int]:
    """Indexes of the snapshots on disk, oldest first."""
    return [int(n.removesuffix(SUFFIX)) for n in disk.names() if n.endswith(SUFFIX)]


def begin(disk: Disk, index: int) -> str:
    """Start a snapshot file; returns its temporary name, to be written to by `add`."""
    name = f"{index:020d}{SUFFIX}{TEMPORARY}"
    if name in disk.names():
        disk.remove(name)
    return name


def add(disk: Disk, temporary: str, chunk: bytes) -> None:
    """Write the next chunk."""
    disk.append(temporary, len(chunk).to_bytes(4, "big") + chunk)


def commit(disk: Disk, temporary: str) -> None:
    """Make a written snapshot durable under its name, then remove all but the newest two."""
    disk.fsync(temporary)
    disk.rename(temporary, temporary.removesuffix(TEMPORARY))
    disk.fsync_dir()
    for index in stored(disk)[:-KEPT]:
        disk.remove(f"{index:020d}{SUFFIX}")
    disk.fsync_dir()


def chunks(disk: Disk, index: int) -> Iterator[bytes]:
    """The chunks of a stored snapshot; raises SnapshotError when the file is cut short."""
    name = f"{index:020d}{SUFFIX}"
    offset = 0
    while prefix := disk.read(name, offset, 4):
        length = int.from_bytes(prefix, "big")
        if length > MAX_CHUNK_BYTES:
            raise SnapshotError(f"Snapshot {name} is damaged at byte {offset}.")
        chunk = disk.read(name, offset + 4, length)
        if len(chunk) < length or len(prefix) < 4:
            raise SnapshotError(f"Snapshot {name} is cut short at byte {offset}.")
        yield chunk
        offset += 4 + length
