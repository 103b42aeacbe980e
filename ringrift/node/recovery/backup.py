"""A saved snapshot: the chunks of a state in one file, each behind its length in 4 bytes."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from ringrift.node.cluster.snapshot import MAX_CHUNK_BYTES, Loader, SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.recovery.incarnation import RecoveryError
from ringrift.node.runtime.disk import fsync_path
from ringrift.wire.log import Voters

TEMPORARY = ".part"


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot that was read whole: of which incarnation, and what it holds."""

    incarnation: str
    state: ClusterState


class KnownMember(msgspec.Struct, frozen=True):
    """A member by its id, with what it is: its role, or "revoked"."""

    id: str
    role: str


class Facts(msgspec.Struct, frozen=True):
    """What a snapshot says at a glance; `rows` counts those of each table."""

    incarnation: str
    index: int
    term: int
    voters: Voters
    members: list[KnownMember]
    rows: dict[str, int]
    digest: str


def facts_of(saved: Saved) -> Facts:
    """The facts of a snapshot, members by id."""
    state = saved.state
    return Facts(
        saved.incarnation,
        state.index,
        state.term,
        state.voters,
        [
            KnownMember(row.id, row.role if row.revoked is None else "revoked")
            for _, row in sorted(state.members.rows.items())
        ],
        {name: len(table) for name, table in state.tables().items()},
        state.digest(),
    )


def load(path: Path) -> Saved:
    """Read a snapshot file, checking all of it.

    Raises RecoveryError, one sentence, when it cannot be used, and OSError.
    """
    loader = Loader(None)
    try:
        with path.open("rb") as file:
            for chunk in _chunks(file):
                loader.feed(chunk)
        head = loader.finish()[0]
        return Saved(head.incarnation, ClusterState.restored(loader))
    except SnapshotError as error:
        raise RecoveryError(f"{path} is no whole snapshot: {error}") from error


def save(pieces: Iterable[bytes], path: Path) -> Saved:
    """Write a snapshot that comes in pieces of any length, readable by this user only.

    The file appears under its name only once it was read back whole. Raises as `load`, and
    RecoveryError when the file exists already.
    """
    if path.exists():
        raise RecoveryError(f"{path} exists already; name another file.")
    part = path.with_name(path.name + TEMPORARY)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(descriptor)
        saved = load(part)
        if saved.state.index == 0:
            raise RecoveryError("The node knows nothing of the cluster yet; ask again soon.")
        # Unlike a rename, a link refuses a name that was taken meanwhile.
        path.hardlink_to(part)
    finally:
        part.unlink(missing_ok=True)
    fsync_path(path.absolute().parent)
    return saved


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while prefix := file.read(4):
        length = int.from_bytes(prefix, "big")
        if len(prefix) < 4 or length > MAX_CHUNK_BYTES:
            raise SnapshotError("its end is damaged.")
        chunk = file.read(length)
        if len(chunk) < length:
            raise SnapshotError("it is cut short.")
        yield chunk
