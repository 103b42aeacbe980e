"""A member's directory: writing through crashes and full disks, and its snapshots."""

from collections.abc import Callable

import pytest
from cluster_support import INCARNATION
from fused_disk import FusedDisk, PowerCut
from storage_support import VOTERS, entries, joined, picture, recover, refusal, store, written

from ringrift.node.cluster.snapshot import SnapshotError
from ringrift.node.consensus.log import Log
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.storage import (
    Storage,
)
from ringrift.node.consensus.vote import read_vote
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.disk import MemoryDisk

# Writing


def test_a_cut_is_noted_before_and_forgotten_after_and_the_end_is_safe_again() -> None:
    disk, storage = written(12)
    storage.seal()
    storage.write(Ready(3, truncate_after=5))
    vote = read_vote(disk)
    assert vote is not None and (vote.sealed, vote.cutting) == (5, False)
    for seed in range(30):
        for fuse in range(12):
            disk, storage = written(12, seed)
            storage.seal()
            disk.fuse = fuse
            with pytest.raises(PowerCut):
                storage.write(Ready(3, truncate_after=5))
                storage.write(Ready(4, truncate_after=1))
                raise PowerCut
            disk.crash()
            _, recovered = recover(disk)
            assert list(entries(1, 12))[: len(recovered.entries)] == recovered.entries
            vote = read_vote(disk)
            assert vote is not None and not vote.cutting
            assert vote.sealed <= len(recovered.entries)


@pytest.mark.parametrize("sealed", [0, 4, 12])
def test_power_may_go_between_a_cut_and_its_sync(sealed: int) -> None:
    """The records behind the cut prove that those in the zeroed sector were synced once."""

    def one(seed: int) -> tuple[FusedDisk, Storage]:
        disk, storage = written(sealed, seed, 10_000)
        storage.seal()
        for index in range(sealed + 1, 13):
            storage.write(Ready(2, entries=entries(index, index)))
            storage.sync()
        return disk, storage

    disk, storage = one(0)
    steps = -disk.steps
    storage.write(Ready(3, truncate_after=4))
    steps += disk.steps
    zeroed = 0
    for seed in range(40):
        disk, storage = one(seed)
        whole = disk.read(f"{1:020d}.log")
        # Taking the note back is 4 steps, and the sync of the cut is the one before.
        disk.fuse = steps - 5
        with pytest.raises(PowerCut):
            storage.write(Ready(3, truncate_after=4))
        disk.crash()
        left = disk.read(f"{1:020d}.log")
        damaged = len(left) == len(whole) and left != whole
        zeroed += damaged
        _, recovered = recover(disk)
        assert recovered.entries == list(entries(1, 12 if left == whole else 4))
        assert recovered.torn == damaged
    assert zeroed


def test_damage_that_no_cut_explains_is_refused_wherever_the_log_was_sealed() -> None:
    disk, _ = written(12, segment_bytes=10_000)
    vote = read_vote(disk)
    assert vote is not None and vote.sealed == 0
    disk.flip(f"{1:020d}.log", 400, 1)
    assert "is damaged and was acknowledged" in refusal(disk)


def test_only_what_is_durable_is_sealed() -> None:
    for seed in range(20):
        disk, storage = written(3, seed)
        storage.write(Ready(3, entries=entries(4, 9)))
        storage.seal()
        disk.crash()
        assert recover(disk)[1].entries[:3] == list(entries(1, 3))


def test_what_follows_a_cut_or_nothing_may_be_cut_too() -> None:
    disk, storage = written(5)
    before = {name: disk.read(name) for name in disk.names()}
    storage.write(Ready(3, truncate_after=5))
    storage.write(Ready(4, truncate_after=9))
    assert {name: disk.read(name) for name in disk.names()} == before


def test_a_promise_is_never_taken_back() -> None:
    _, storage = joined()
    storage.write(Ready(1, HardState(3, None)))
    storage.write(Ready(1, HardState(3, "b")))
    for wrong in (HardState(3, "a"), HardState(3, None), HardState(2, "b")):
        with pytest.raises(AssertionError):
            storage.write(Ready(2, wrong))
    with pytest.raises(AssertionError):
        storage.write(Ready(2, entries=entries(1, 1, 4)))


