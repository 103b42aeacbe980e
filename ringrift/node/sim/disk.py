"""A disk in memory that keeps exactly what was synced and tears the rest when it crashes.

A file's unsynced appends survive whole, or sector by sector with even odds: then lost sectors below
a surviving one read as zeros, and the file ends anywhere within what survived. An unsynced cut
reached the disk, or did not, or did so only in that the rest of the sector it fell into was zeroed.
Unsynced names (created, renamed, removed) survive as a random prefix, as a journalling file system
keeps them. With a `capacity` it is full once its files hold so many bytes.
"""

import copy
import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ringrift.node.runtime.disk import DiskFullError

SECTOR = 64
"""Bytes that are written whole or not at all: small, so that short records are torn too."""


@dataclass(slots=True)
class _File:
    """`data` as a process reads it; a crash is sure to leave `data[:durable] + cut_off`."""

    data: bytearray = field(default_factory=bytearray)
    durable: int = 0
    cut_off: bytes = b""

    def sync(self) -> None:
        self.durable, self.cut_off = len(self.data), b""


class MemoryDisk:
    """A `Disk`; `crash` turns it into what a restarted machine finds. Faults come from `rng`.

    `capacity` (bytes, None when unbounded) and `fsync_fails` may be changed at any time. `torn`
    counts the crashes that left some file with a part of what it was to hold.
    """

    def __init__(self, rng: random.Random, capacity: int | None = None) -> None:
        self._rng = rng
        self._files: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}
        self._name_changes: list[Callable[[dict[str, _File]], object]] = []
        self.capacity = capacity
        self.fsync_fails = False
        self.torn = 0

    @property
    def used(self) -> int:
        """Bytes of all files."""
        return sum(len(file.data) for file in self._files.values())

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        end = None if length is None else offset + length
        return bytes(memoryview(self._file(name).data)[offset:end])

    def append(self, name: str, data: bytes) -> None:
        full = self.capacity is not None and self.used + len(data) > self.capacity
        if full:
            data = self._what_fits(data)
        if name not in self._files:
            if full and not data:
                raise _full()
            file = _File()
            self._change(lambda names: names.__setitem__(name, file))
        self._files[name].data += data
        if full:
            raise _full()

    def truncate(self, name: str, size: int) -> None:
        file = self._file(name)
        if size < file.durable:
            file.cut_off = bytes(file.data[size : file.durable]) + file.cut_off
            file.durable = size
        del file.data[size:]

    def fsync(self, name: str) -> None:
        file = self._file(name)
        self._may_fail()
        file.sync()

    def rename(self, old: str, new: str) -> None:
        self._file(old)
        self._change(lambda names: names.__setitem__(new, names.pop(old)))

    def remove(self, name: str) -> None:
        self._file(name)
        self._change(lambda names: names.__delitem__(name))

    def fsync_dir(self) -> None:
        self._may_fail()
        self._synced_names = dict(self._files)
        self._name_changes.clear()

    def crash(self) -> None:
        """Lose power: unsynced names and contents survive in part, at random."""
        names = dict(self._synced_names)
        for change in self._name_changes[: self._rng.randint(0, len(self._name_changes))]:
            change(names)
        torn = False
        for file in names.values():
            before = file.data[: file.durable] + file.cut_off
            left = self._left_of(file)
            torn |= left not in (before, file.data)
            file.data = left
            file.sync()
        self.torn += torn
        self._files = names
        self._synced_names = dict(names)
        self._name_changes.clear()

    def flip(self, name: str, position: int, mask: int) -> None:
        """Rot one byte of a file, durably."""
        file = self._file(name)
        file.data[position] ^= mask
        file.sync()

    def _what_fits(self, data: bytes) -> bytes:
        """A random part of what there is room for: a write at the limit ends anywhere."""
        assert self.capacity is not None
        room = max(0, min(len(data) - 1, self.capacity - self.used))
        return data[: self._rng.randint(0, room)]

    def _left_of(self, file: _File) -> bytearray:
        """What a crash leaves of a file."""
        left = file.data[: file.durable]
        if file.cut_off:
            cut = self._rng.randrange(3)
            if cut == 0:
                return left + file.cut_off
            if cut == 1:
                zeroed = min(-len(left) % SECTOR, len(file.cut_off))
                return left + bytes(zeroed) + file.cut_off[zeroed:]
        if self._rng.random() < 0.25:
            return file.data
        for start in range(file.durable, len(file.data), SECTOR):
            if self._rng.random() < 0.5:
                left += bytes(start - len(left)) + file.data[start : start + SECTOR]
        del left[self._rng.randint(file.durable, len(left)) :]
        return left

    def _may_fail(self) -> None:
        if self.fsync_fails:
            raise OSError(errno.EIO, "Input/output error")

    def _change(self, change: Callable[[dict[str, _File]], object]) -> None:
        change(self._files)
        self._name_changes.append(change)

    def _file(self, name: str) -> _File:
        if name not in self._files:
            raise FileNotFoundError(name)
        return self._files[name]


def _full() -> DiskFullError:
    return DiskFullError(errno.ENOSPC, "No space left on device")


class HeldDisk:
    """A process's hold on a disk. When the process is to die it first lets go: whatever it still
    does while it ends happens to a copy, and the disk may crash. `before_sync` happens once, just
    before something would have become durable."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self.before_sync: Callable[[], None] | None = None

    def let_go(self) -> None:
        """From now on nothing reaches the disk."""
        self._disk = copy.deepcopy(self._disk)

    def names(self) -> list[str]:
        return self._disk.names()

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._disk.read(name, offset, length)

    def append(self, name: str, data: bytes) -> None:
        self._disk.append(name, data)

    def truncate(self, name: str, size: int) -> None:
        self._disk.truncate(name, size)

    def fsync(self, name: str) -> None:
        if self.before_sync is not None:
            action, self.before_sync = self.before_sync, None
            action()
        self._disk.fsync(name)

    def rename(self, old: str, new: str) -> None:
        self._disk.rename(old, new)

    def remove(self, name: str) -> None:
        self._disk.remove(name)

    def fsync_dir(self) -> None:
        self._disk.fsync_dir()
