"""A disk in memory that keeps exactly what was synced and tears the rest when it crashes.

A file's unsynced appends survive sector by sector, each with even odds; lost sectors below a
surviving one read as zeros, and the file ends with a random one of the survivors. Unsynced names
(created, renamed, removed) survive as a random prefix, as a journalling file system keeps them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

SECTOR = 64
"""Bytes that are written whole or not at all: small, so that short records are torn too."""


@dataclass(slots=True)
class _File:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


class MemoryDisk:
    """A `Disk`; `crash` turns it into what a restarted machine finds. Faults come from `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._files: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}
        self._name_changes: list[Callable[[dict[str, _File]], object]] = []

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        data = self._file(name).data
        return bytes(data[offset:] if length is None else data[offset : offset + length])

    def append(self, name: str, data: bytes) -> None:
        if name not in self._files:
            file = _File()
            self._change(lambda names: names.__setitem__(name, file))
        self._files[name].data += data

    def truncate(self, name: str, size: int) -> None:
        del self._file(name).data[size:]

    def fsync(self, name: str) -> None:
        file = self._file(name)
        file.synced = bytes(file.data)

    def rename(self, old: str, new: str) -> None:
        self._file(old)
        self._change(lambda names: names.__setitem__(new, names.pop(old)))

    def remove(self, name: str) -> None:
        self._file(name)
        self._change(lambda names: names.__delitem__(name))

    def fsync_dir(self) -> None:
        self._synced_names = dict(self._files)
        self._name_changes.clear()

    def crash(self) -> None:
        """Lose power: unsynced names and contents survive in part, at random."""
        names = dict(self._synced_names)
        for change in self._name_changes[: self._rng.randint(0, len(self._name_changes))]:
            change(names)
        for file in names.values():
            file.data = bytearray(self._torn(file))
            file.synced = bytes(file.data)
        self._files = names
        self.fsync_dir()

    def flip(self, name: str, position: int, mask: int) -> None:
        """Rot one byte of a file, durably."""
        file = self._file(name)
        file.data[position] ^= mask
        file.synced = bytes(file.data)

    def _torn(self, file: _File) -> bytes:
        """What is left of a file whose newest sync wrote `synced`."""
        kept, current = file.synced, bytes(file.data)
        if not current.startswith(kept):
            # Cut since the sync: either the cut reached the disk or nothing after it did.
            return current if self._rng.random() < 0.5 else kept
        left = bytearray(kept)
        for start in range(len(kept), len(current), SECTOR):
            if self._rng.random() < 0.5:
                left += bytes(start - len(left)) + current[start : start + SECTOR]
        return bytes(left[: self._rng.randint(len(kept), len(left))])

    def _change(self, change: Callable[[dict[str, _File]], object]) -> None:
        change(self._files)
        self._name_changes.append(change)

    def _file(self, name: str) -> _File:
        if name not in self._files:
            raise FileNotFoundError(name)
        return self._files[name]
