"""One blob on its way in from another node: written and hashed block by block.

What was received stays when a connection breaks, so that the next can go on from there. Everything
here blocks; the driver runs it off the event loop. OSError comes through: it is this node's disk.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from ringrift.node.data.blobs import BlobError, BlobStore


class WrongBytesError(BlobError):
    """What another node sends is not the blob that was asked for; one sentence."""


class Incoming:
    """The file of a blob of `most` bytes or fewer; `received` of them are here."""

    def __init__(self, store: BlobStore, sha256: str, most: int) -> None:
        self.received = 0
        self._store, self._sha256, self._most = store, sha256, most
        self._digest = hashlib.sha256()
        self._file = store.arriving(sha256).open("wb")

    def write(self, block: bytes) -> None:
        """Take the next bytes. Raises `WrongBytesError` when they are too many."""
        if self.received + len(block) > self._most:
            raise WrongBytesError(f"it sends more than the {self._most} bytes there may be")
        self._file.write(block)
        self._digest.update(block)
        self.received += len(block)

    def restart(self) -> None:
        """Forget what was received."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.received = 0

    def finish(self) -> Path:
        """Take the blob into the store. Raises `WrongBytesError` when it has another hash."""
        if self._digest.hexdigest() != self._sha256:
            raise WrongBytesError(f"it sent {self.received} bytes that have another sha256")
        self._file.close()
        return self._store.adopt(self._sha256)

    def discard(self) -> None:
        """Remove what is left of it: nothing, when it was finished."""
        self._store.arriving(self._sha256).unlink(missing_ok=True)
        with suppress(OSError):  # a full disk may take no more of what is buffered
            self._file.close()
