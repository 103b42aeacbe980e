"""Logs written by hand."""

import random

from cluster_support import INCARNATION

from ringrift.node.consensus.log import Log
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import Entry

CLUSTER = bytes.fromhex(INCARNATION)


def entry(index: int, term: int = 1, size: int = 20) -> Entry:
    return Entry(index, term, 1_700_000_000_000 + index, 1, index, bytes([index % 251]) * size)


def recover(disk: MemoryDisk, sealed: int = 0, segment_bytes: int = 400) -> Log:
    return Log.recover(disk, CLUSTER, sealed=sealed, segment_bytes=segment_bytes)


def written(batches: list[int], seed: int = 0, segment_bytes: int = 400) -> MemoryDisk:
    """A disk with a log of synced batches of those sizes."""
    disk = MemoryDisk(random.Random(seed))
    log = recover(disk, segment_bytes=segment_bytes)
    for size in batches:
        log.append([entry(log.last_index + 1 + i) for i in range(size)])
        log.sync()
    return disk
