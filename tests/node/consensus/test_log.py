"""The log: what was synced survives, a tear is cut, all other damage is refused."""

import random
import zlib

import pytest
from cluster_support import INCARNATION
from fused_disk import FusedDisk, PowerCut
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift.node.consensus.log import Log, LogCorruptError
from ringrift.node.consensus.record import HEADER_BYTES, SegmentHeader, pack_header, read_record
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import MAX_COMMAND_BYTES, MAX_VOTERS, Entry

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
