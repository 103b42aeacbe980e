"""Who this node is: one id, one cluster, one boot counter a data directory, and one life at a time.

The lock is the operating system's (flock) and goes with the process, however it ends. The boot
counter is durable before anything is said in its name, so that two lives are never taken for one.
"""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Literal

import msgspec

from ringrift.node.runtime.disk import RealDisk, write_atomically
from ringrift.node.runtime.paths import NodePaths, PathError


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`incarnation` names the cluster (32 hex digits), `boot` counts the lives of this node.

    `votes` and `timing` are what the cluster had agreed on when it last told: with them a life
    starts, before it can be told anew.
    """

    node_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    incarnation: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    boot: Annotated[int, msgspec.Meta(ge=0)]
    votes: bool = True
    timing: Literal["local", "lan", "wan"] = "local"


@contextmanager
def locked(paths: NodePaths) -> Generator[None]:
    """Hold the data directory while the context lasts, making it first if there is none.

    Raises `PathError` with one sentence when another process holds it, or it cannot be made.
    """
    descriptor = _open_lock(paths)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise PathError(
                f"a node lives in {paths.data} already (pid {holder}); stop it, or choose another "
                "directory with --data"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def make_directory(paths: NodePaths) -> None:
    """Make the data directory if there is none, for this user only. Raises `PathError`."""
    try:
        paths.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(paths, error) from error


def next_life(paths: NodePaths, name: str, hex_digits: Callable[[int], str]) -> Identity:
    """Return this node's identity in its next life, durably; found it in an empty directory.

    `hex_digits(n)` gives n random hex digits. Raises `PathError` when identity.json is damaged.
    """
    before = read_identity(paths)
    if before is None:
        before = Identity(f"{name}-{hex_digits(6)}", hex_digits(32), 0)
    now = msgspec.structs.replace(before, boot=before.boot + 1)
    write_identity(paths, now)
    return now


def write_identity(paths: NodePaths, identity: Identity) -> None:
    """Keep who this node is, durably."""
    write_atomically(RealDisk(paths.data), paths.identity.name, [msgspec.json.encode(identity)])


def _open_lock(paths: NodePaths) -> int:
    make_directory(paths)
    try:
        return os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(paths, error) from error


def _unusable(paths: NodePaths, error: OSError) -> PathError:
    return PathError(
        f"the data directory {paths.data} cannot be used ({error.strerror}); "
        "choose another one with --data"
    )


def read_identity(paths: NodePaths) -> Identity | None:
    """Return who lives here, None where nobody does. Raises `PathError` when it is damaged."""
    path = paths.identity
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PathError(
            f"{path} is damaged ({error}); put it back from a backup, or move the whole directory "
            "away to start as a new node"
        ) from error
