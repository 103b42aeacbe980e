"""One member's directory: founding, what a start accepts and refuses, snapshots, full disks."""

import contextlib
import random
from collections.abc import Callable

import pytest
from cluster_support import INCARNATION
from fused_disk import FusedDisk, PowerCut

from ringrift.node.cluster.commands import Blank, ChangeVoters, encode_command
from ringrift.node.cluster.snapshot import SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.log import Log, LogCorruptError
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.storage import (
    STEP_ENTRIES,
    Recovered,
    Recovery,
    Storage,
    found,
    found_empty,
    founded,
)
from ringrift.node.consensus.vote import read_vote, write_vote
from ringrift.node.runtime.disk import DiskFullError
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import MAX_VOTERS, Entry, Voters

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


# Founding


def test_a_founded_directory_holds_the_voters_as_entry_1() -> None:
    disk = disk_of()
    assert not founded(disk)
    found(disk, INCARNATION, "b", VOTERS)
    assert founded(disk)
    disk.crash()
    _, recovered = Storage.recover(disk, INCARNATION, "b")
    assert (recovered.hard_state, recovered.origin) == (HardState(1), Origin())
    first = Entry(1, 1, 0, 0, 0, encode_command(ChangeVoters()), VOTERS)
    assert recovered.entries == [first]
    assert recovered.state.apply(first).index == 1
    other = disk_of(1)
    found(other, INCARNATION, "a", VOTERS)
    assert other.read(f"{1:020d}.log") == disk.read(f"{1:020d}.log")


def test_a_founding_cut_short_is_repeated_and_a_whole_one_is_not() -> None:
    seen: set[bool] = set()
    for seed in range(40):
        for fuse in range(9):
            disk = disk_of(seed)
            disk.fuse = fuse
            with contextlib.suppress(PowerCut):
                found(disk, INCARNATION, "a", VOTERS)
            disk.crash()
            seen.add(founded(disk))
            if not founded(disk):
                found(disk, INCARNATION, "a", VOTERS)
            with pytest.raises(AssertionError):
                found(disk, INCARNATION, "a", VOTERS)
            disk.crash()
            assert len(recover(disk)[1].entries) == 1
    assert seen == {True, False}


def test_a_founding_that_finds_no_room_may_be_repeated() -> None:
    for capacity in range(0, 200, 7):
        disk = disk_of(capacity)
        disk.capacity = capacity
        with pytest.raises(DiskFullError):
            found(disk, INCARNATION, "a", VOTERS)
        disk.capacity = None
        assert not founded(disk)
        found(disk, INCARNATION, "a", VOTERS)
        assert len(recover(disk)[1].entries) == 1


def test_a_directory_that_is_to_join_knows_nothing() -> None:
    disk, _ = joined()
    assert founded(disk)
    disk.crash()
    _, recovered = recover(disk)
    assert (recovered.hard_state, recovered.origin) == (HardState(), Origin())
    assert (recovered.entries, recovered.parts, recovered.torn) == ([], 0, False)
    with pytest.raises(AssertionError):
        found_empty(disk, INCARNATION, "a")


@pytest.mark.parametrize(
    "voters", [("b",), ("b", "a"), ("a", "a"), tuple("abcdefghi"[: MAX_VOTERS + 1])]
)
def test_only_sorted_voters_of_whom_one_is_found(voters: Voters) -> None:
    with pytest.raises(AssertionError):
        found(disk_of(), INCARNATION, "a", voters)


# What a start accepts


def test_a_start_reads_in_small_steps() -> None:
    disk, storage = joined()
    storage.write(Ready(1, HardState(1, "a"), entries=entries(1, 3 * STEP_ENTRIES, size=0)))
    storage.sync()
    recovery, steps = Recovery(disk, INCARNATION, "a"), 0
    while (done := recovery.step()) is None:
        steps += 1
    assert steps >= 3
    assert len(done[1].entries) == 3 * STEP_ENTRIES


def test_snapshot_log_and_promises_are_found_again() -> None:
    disk, storage = written(30)
    store(storage, 12)
    store(storage, 20)
    storage.write(Ready(3, HardState(4, "c"), entries=entries(31, 33, 4)))
    storage.sync()
    disk.crash()
    _, recovered = recover(disk)
    assert recovered.hard_state == HardState(4, "c")
    assert recovered.origin == Origin(20, 1, VOTERS)
    assert recovered.parts == len(picture(20)) == 2
    assert recovered.state.voters == VOTERS
    assert recovered.entries == [*entries(21, 30), *entries(31, 33, 4)]
    assert not recovered.torn


def test_a_tear_is_told() -> None:
    torn = 0
    for seed in range(20):
        disk, storage = written(3, seed)
        storage.write(Ready(3, entries=entries(4, 9)))
        disk.crash()
        recovered = recover(disk)[1]
        assert recovered.torn == bool(disk.torn) or len(recovered.entries) in (3, 9)
        torn += recovered.torn
    assert torn


def test_a_log_that_ends_before_the_snapshot_is_begun_anew_behind_it() -> None:
    disk, storage = written(5)
    storage.seal()
    store(storage, 9)
    disk.crash()
    again, recovered = recover(disk)
    assert (recovered.origin.index, recovered.entries) == (9, [])
    assert not any(name.endswith(".log") for name in disk.names())
    again.write(Ready(1, entries=entries(10, 11)))
    again.sync()
    assert recover(disk)[1].entries == list(entries(10, 11))


