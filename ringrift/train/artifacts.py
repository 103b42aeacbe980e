"""Files that are whole on disk or not there, most of them named by the sha256 of their bytes.

Shards, exports, weights and checkpoints are all written and checked through here.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


class ArtifactError(ValueError):
    """A file that is not what its hash says: one sentence that names it."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A written file, the hash of its bytes, which mostly names it, and its size."""

    path: Path
    sha256: str
    bytes: int


def write_artifact(directory: Path, kind: str, write: Callable[[BinaryIO], object]) -> Artifact:
    """Let `write` fill a file durably: it is complete under its final name or not at all.

    The directory is made if needed. Raises OSError (disk full, no permission) with nothing left.
    """
    return _write(directory, write, lambda sha256: f"{sha256}.{kind}")


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> Artifact:
    """Like `write_artifact`, under a name of the caller's: what was there stays or is replaced."""
    return _write(path.parent, write, lambda sha256: path.name)


def _write(
    directory: Path, write: Callable[[BinaryIO], object], name: Callable[[str], str]
) -> Artifact:
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=directory, prefix=".", suffix=".partial")
    temporary = Path(draft)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        path = temporary.replace(directory / name(sha256))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(directory)
    return Artifact(path, sha256, size)


def read_artifact(path: Path, sha256: str | None = None) -> bytes:
    """The bytes of a file, which must hash to `sha256` where that is known.

    Raises ArtifactError if the file is missing, unreadable or has other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}).") from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"{path} is damaged: it does not hash to {sha256}; fetch it again.")
    return content


def check_artifact(path: Path, sha256: str) -> None:
    """Raise ArtifactError unless the file is there and hashes to `sha256`; holds little memory."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}).") from error
    if found != sha256:
        raise ArtifactError(f"{path} is damaged: it does not hash to {sha256}; fetch it again.")


def sync_directory(directory: Path) -> None:
    """Make what was created, renamed or removed in `directory` outlast a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
