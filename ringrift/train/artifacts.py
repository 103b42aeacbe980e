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
    """A file named `<sha256>.<kind>` and its size."""

    path: Path
    sha256: str
    bytes: int


def write_artifact(directory: Path, kind: str, write: Callable[[BinaryIO], object]) -> Artifact:
    """Let `write` fill a file durably: it is complete under its final name or not at all.

    The directory is made if needed. Raises OSError (disk full, no permission) with nothing left.
    """

    def named(file: BinaryIO) -> Path:
        file.seek(0)
        return directory / f"{hashlib.file_digest(file, 'sha256').hexdigest()}.{kind}"

    path, size = _write(directory, write, named)
    return Artifact(path, path.stem, size)


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Like `write_artifact`, under a name of the caller's: what was there stays or is replaced."""
    _write(path.parent, write, lambda file: path)


def _write(
    directory: Path, write: Callable[[BinaryIO], object], name: Callable[[BinaryIO], Path]
) -> tuple[Path, int]:
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=directory, prefix=".", suffix=".partial")
    temporary = Path(draft)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            size = file.seek(0, os.SEEK_END)
            path = name(file)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(directory)
    return path, size


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


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
