"""The disk as durable state sees it: one flat directory of files, and nothing implied.

What is not synced may be lost or torn by a crash, in any order: data needs `fsync`, and a created,
renamed or removed name needs `fsync_dir`. The simulator's `MemoryDisk` does exactly that to whoever
forgets. All calls block; a driver makes them in a worker thread, one at a time.
"""

import errno
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class DiskFullError(OSError):
    """There was no room; once there is, the same call may be made again.

    No other error allows that, not even an ENOSPC of a sync: it leaves in doubt what was written.
    """


class Disk(Protocol):
    """One directory. Names are plain file names; errors are OSError."""

    def names(self) -> list[str]:
        """The names of all files, sorted."""
        ...

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """Up to `length` bytes from `offset`, all that follow when None."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file, creating it when it is new; not durable before `fsync`.

        Raises DiskFullError, having added any part of `data` or none, when there is no room.
        """
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut a file to `size` bytes; not durable before `fsync`."""
        ...

    def fsync(self, name: str) -> None:
        """Make a file's contents durable. After a failure nothing is known: end the process."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, atomically replacing what had it; see `fsync_dir`.

        Raises DiskFullError, with nothing changed, when there is no room.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file; see `fsync_dir`."""
        ...

    def fsync_dir(self) -> None:
        """Make names (created, renamed, removed) durable."""
        ...


def write_atomically(disk: Disk, name: str, parts: Iterable[bytes]) -> None:
    """Replace a file so that a crash leaves the old or the new one, whole and durable.

    Raises DiskFullError, with the old one in place, when there is no room.
    """
    temporary = name + TEMPORARY
    if temporary in disk.names():
        disk.remove(temporary)
    for part in parts:
        disk.append(temporary, part)
    disk.fsync(temporary)
    disk.rename(temporary, name)
    disk.fsync_dir()


TEMPORARY = ".tmp"
"""Ending of a file that is being written; one found at start is the rest of a crash."""


class RealDisk:
    """A directory of the operating system, made (and made durable) when it does not exist.

    A file being appended to stays open until it is renamed or removed, so that `fsync` speaks of
    the same descriptor as the writes: an error of a write-back is told to descriptors open then.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: dict[str, int] = {}
        if not root.is_dir():
            root.mkdir(mode=0o700, parents=True)
            fsync_path(root.parent)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in os.scandir(self._root) if entry.is_file())

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        with (self._root / name).open("rb") as file:
            file.seek(offset)
            return file.read() if length is None else file.read(length)

    def append(self, name: str, data: bytes) -> None:
        with _telling_full():
            descriptor = self._descriptor(name)
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]

    def truncate(self, name: str, size: int) -> None:
        os.ftruncate(self._descriptor(name), size)

    def fsync(self, name: str) -> None:
        os.fsync(self._descriptor(name))

    def rename(self, old: str, new: str) -> None:
        self._close(old)
        self._close(new)
        with _telling_full():
            (self._root / old).replace(self._root / new)

    def remove(self, name: str) -> None:
        self._close(name)
        (self._root / name).unlink()

    def fsync_dir(self) -> None:
        fsync_path(self._root)

    def close(self) -> None:
        """Close every descriptor."""
        for name in list(self._open):
            self._close(name)

    def _descriptor(self, name: str) -> int:
        descriptor = self._open.get(name)
        if descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            descriptor = self._open[name] = os.open(self._root / name, flags, 0o600)
        return descriptor

    def _close(self, name: str) -> None:
        descriptor = self._open.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def _telling_full() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(error.errno, error.strerror) from error
        raise


def fsync_path(path: Path) -> None:
    """Make durable what a file holds, or which names a directory has."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
