"""The log cut at a conflict, emptied, out of room: it goes on as if nothing had been."""

import random
import zlib

import pytest
from fused_disk import FusedDisk, PowerCut
from hypothesis import given, settings
from hypothesis import strategies as st
from log_support import CLUSTER, entry, recover, written

from ringrift.node.consensus.log import Log, LogCorruptError
from ringrift.node.consensus.record import HEADER_BYTES, SegmentHeader, pack_header
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import MAX_COMMAND_BYTES, MAX_VOTERS, Entry


def test_a_cut_log_goes_on_from_where_it_was_cut() -> None:
    for after in range(31):
        disk = MemoryDisk(random.Random(0))
        log = recover(disk)
        for first in range(1, 31, 3):
            log.append([entry(first + i, 1 + first // 10) for i in range(3)])
            log.sync()
        assert len(disk.names()) > 4
        log.truncate(after)
        assert (log.last_index, log.synced_index) == (after, after)
        assert log.last_term == (0 if after == 0 else 1 + ((after - 1) // 3 * 3 + 1) // 10)
        log.append([entry(after + 1, 9, size=70), entry(after + 2, 10)])
        log.sync()
        again = recover(disk, sealed=after + 2)
        assert not again.torn
        assert [again.term_at(i) for i in (after + 1, after + 2)] == [9, 10]
        assert [e.index for e in again.entries(0)] == list(range(1, after + 3))
        assert list(again.entries(after)) == [entry(after + 1, 9, size=70), entry(after + 2, 10)]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32),
    batches=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    unsynced=st.integers(0, 4),
    fuse=st.integers(0, 12),
    data=st.data(),
)
def test_a_crash_during_a_cut_leaves_a_longer_beginning(
    seed: int, batches: list[int], unsynced: int, fuse: int, data: st.DataObject
) -> None:
    disk = FusedDisk(random.Random(seed))
    log = recover(disk)
    known: list[Entry] = []
    for life, size in enumerate(batches, 1):
        known += [entry(len(known) + 1 + i, life) for i in range(size)]
        log.append(known[-size:])
        log.sync()
    log.append([entry(log.last_index + 1 + i, 99) for i in range(unsynced)])
    synced = len(known)
    known += [entry(synced + 1 + i, 99) for i in range(unsynced)]
    after = data.draw(st.integers(0, len(known)))
    disk.fuse = fuse
    done = False
    try:
        log.truncate(after)
        done = True
    except PowerCut:
        pass
    disk.crash()
    cut_after = after if after < synced else None
    again = Log.recover(
        disk, CLUSTER, sealed=min(after, synced), cut_after=cut_after, segment_bytes=400
    )
    found = list(again.entries(0))
    assert found == known[: len(found)]
    assert len(found) >= min(after, synced)
    if done and after < len(known):
        assert len(found) == after
    again.append([entry(again.last_index + 1, 100)])
    again.sync()
    assert recover(disk).last_term == 100


def test_without_the_note_of_a_cut_its_traces_are_refused() -> None:
    """Power may go when the rest of a sector is zeroed and the length is still the old one."""
    refused = 0
    for seed in range(60):
        disk = FusedDisk(random.Random(seed))
        log = recover(disk, segment_bytes=10_000)
        for index in range(1, 20):
            log.append([entry(index)])
            log.sync()
        disk.fuse = 1
        with pytest.raises(PowerCut):
            log.truncate(4)
        disk.crash()
        try:
            Log.recover(disk, CLUSTER, sealed=4, segment_bytes=10_000)
        except LogCorruptError:
            refused += 1
            assert Log.recover(disk, CLUSTER, sealed=4, cut_after=4).last_index == 4
        with pytest.raises(LogCorruptError):
            disk.flip(disk.names()[0], 60, 1)
            Log.recover(disk, CLUSTER, sealed=4, cut_after=4)
    assert refused


def test_terms_are_known_of_every_entry_there_is_and_the_one_before() -> None:
    log = recover(MemoryDisk(random.Random(0)))
    terms = [1, 1, 3, 3, 3, 4, 8, 8, 8, 8, 9, 9]
    for index, term in enumerate(terms, 1):
        log.append([entry(index, term)])
        log.sync()
    assert [log.term_at(i) for i in range(14)] == [0, *terms, 0]
    log.compact(9)
    assert log.first_index > 4
    known = range(log.first_index - 1, 13)
    assert [log.term_at(i) for i in known] == terms[log.first_index - 2 :]
    again = recover(log.disk)  # pyright: ignore[reportArgumentType]
    assert again.term_at(again.first_index - 1) == 0
    again.begin_after(again.first_index - 1, terms[again.first_index - 2])
    assert [again.term_at(i) for i in known] == terms[log.first_index - 2 :]
    with pytest.raises(LogCorruptError, match="is of term"):
        again.begin_after(again.first_index - 1, 77)
    again.restart(50, 12)
    assert [again.term_at(i) for i in (49, 50, 51)] == [0, 12, 0]


def test_a_batch_that_finds_no_room_leaves_everything_as_it_was_and_may_be_tried_again() -> None:
    rng = random.Random(7)
    begun = partly = 0
    for seed in range(300):
        disk, plenty = (MemoryDisk(random.Random(seed)) for _ in range(2))
        log, other = recover(disk), recover(plenty)
        for index in range(1, 30, 2):
            batch = [entry(index), entry(index + 1, size=rng.randint(0, 90))]
            if rng.random() < 0.4:
                disk.capacity = disk.used + rng.randint(0, 140)
            before = {name: disk.read(name) for name in disk.names()}
            was = (log.last_index, log.synced_index, log.last_term)
            try:
                log.append(batch)
            except DiskFullError:
                assert (log.last_index, log.synced_index, log.last_term) == was
                after = {name: disk.read(name) for name in disk.names()}
                new = {n: d for n, d in after.items() if n not in before}
                assert all(len(data) == HEADER_BYTES for data in new.values())
                assert {n: d for n, d in after.items() if n in before} == before
                begun += bool(new)
                partly += not new
                if seed % 3 == 0:
                    break
                disk.capacity = None
                log.append(batch)
            other.append(batch)
            log.sync()
            other.sync()
        disk.crash()
        assert {n: disk.read(n) for n in plenty.names()} == {
            n: plenty.read(n) for n in plenty.names()
        }
        assert recover(disk).last_index == other.last_index
    assert begun and partly


def test_a_failed_sync_comes_through() -> None:
    disk = MemoryDisk(random.Random(0))
    log = recover(disk)
    log.append([entry(1)])
    disk.fsync_fails = True
    with pytest.raises(OSError, match="Input/output"):
        log.sync()
    assert log.synced_index == 0


def test_a_log_that_rots_under_a_living_node_is_refused() -> None:
    disk = written([9], segment_bytes=10_000)
    log = recover(disk, segment_bytes=10_000)
    disk.flip(disk.names()[0], HEADER_BYTES + 10, 1)
    with pytest.raises(LogCorruptError, match="changed under the node"):
        list(log.entries(0))
    with pytest.raises(LogCorruptError, match="changed under the node"):
        log.truncate(5)


def test_voters_are_part_of_an_entry_however_many_and_long() -> None:
    disk = MemoryDisk(random.Random(0))
    log = recover(disk)
    voters = tuple("\U0001f600" * 63 + str(i) for i in range(MAX_VOTERS))
    new = Entry(1, 1, 5, 0, 0, bytes(MAX_COMMAND_BYTES), voters)
    log.append([new])
    log.sync()
    assert list(recover(disk).entries(0)) == [new]


def test_a_segment_of_something_else_is_refused() -> None:
    disk = MemoryDisk(random.Random(0))
    header = bytearray(pack_header(SegmentHeader(CLUSTER, 1, 0)))
    header[:8] = b"SOMEELSE"
    header[-4:] = zlib.crc32(header[:-4]).to_bytes(4, "big")
    disk.append(f"{1:020d}.log", bytes(header) + b"more")
    with pytest.raises(LogCorruptError, match=r"header of .* is damaged"):
        recover(disk)


def test_nothing_is_synced_before_something_is_written() -> None:
    log = recover(MemoryDisk(random.Random(0)))
    log.append([])
    log.sync()
    assert (log.first_index, log.synced_index, log.disk.names()) == (1, 0, [])


def test_an_emptied_log_goes_on_like_a_new_one() -> None:
    for empty in (lambda log: log.truncate(0), lambda log: log.restart(0, 0)):
        disk = written([3, 3, 3])
        log = recover(disk)
        empty(log)
        assert disk.names() == []
        log.append([entry(1), entry(2), entry(3)])
        log.sync()
        new = written([3])
        assert {n: disk.read(n) for n in disk.names()} == {n: new.read(n) for n in new.names()}


def test_a_segment_that_found_no_room_to_begin_never_comes_back() -> None:
    """Were its torn header the newest file after a crash, a tear before it would look like rot."""
    removed = torn = 0
    for seed in range(200):
        disk = MemoryDisk(random.Random(seed))
        log = recover(disk)
        log.append([entry(1), entry(2), entry(3, size=400)])
        log.sync()
        disk.capacity = disk.used + HEADER_BYTES // 2
        with pytest.raises(DiskFullError):
            log.append([entry(4)])
        removed += disk.names() == [f"{1:020d}.log"]
        disk.capacity = None
        log.truncate(2)
        log.append([entry(3, 2), entry(4, 2, size=200)])
        disk.crash()
        again = recover(disk)
        assert again.last_index >= 2
        torn += again.torn
    assert removed == 200 and torn
