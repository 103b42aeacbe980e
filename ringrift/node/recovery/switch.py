"""How a data directory changes from one incarnation to another: at one moment, or not at all.

    1  log.draft            the new log is written, made durable and read back
    2  log.draft ─▶ log.NEW
    3  identity.json        replaced: from this moment the directory is of incarnation NEW
    4  log ─▶ log.OLD       kept
    5  log.NEW ─▶ log

Each step is durable before the next begins. Before 3 the old log is in its place and the old
identity names it; what lies beside is not looked at. After 3 everything that the new one needs is
there under names that say whose it is, and `settle` does 4 and 5 at the next start if a crash kept
them from being done.
"""

import errno
import shutil
from pathlib import Path

from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.storage import Storage, forget, found_empty
from ringrift.node.consensus.vote import read_vote
from ringrift.node.recovery.untouched import Untouched
from ringrift.node.runtime.disk import Disk, DiskFullError, RealDisk, fsync_path
from ringrift.node.runtime.identity import Identity, read_identity, write_identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.wire.log import Entry

DRAFT = "log.draft"
DAMAGED = "damaged"
"""Stands for the incarnation of a log whose vote file does not say."""


def log_beside(paths: NodePaths, incarnation: str) -> Path:
    """Where a log of another incarnation than the directory's lies."""
    return paths.data / f"log.{incarnation}"


def write_log(
    disk: Disk, incarnation: str, node: str, state: ClusterState, founding: Entry
) -> None:
    """Write, into an empty directory, a log that begins with a snapshot and one entry after it."""
    found_empty(disk, incarnation, node)
    storage, _ = Storage.recover(disk, incarnation, node)
    parts = list(state.snapshot(incarnation))
    for number, part in enumerate(parts):
        if not storage.store(state.index, number, part, final=number == len(parts) - 1):
            raise DiskFullError(errno.ENOSPC, "no room for the new log")
    origin = Origin(state.index, state.term, state.voters)
    storage.write(Ready(1, HardState(founding.term), restart=origin, entries=(founding,)))
    storage.sync()
    storage.seal()


def lay_beside(paths: NodePaths, identity: Identity, state: ClusterState, founding: Entry) -> None:
    """Steps 1 and 2. Raises DiskFullError, or LogCorruptError when what was written reads back
    otherwise; nothing has changed for the node then."""
    draft = paths.data / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    disk = RealDisk(draft)
    write_log(disk, identity.incarnation, identity.node_id, state, founding)
    disk.close()
    _, back = Storage.recover(Untouched(draft), identity.incarnation, identity.node_id)
    if back.state.digest() != state.digest() or back.entries != [founding]:
        raise LogCorruptError("The new log does not read back as it was written; nothing changed.")
    _move(draft, log_beside(paths, identity.incarnation))


def become(paths: NodePaths, identity: Identity) -> None:
    """Steps 3 to 5: be of this incarnation from now on."""
    write_identity(paths, identity)
    settle(paths)


def settle(paths: NodePaths) -> None:
    """Finish a change of incarnations that a crash cut short; usually there is nothing to do.

    A node without a vote has no use for the log of when it had one: it would find that when it
    votes again, however it came about.
    The caller holds the directory's lock. Raises PathError when identity.json is damaged.
    """
    identity = read_identity(paths)
    if identity is None:
        return
    waiting, held = log_beside(paths, identity.incarnation), _incarnation_in(paths.log)
    # Without a vote no log is read, but one of an earlier incarnation would be found by the life
    # in which this node votes again.
    leaves = waiting.is_dir() or (held != DAMAGED and not identity.votes)
    if leaves and held not in (None, identity.incarnation):
        _move(paths.log, _free(log_beside(paths, held)))
    if waiting.is_dir() and not paths.log.exists():
        _move(waiting, paths.log)
    if not identity.votes and _incarnation_in(paths.log) == identity.incarnation:
        disk = RealDisk(paths.log)
        forget(disk)
        disk.close()


def _incarnation_in(log: Path) -> str | None:
    """Whose log this is; None when there is none."""
    if not log.is_dir():
        return None
    try:
        vote = read_vote(Untouched(log))
    except LogCorruptError:
        return DAMAGED
    return DAMAGED if vote is None else vote.incarnation


def _free(wanted: Path) -> Path:
    """The path, or that with a number behind it when it is taken."""
    path, number = wanted, 1
    while path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.name}.{number}")
    return path


def _move(old: Path, new: Path) -> None:
    old.rename(new)
    fsync_path(new.parent)