def test_a_log_of_another_history_than_the_snapshot_is_begun_anew_behind_it() -> None:
    for fuse in [None, *range(12)]:
        disk, storage = written(20)
        storage.write(Ready(3, HardState(7, "b")))
        storage.seal()
        store(storage, 9, 7)
        disk.fuse = fuse
        try:
            recover(disk)
        except PowerCut:
            disk.crash()
        recovered = recover(disk)[1]
        assert (recovered.origin.term, recovered.entries) == (7, [])
        assert recovered.hard_state == HardState(7, "b")


def test_a_snapshot_of_a_later_term_than_the_vote_raises_the_term_durably() -> None:
    disk, storage = written(3)
    store(storage, 9, 6)
    assert recover(disk)[1].hard_state == HardState(6)
    vote = read_vote(disk)
    assert vote is not None and vote.hard_state == HardState(6)


def test_leftovers_of_a_crash_go() -> None:
    disk, storage = written(3)
    storage.store(2, 0, b"half", final=False)
    disk.append("vote.tmp", b"half")
    recover(disk)
    assert not any(name.endswith(".tmp") for name in disk.names())


def test_a_start_that_finds_no_room_may_be_repeated() -> None:
    disk, storage = written(20)
    storage.seal()
    store(storage, 9, 7)
    disk.capacity = disk.used
    with pytest.raises(DiskFullError):
        recover(disk)
    disk.capacity = None
    assert recover(disk)[1].origin == Origin(9, 7, VOTERS)


# What a start refuses


def test_strangers_and_lost_votes_are_refused() -> None:
    disk, _ = written(3)
    assert "is of cluster" in refusal(disk, incarnation="cd" * 16)
    assert "is of node a, not of b" in refusal(disk, node="b")
    disk.remove("vote")
    assert founded(disk)
    assert "no vote file" in refusal(disk)


def test_a_vote_from_an_earlier_time_than_the_log_is_refused() -> None:
    disk, storage = written(3)
    old = read_vote(disk)
    assert old is not None
    storage.write(Ready(3, HardState(2, "a"), entries=entries(4, 5, 2)))
    storage.sync()
    write_vote(disk, old)
    assert "vote file is of term 1, but the log of term 2" in refusal(disk)


def test_a_log_that_does_not_reach_back_to_the_snapshot_is_refused() -> None:
    disk, storage = written(20)
    store(storage, 10)
    store(storage, 15)
    storage.compact(15)
    for name in [name for name in disk.names() if name.endswith(".snap")]:
        disk.remove(name)
    assert "but the snapshot ends at 0" in refusal(disk)


def test_a_log_of_an_earlier_term_than_the_snapshot_right_before_it_is_refused() -> None:
    disk, storage = joined()
    storage.write(Ready(1, HardState(2, "a")))
    store(storage, 9, 2)
    storage.write(Ready(2, restart=Origin(9, 2, VOTERS), entries=entries(10, 11, 2)))
    storage.sync()
    disk.remove(f"{9:020d}.snap")
    for number, chunk in enumerate(picture(9, 5)):
        storage.store(9, number, chunk, final=number == 1)
    assert "Entry 10 of the log is of term 2" in refusal(disk)


def test_a_snapshot_under_another_name_is_refused() -> None:
    disk, storage = written(20)
    store(storage, 10)
    disk.rename(f"{10:020d}.snap", f"{12:020d}.snap")
    assert "ends at entry 10; restore" in refusal(disk)


def test_a_rotten_snapshot_is_refused_and_the_one_before_serves_once_it_is_removed() -> None:
    disk, storage = written(30)
    store(storage, 10)
    store(storage, 20)
    storage.compact(20)
    newest = f"{20:020d}.snap"
    disk.flip(newest, 30, 1)
    sentence = refusal(disk)
    assert f"remove {newest} to start from {10:020d}.snap and the log." in sentence
    disk.remove(newest)
    recovered = recover(disk)[1]
    assert recovered.origin.index == 10
    assert recovered.entries == list(entries(11, 30))


@pytest.mark.parametrize("older", [[], [3], [18]])
def test_a_rotten_snapshot_that_nothing_stands_in_for_is_refused(older: list[int]) -> None:
    """Its own log begins behind it, or ends before it: what it held is nowhere else."""
    disk, storage = written(20)
    for index in older:
        store(storage, index)
    store(storage, 25)
    storage.write(Ready(3, restart=Origin(25, 1, VOTERS), entries=entries(26, 28)))
    storage.sync()
    disk.flip(f"{25:020d}.snap", 30, 1)
    assert "; restore the directory" in refusal(disk)
    other, storage = written(20)
    store(storage, 10)
    store(storage, 25)
    other.flip(f"{25:020d}.snap", 30, 1)
    assert "; restore the directory" in refusal(other)


def test_any_flipped_byte_of_what_a_clean_end_left_is_refused() -> None:
    def left() -> FusedDisk:
        disk, storage = written(12)
        store(storage, 4)
        store(storage, 9)
        storage.compact(9)
        storage.write(Ready(3, HardState(2, "b"), truncate_after=10, entries=entries(11, 12, 2)))
        storage.sync()
        storage.seal()
        return disk

    whole = left()
    for name in whole.names():
        for position in range(len(whole.read(name))):
            if name == f"{4:020d}.snap":
                continue
            disk = left()
            disk.flip(name, position, 1 << position % 8)
            refusal(disk)


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