@pytest.mark.parametrize(
    "ready",
    [
        Ready(9, HardState(5, "b")),
        Ready(9, HardState(5, "b"), truncate_after=4, entries=entries(5, 9, 5)),
        Ready(9, HardState(5), restart=Origin(30, 4, VOTERS), entries=entries(31, 33, 5)),
        Ready(9, truncate_after=0, entries=entries(1, 2)),
        Ready(9, entries=entries(21, 40)),
    ],
)
def test_a_batch_may_be_written_again_wherever_it_found_no_room(ready: Ready) -> None:
    full = 0
    for room in range(0, 400, 5):
        disk, storage = written(20, room)
        other, plenty = written(20, room)
        for each in (storage, plenty):
            store(each, 30, 4)
            each.seal()
        disk.capacity = disk.used + room
        tries = 0
        while True:
            try:
                storage.write(ready)
                break
            except DiskFullError:
                tries += 1
                disk.capacity += 40
        full += bool(tries)
        disk.capacity = None
        plenty.write(ready)
        storage.sync()
        plenty.sync()
        assert {n: disk.read(n) for n in disk.names()} == {n: other.read(n) for n in other.names()}
        disk.crash()
        one, two = recover(disk)[1], recover(other)[1]
        assert (one.hard_state, one.origin, one.entries) == (
            two.hard_state,
            two.origin,
            two.entries,
        )
    assert full


@pytest.mark.parametrize(
    "call",
    [
        lambda storage: storage.sync(),
        lambda storage: storage.write(Ready(3, HardState(9, "a"))),
        lambda storage: storage.write(Ready(3, truncate_after=2)),
        lambda storage: storage.write(Ready(3, restart=Origin(9, 1, VOTERS))),
        lambda storage: store(storage, 2),
    ],
)
def test_a_sync_that_fails_comes_through_as_it_is(call: Callable[[Storage], None]) -> None:
    disk, storage = written(5)
    disk.fsync_fails = True
    with pytest.raises(OSError, match="Input/output") as failure:
        call(storage)
    assert not isinstance(failure.value, DiskFullError)


# Snapshots


def test_a_snapshot_without_room_leaves_nothing_and_tells_so_for_all_that_follows() -> None:
    disk, storage = written(5)
    first, *_ = chunks = picture(3)
    disk.capacity = disk.used + len(first) + 20
    assert storage.store(3, 0, first, final=False)
    assert not storage.store(3, 1, bytes(200), final=False)
    disk.capacity = None
    assert not any(name.endswith(".tmp") for name in disk.names())
    assert not storage.store(3, 2, b"more", final=True)
    assert not any("snap" in name for name in disk.names())
    for number, chunk in enumerate(chunks):
        assert storage.store(3, number, chunk, final=number == len(chunks) - 1)
    assert [storage.chunk(3, n) for n in range(len(chunks))] == chunks


def test_a_snapshot_that_is_begun_takes_the_place_of_an_unfinished_one() -> None:
    disk, storage = written(5)
    assert storage.store(3, 0, b"own", final=False)
    assert storage.store(9, 0, picture(9)[0], final=False)
    assert [name for name in disk.names() if "snap" in name] == [f"{9:020d}.snap.tmp"]
    assert not storage.store(3, 1, b"late", final=True)
    assert not storage.store(9, 2, b"out of order", final=False)
    assert storage.store(9, 1, picture(9)[1], final=True)
    assert recover(disk)[1].origin.index == 9


def test_chunks_of_kept_snapshots_are_read_in_any_order_and_gone_ones_are_none() -> None:
    disk, storage = written(20)
    for index in (5, 9):
        store(storage, index)
    assert storage.chunk(9, 1) == picture(9)[1]
    assert storage.chunk(5, 0) == picture(5)[0]
    assert storage.chunk(9, 0) == picture(9)[0]
    with pytest.raises(SnapshotError, match="cut short"):
        storage.chunk(9, 2)
    store(storage, 14)
    assert storage.chunk(5, 0) is None
    assert storage.chunk(14, 1) == picture(14)[1]
    # A leader may send one that is here already, cut into other chunks.
    assert storage.chunk(14, 1) is not None
    for number, chunk in enumerate((b"a", b"bc", b"d")):
        assert storage.store(14, number, chunk, final=number == 2)
    assert storage.chunk(14, 2) == b"d"
    disk.truncate(f"{14:020d}.snap", 7)
    assert storage.chunk(14, 0) == b"a"
    with pytest.raises(SnapshotError, match="cut short"):
        storage.chunk(14, 1)


def test_the_log_is_kept_from_the_older_snapshot_on_and_for_those_who_are_late() -> None:
    def first_index(disk: MemoryDisk) -> int:
        return int(next(n for n in disk.names() if n.endswith(".log")).removesuffix(".log"))

    disk, storage = written(60)
    store(storage, 50)
    storage.compact(50)
    assert first_index(disk) == 1
    store(storage, 55)
    storage.compact(20)
    assert 15 < first_index(disk) <= 21
    storage.compact(55)
    assert 45 < first_index(disk) <= 51
    recovered = recover(disk)[1]
    assert recovered.entries == list(entries(56, 60))
    log = Log.recover(disk, bytes.fromhex(INCARNATION), sealed=0)
    assert log.term_at(60) == 1
