"""A member's directory: how it is founded, what a start accepts and what it refuses."""

import contextlib

import pytest
from cluster_support import INCARNATION
from fused_disk import FusedDisk, PowerCut
from storage_support import (
    VOTERS,
    disk_of,
    entries,
    joined,
    picture,
    recover,
    refusal,
    store,
    written,
)

from ringrift.node.cluster.commands import ChangeVoters, encode_command
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.storage import (
    STEP_ENTRIES,
    Recovery,
    Storage,
    forget,
    found,
    found_empty,
    founded,
)
from ringrift.node.consensus.vote import read_vote, write_vote
from ringrift.node.runtime.disk import DiskFullError
from ringrift.wire.log import MAX_VOTERS, Entry, Voters

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


# Forgetting


def test_who_has_no_vote_any_more_keeps_its_promise_and_nothing_else() -> None:
    disk = disk_of()
    forget(disk)
    assert disk.names() == []
    disk, storage = written(40)
    store(storage, 30)
    storage.seal()
    forget(disk)
    disk.crash()
    assert disk.names() == ["vote"] and founded(disk)
    storage, back = recover(disk)
    assert back.hard_state == HardState(1, "a")
    assert (back.origin, back.entries) == (Origin(), [])
    with pytest.raises(AssertionError):
        storage.write(Ready(1, HardState(1, "b")))


def test_a_forgetting_cut_short_anywhere_can_be_read_and_ended() -> None:
    for fuse in range(200):
        disk, storage = written(40, seed=fuse)
        store(storage, 10)
        store(storage, 30)
        storage.compact(10)
        storage.seal()
        disk.fuse = fuse
        try:
            forget(disk)
        except PowerCut:
            disk.crash()
            _, back = recover(disk)
            assert back.hard_state == HardState(1, "a")
            forget(disk)
            assert disk.names() == ["vote"]
        else:
            assert fuse > 10
            return
    raise AssertionError("it never ended")
