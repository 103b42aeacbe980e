"""Memory, processor and disk of this machine."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from ringrift.doctor.check import Finding, failed, ok, warning

FAMILY = "machine"
GB = 1_000_000_000
LEAST_MEMORY = 2 * GB  # one compute child needs about 1 GB with torch loaded
GOOD_MEMORY = 4 * GB
LEAST_DISK = 2 * GB  # below this a node claims no work (node.disk_floor_bytes)
GOOD_DISK = 10 * GB


def _available_memory() -> int:
    return psutil.virtual_memory().available


@dataclass(frozen=True, slots=True)
class FreeMemory:
    """Enough memory for a node and a compute child."""

    available: Callable[[], int] = _available_memory
    family: str = FAMILY
    name: str = "free memory"

    def look(self) -> Finding:
        free = self.available()
        value = f"{free / GB:.1f} GB"
        if free < LEAST_MEMORY:
            cause = f"below {LEAST_MEMORY / GB:.0f} GB compute children are killed"
            return failed(value, cause=cause, fix="end other programs or take a larger machine")
        if free < GOOD_MEMORY:
            cause = f"with less than {GOOD_MEMORY / GB:.0f} GB two children at once are too many"
            return warning(value, cause=cause, fix="set RINGRIFT_WORKER_SLOTS=1")
        return ok(value)


def _free_disk(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class FreeDisk:
    """Enough disk for games and networks where the data directory is, or will be."""

    data: Path
    free: Callable[[Path], int] = _free_disk
    family: str = FAMILY
    name: str = "free disk"

    def look(self) -> Finding:
        free = self.free(self.data)
        value = f"{free / GB:.1f} GB at {self.data}"
        fix = "remove what is not needed, or choose another disk with --data"
        if free < LEAST_DISK:
            cause = f"below {LEAST_DISK / GB:.0f} GB a node claims no work"
            return failed(value, cause=cause, fix=fix)
        if free < GOOD_DISK:
            cause = f"below {GOOD_DISK / GB:.0f} GB the disk fills within days"
            return warning(value, cause=cause, fix=fix)
        return ok(value)


def _load() -> tuple[float, int]:
    return os.getloadavg()[0], len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Processor:
    """Cores to compute on, not taken by others."""

    load: Callable[[], tuple[float, int]] = _load
    family: str = FAMILY
    name: str = "processor"

    def look(self) -> Finding:
        load, cores = self.load()
        value = f"{cores} cores, load {load:.1f}"
        if load > 2 * cores:
            cause = "more than twice as many programs want to run as there are cores"
            return warning(value, cause=cause, fix="end what is not needed; see `top`")
        return ok(value)
