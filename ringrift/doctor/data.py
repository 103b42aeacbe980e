"""The data directory: usable, private, and its log readable from end to end."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringrift.doctor.check import Finding, failed, not_applicable, ok, warning
from ringrift.doctor.child import ChildError, tell

FAMILY = "data"
MAX_SOCKET_PATH_BYTES = 107  # sun_path of Linux, less its final zero
TIMEOUT_S = 120.0

# Recovery cuts a torn end, so it works on a copy in memory: a doctor only looks.
SCRIPT = """
import json, pathlib, random, sys
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.storage import Storage
from ringrift.node.consensus.vote import read_vote
from ringrift.node.sim.disk import MemoryDisk
disk = MemoryDisk(random.Random(0))
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    disk.append(path.name, path.read_bytes())
answer = {"last": 0}
try:
    if disk.names():
        vote = read_vote(disk)
        of = (vote.incarnation, vote.node) if vote else ("", "")
        found = Storage.recover(disk, *of)[1]
        answer = {"last": found.origin.index + len(found.entries)}
except LogCorruptError as error:
    answer = {"damage": str(error)}
print(json.dumps(answer))
"""


@dataclass(frozen=True, slots=True)
class SocketPath:
    """The operators' socket fits into an address of the kernel."""

    data: Path
    family: str = FAMILY
    name: str = "socket path"

    def look(self) -> Finding:
        length = len(os.fsencode(self.data / "node.sock"))
        value = f"{length} of {MAX_SOCKET_PATH_BYTES} bytes"
        if length > MAX_SOCKET_PATH_BYTES:
            cause = f"{self.data} is too long for a Unix socket in it"
            return failed(value, cause=cause, fix="choose a shorter directory with --data")
        return ok(value)


@dataclass(frozen=True, slots=True)
class Directory:
    """The data directory can be written by us and not by others."""

    data: Path
    family: str = FAMILY
    name: str = "directory"

    def look(self) -> Finding:
        value = str(self.data)
        if not self.data.exists():
            return not_applicable(f"{value} does not exist yet; `ringrift up` founds it")
        if not self.data.is_dir():
            return failed(value, cause="it is no directory", fix="choose another with --data")
        if not os.access(self.data, os.R_OK | os.W_OK | os.X_OK):
            fix = f"chown it to the user who runs the node, or chmod u+rwx {value}"
            return failed(value, cause="it cannot be read and written by this user", fix=fix)
        mode = stat.S_IMODE(self.data.stat().st_mode)
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            cause = f"others may write there (mode {mode:04o})"
            return warning(value, cause=cause, fix=f"chmod go-w {value}")
        return ok(f"{value}, mode {mode:04o}")


def _read_log(log: Path) -> dict[str, Any]:
    return tell(SCRIPT, str(log), timeout_s=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class LogReadable:
    """Every record of the durable log is intact (a torn end of a crash is no damage)."""

    data: Path
    read: Callable[[Path], dict[str, Any]] = _read_log
    family: str = FAMILY
    name: str = "log"

    def look(self) -> Finding:
        log = self.data / "log"
        if not log.is_dir():
            return not_applicable("no node was founded here yet")
        try:
            told = self.read(log)
        except ChildError as error:
            fix = "look at the permissions of the files in it"
            return failed(f"{log} cannot be read", cause=str(error), fix=fix)
        if "damage" in told:
            fix = "keep a copy, then move the directory away: `ringrift up` founds a new node"
            return failed(f"{log} is damaged", cause=told["damage"], fix=fix)
        return ok(f"intact up to entry {told['last']:,}")
