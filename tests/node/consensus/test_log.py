"""The log: what was synced survives, a tear is cut, all other damage is refused."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_support import CLUSTER, entry, recover, written

from ringrift.node.consensus.log import Log, LogCorruptError
from ringrift.node.consensus.record import HEADER_BYTES, SegmentHeader, pack_header, read_record
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import MAX_COMMAND_BYTES, Entry


def test_what_was_synced_is_read_back_across_segments() -> None:
    disk = written([3, 1, 5, 2])
    log = recover(disk)
    assert (log.first_index, log.last_index, log.last_term, log.synced_index) == (1, 11, 1, 11)
    assert len(disk.names()) == 2
    assert list(log.entries(0)) == [entry(i) for i in range(1, 12)]
    assert [e.index for e in log.entries(7)] == [8, 9, 10, 11]
    log.append([entry(12, term=4)])
    log.sync()
    assert recover(disk).last_term == 4


def test_the_longest_command_fits() -> None:
    disk = written([])
    log = recover(disk)
    log.append([entry(1, size=MAX_COMMAND_BYTES)])
    log.sync()
    assert len(next(recover(disk).entries(0)).command) == MAX_COMMAND_BYTES


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32),
    batches=st.lists(st.integers(1, 6), max_size=8),
    unsynced=st.integers(0, 6),
    crashes=st.integers(1, 3),
)
def test_acknowledged_entries_survive_any_crash(
    seed: int, batches: list[int], unsynced: int, crashes: int
) -> None:
    disk = MemoryDisk(random.Random(seed))
    known: list[Entry] = []
    for life in range(1, crashes + 1):
        log = recover(disk)
        found = list(log.entries(0))
        # What was never acknowledged may have survived; from here on it counts as decided.
        assert found[: len(known)] == known
        known = found
        for size in batches:
            new = [entry(log.last_index + 1 + i, life, size=30 * life) for i in range(size)]
            log.append(new)
            log.sync()
            known += new
        log.append([entry(log.last_index + 1 + i, life) for i in range(unsynced)])
        disk.crash()
    log = recover(disk)
    found = list(log.entries(0))
    assert found[: len(known)] == known
    assert len(found) <= len(known) + unsynced


def test_every_byte_flip_in_a_sealed_log_is_refused() -> None:
    for name, size in _sizes(written([2, 1, 3, 1])):
        for position in range(size):
            disk = written([2, 1, 3, 1])
            disk.flip(name, position, 1 << position % 8)
            with pytest.raises(LogCorruptError) as refusal:
                recover(disk, sealed=7)
            assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


def test_every_byte_flip_in_an_unsealed_log_loses_nothing_proven_to_be_synced() -> None:
    """Only the newest batch has no later record to prove it: there a flip looks like a tear."""
    batches = [2, 1, 3, 2]
    cut = refused = 0
    for name, size in _sizes(written(batches, segment_bytes=10_000)):
        for position in range(size):
            disk = written(batches, segment_bytes=10_000)
            disk.flip(name, position, 1 << position % 8)
            try:
                log = recover(disk)
            except LogCorruptError:
                refused += 1
            else:
                cut += 1
                assert log.last_index >= 6
                assert list(log.entries(0)) == [entry(i) for i in range(1, log.last_index + 1)]
    assert refused > 2 * cut > 0


def _sizes(disk: MemoryDisk) -> list[tuple[str, int]]:
    return [(name, len(disk.read(name))) for name in disk.names()]


def test_a_tail_cut_at_any_byte_is_cut_and_the_log_goes_on() -> None:
    whole = written([2, 1, 3], segment_bytes=10_000)
    (name,) = whole.names()
    for size in range(len(whole.read(name))):
        disk = written([2, 1, 3], segment_bytes=10_000)
        disk.truncate(name, size)
        log = recover(disk)
        assert list(log.entries(0)) == [entry(i) for i in range(1, log.last_index + 1)]
        log.append([entry(log.last_index + 1, 9)])
        log.sync()
        assert recover(disk).last_index == log.last_index


def test_a_missing_or_foreign_segment_is_refused() -> None:
    names = written([3] * 6).names()
    assert len(names) >= 3
    disk = written([3] * 6)
    disk.remove(names[1])
    with pytest.raises(LogCorruptError, match="does not follow"):
        recover(disk)
    disk = written([3] * 6)
    disk.rename(names[0], f"{7:020d}.log")
    with pytest.raises(LogCorruptError):
        recover(disk)
    disk = written([3] * 6)
    with pytest.raises(LogCorruptError, match="is of cluster"):
        Log.recover(disk, bytes(16), sealed=0)
    disk = written([3] * 6 + [1])
    disk.remove(disk.names()[-1])
    with pytest.raises(LogCorruptError, match="ends at entry 18, but entry 19 was acknowledged"):
        recover(disk, sealed=19)


def test_a_log_of_a_later_format_is_refused_with_the_way_out() -> None:
    disk = MemoryDisk(random.Random(0))
    disk.append(f"{1:020d}.log", pack_header(SegmentHeader(CLUSTER, 1, 0, version=2)))
    with pytest.raises(LogCorruptError, match="has format 2, this version reads 1; run the"):
        recover(disk)


def test_a_refused_log_is_left_as_it_was() -> None:
    disk = written([3, 3, 3, 3])
    disk.flip(disk.names()[0], 60, 4)
    before = {name: disk.read(name) for name in disk.names()}
    with pytest.raises(LogCorruptError):
        recover(disk)
    assert {name: disk.read(name) for name in disk.names()} == before


def test_compaction_forgets_whole_segments_and_survives_a_crash() -> None:
    disk = written([4] * 10)
    log = recover(disk)
    log.compact(0)
    assert log.first_index == 1
    log.compact(17)
    assert 1 < log.first_index <= 18
    disk.crash()
    again = recover(disk)
    assert (again.first_index, again.last_index) == (log.first_index, 40)
    again.compact(1_000)
    assert again.last_index == 40


def test_a_log_restarted_behind_a_snapshot_begins_after_it() -> None:
    disk = written([4, 4])
    log = recover(disk)
    log.restart(100, 7)
    log.append([entry(101, 7)])
    log.sync()
    again = recover(disk)
    assert (again.first_index, again.last_index) == (101, 101)
    with pytest.raises(AssertionError):
        again.append([entry(103, 7)])
    with pytest.raises(AssertionError):
        again.append([entry(102, 6)])


def test_a_record_of_another_history_is_not_taken_for_the_next() -> None:
    """Two logs part at entry 2; entry 3 of the one must not follow entry 2 of the other."""
    disks = [MemoryDisk(random.Random(0)) for _ in range(2)]
    for disk, size in zip(disks, (20, 21), strict=True):
        log = recover(disk, segment_bytes=10_000)
        log.append([entry(1), entry(2, size=size), entry(3)])
        log.sync()
    (name,) = disks[0].names()
    ours, theirs = (disk.read(name) for disk in disks)
    newest, offset = None, HEADER_BYTES
    while (record := read_record(ours, offset)) is not None:
        newest, offset = offset, record.end
    assert newest is not None and read_record(theirs, newest + 1) is not None
    disks[0].truncate(name, newest)
    disks[0].append(name, theirs[newest + 1 :])
    assert recover(disks[0]).last_index == 2


def test_what_a_killed_process_left_unsynced_is_made_durable_before_it_is_trusted() -> None:
    for seed in range(30):
        disk = MemoryDisk(random.Random(seed))
        log = recover(disk)
        log.append([entry(1)])
        log.sync()
        log.append([entry(2), entry(3, size=200)])
        assert recover(disk).last_index == 3
        disk.crash()
        assert recover(disk).last_index == 3
