"""One member's directory, written to and started anew by hand."""

import random

import pytest
from cluster_support import INCARNATION
from fused_disk import FusedDisk

from ringrift.node.cluster.commands import Blank, encode_command
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.raft.ready import HardState, Ready
from ringrift.node.consensus.storage import (
    Recovered,
    Storage,
    found_empty,
)
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import Entry, Voters

VOTERS = ("a", "b", "c")
BLANK = encode_command(Blank())


def disk_of(seed: int = 0) -> FusedDisk:
    return FusedDisk(random.Random(seed))


def recover(disk: MemoryDisk, segment_bytes: int = 400) -> tuple[Storage, Recovered]:
    return Storage.recover(disk, INCARNATION, "a", segment_bytes)


def joined(seed: int = 0, segment_bytes: int = 400) -> tuple[FusedDisk, Storage]:
    """A member that knows nothing yet."""
    disk = disk_of(seed)
    found_empty(disk, INCARNATION, "a")
    return disk, recover(disk, segment_bytes)[0]


def entries(first: int, last: int, term: int = 1, size: int = 30) -> tuple[Entry, ...]:
    return tuple(Entry(i, term, i, 0, 0, BLANK + bytes(size)) for i in range(first, last + 1))


def written(last: int, seed: int = 0, segment_bytes: int = 400) -> tuple[FusedDisk, Storage]:
    """A member with synced entries 1 to `last` of term 1, in many segments."""
    disk, storage = joined(seed, segment_bytes)
    storage.write(Ready(1, HardState(1, "a")))
    for index in range(1, last + 1):
        storage.write(Ready(2, entries=entries(index, index)))
        storage.sync()
    return disk, storage


def picture(index: int, term: int = 1, voters: Voters = VOTERS) -> list[bytes]:
    state = ClusterState()
    state.index, state.term, state.voters = index, term, voters
    return list(state.snapshot(INCARNATION))


def store(storage: Storage, index: int, term: int = 1) -> None:
    chunks = picture(index, term)
    for number, chunk in enumerate(chunks):
        assert storage.store(index, number, chunk, final=number == len(chunks) - 1)


def refusal(disk: MemoryDisk, incarnation: str = INCARNATION, node: str = "a") -> str:
    before = {name: disk.read(name) for name in disk.names()}
    with pytest.raises(LogCorruptError) as refused:
        Storage.recover(disk, incarnation, node, 400)
    assert {name: disk.read(name) for name in disk.names()} == before
    sentence = str(refused.value)
    assert sentence.endswith(".") and "\n" not in sentence and ".;" not in sentence
    return sentence
