"""A directory that is looked at, and stays as it is: what a recovery would change is kept aside."""

from pathlib import Path


class Untouched:
    """A `Disk` whose changes are in memory only, so that a start can be tried on a real log.

    Only for what `Recovery` does: it cuts tears and removes leftovers, small things both.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._changed: dict[str, bytes | None] = {}

    def names(self) -> list[str]:
        """See `Disk`; a directory that does not exist is empty."""
        real = {path.name for path in self._root.iterdir()} if self._root.is_dir() else set[str]()
        gone = {name for name, data in self._changed.items() if data is None}
        return sorted((real | self._changed.keys()) - gone)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        """See `Disk`."""
        if name in self._changed:
            end = None if length is None else offset + length
            return (self._changed[name] or b"")[offset:end]
        with (self._root / name).open("rb") as file:
            file.seek(offset)
            return file.read() if length is None else file.read(length)

    def append(self, name: str, data: bytes) -> None:
        """See `Disk`."""
        self._changed[name] = (self.read(name) if name in self.names() else b"") + data

    def truncate(self, name: str, size: int) -> None:
        """See `Disk`."""
        self._changed[name] = self.read(name, 0, size)

    def fsync(self, name: str) -> None:
        """Nothing is to be durable."""

    def rename(self, old: str, new: str) -> None:
        """See `Disk`."""
        self._changed[new], self._changed[old] = self.read(old), None

    def remove(self, name: str) -> None:
        """See `Disk`."""
        self._changed[name] = None

    def fsync_dir(self) -> None:
        """Nothing is to be durable."""
