"""Content-addressed files: what lies under a hash has that hash, and is on the disk for good.

    blobs/<first two digits>/<sha256>
    blobs/incoming/<sha256>               on its way from another node: see `incoming`

Everything here blocks; drivers run it off the event loop.
"""

import hashlib
import os
import re
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from ringrift.node.runtime.disk import fsync_path

READ_BYTES = 1 << 20
INCOMING = "incoming"
_SHA256 = re.compile("[0-9a-f]{64}")


class BlobError(Exception):
    """A file that is not what it was said to be, or not there: one sentence."""


def is_sha256(text: str) -> bool:
    """Whether this is a hash as blobs are named by, and so nothing else that a path may mean."""
    return _SHA256.fullmatch(text) is not None


class BlobStore:
    """The blobs of one node."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def directory(self) -> Path:
        """Where all of them lie; it is there."""
        self._root.mkdir(parents=True, exist_ok=True)
        return self._root

    def path(self, sha256: str) -> Path:
        """Where the blob of this hash lies, or would lie."""
        return self._root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the blob is here; its bytes are not looked at (`verify` does)."""
        return self.path(sha256).is_file()

    def take(self, source: Path, sha256: str, size: int) -> Path:
        """Check `source` and have it in the store too, durably; returns its path there.

        Both names are one file: the maker's name goes when the log knows of the blob, so that a
        crash in between leaves something to be found. Taking what is already here is no change.
        Raises `BlobError` when hash or size are not as said, or the file is missing.
        """
        target = self.path(sha256)
        _check(source, sha256, size)
        target.parent.mkdir(parents=True, exist_ok=True)
        fsync_path(source)
        if not target.exists():
            target.hardlink_to(source)
        # The name, and the directory it may have needed, are only safe once these are synced.
        fsync_path(target.parent)
        fsync_path(self._root)
        return target

    def arriving(self, sha256: str) -> Path:
        """Where a blob lies while it comes in from another node; makes the directory."""
        directory = self._root / INCOMING
        directory.mkdir(parents=True, exist_ok=True)
        return directory / sha256

    def clear_arriving(self) -> None:
        """Remove what was on its way when an earlier life ended."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._root / INCOMING)

    def adopt(self, sha256: str) -> Path:
        """Have what arrived in the store, durably; the caller computed its hash as it came in."""
        source, target = self.arriving(sha256), self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        fsync_path(source)
        source.replace(target)
        fsync_path(target.parent)
        fsync_path(self._root)
        return target

    def verify(self, sha256: str) -> Path:
        """Return the path of a blob after reading all of it. Raises `BlobError`."""
        path = self.path(sha256)
        _check(path, sha256, None)
        return path


def _check(path: Path, sha256: str, size: int | None) -> None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BlobError(f"{path.name} is no plain file")
            while block := file.read(READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise BlobError(f"{path.name} cannot be read: {error.strerror}") from error
    if size is not None and status.st_size != size:
        raise BlobError(f"{path.name} has {status.st_size} bytes and not {size} as said")
    if digest.hexdigest() != sha256:
        raise BlobError(f"{path.name} does not have the sha256 {sha256}: its bytes changed")
