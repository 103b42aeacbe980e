"""What a `Disk` promises, of the real one and the simulated one; and what a crash may take."""

import random
import time
from pathlib import Path

import pytest

from ringrift.node.runtime.disk import Disk, DiskFullError, RealDisk, write_atomically
from ringrift.node.sim.disk import SECTOR, MemoryDisk


@pytest.fixture(params=["real", "memory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "memory":
        return MemoryDisk(random.Random(0))
    return RealDisk(tmp_path / "made" / "here")


def test_files_grow_shrink_move_and_go(disk: Disk) -> None:
    disk.append("b", b"hello ")
    disk.append("b", b"world")
    disk.append("a", b"other")
    assert disk.names() == ["a", "b"]
    assert (disk.read("b"), disk.read("b", 6), disk.read("b", 2, 3)) == (
        b"hello world",
        b"world",
        b"llo",
    )
    disk.truncate("b", 5)
    disk.append("b", b"!")
    disk.fsync("b")
    disk.rename("b", "a")
    assert (disk.names(), disk.read("a")) == (["a"], b"hello!")
    disk.append("a", b"?")
    assert disk.read("a") == b"hello!?"
    disk.remove("a")
    disk.fsync_dir()
    assert disk.names() == []
    with pytest.raises(FileNotFoundError):
        disk.read("a")


def test_an_atomic_write_replaces_the_whole_and_clears_a_leftover(disk: Disk) -> None:
    disk.append("vote.tmp", b"half of an old")
    write_atomically(disk, "vote", [b"one", b"two"])
    write_atomically(disk, "vote", [b"three"])
    assert (disk.names(), disk.read("vote")) == (["vote"], b"three")


def test_a_crash_keeps_what_was_synced_and_forgets_names_that_were_not() -> None:
    lost = torn = False
    for seed in range(200):
        disk = MemoryDisk(random.Random(seed))
        disk.append("kept", b"k" * 100)
        disk.fsync("kept")
        disk.fsync_dir()
        disk.append("kept", b"u" * (4 * SECTOR))
        disk.append("new", b"n" * 10)
        disk.fsync("new")
        disk.crash()
        data = disk.read("kept")
        assert data[:100] == b"k" * 100 and set(data[100:]) <= set(b"u\0")
        torn |= b"\0" in data and data.endswith(b"u")
        lost |= "new" not in disk.names()
        assert disk.names() == ["kept"] or disk.read("new") == b"n" * 10
    assert lost and torn


def test_an_atomic_write_survives_a_crash_at_any_step_as_old_or_new() -> None:
    class Stop(Exception):  # noqa: N818
        pass

    for steps in range(1, 9):
        for seed in range(20):
            disk = MemoryDisk(random.Random(seed))
            write_atomically(disk, "vote", [b"old" * 50])
            left = [steps]

            def counted(name: str, disk: MemoryDisk = disk, left: list[int] = left) -> object:
                call = getattr(MemoryDisk, name)

                def step(*args: object) -> object:
                    left[0] -= 1
                    if left[0] < 0:
                        raise Stop
                    return call(disk, *args)

                return step

            for name in ("append", "fsync", "rename", "fsync_dir"):
                setattr(disk, name, counted(name))
            try:
                write_atomically(disk, "vote", [b"new" * 30, b"new" * 20])
            except Stop:
                done = False
            else:
                done = True
            for name in ("append", "fsync", "rename", "fsync_dir"):
                delattr(disk, name)
            disk.crash()
            allowed = {b"new" * 50} if done else {b"old" * 50, b"new" * 50}
            assert disk.read("vote") in allowed


def test_a_full_disk_is_told_from_a_broken_one(tmp_path: Path) -> None:
    disk = RealDisk(tmp_path)
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(DiskFullError, match="No space left"):
        disk.append("full", b"x")
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory") as broken:
        disk.append("directory", b"x")
    assert not isinstance(broken.value, DiskFullError)


def test_a_write_at_the_limit_ends_anywhere_and_there_is_room_again_after_a_removal() -> None:
    seen: set[int | None] = set()
    for seed in range(60):
        disk = MemoryDisk(random.Random(seed), capacity=10)
        disk.append("a", b"1234567")
        with pytest.raises(DiskFullError):
            disk.append("a", b"89abc")
        assert b"123456789abc".startswith(disk.read("a"))
        with pytest.raises(DiskFullError):
            disk.append("b", b"x" * 20)
        seen |= {len(disk.read("a")), len(disk.read("b")) if "b" in disk.names() else None}
        assert disk.used <= 10
        disk.remove("a")
        disk.append("c", b"123")
        disk.capacity = None
        disk.append("c", b"x" * 20)
    assert {7, 8, 9, 10, None, 1, 3} <= seen


def test_a_sync_that_fails_says_so_and_syncs_nothing() -> None:
    for seed in range(20):
        disk = MemoryDisk(random.Random(seed))
        disk.append("a", b"kept")
        disk.fsync("a")
        disk.fsync_dir()
        disk.append("a", b"x" * 500)
        disk.fsync_fails = True
        for call in (lambda: disk.fsync("a"), disk.fsync_dir):  # noqa: B023
            with pytest.raises(OSError, match="Input/output"):
                call()
        disk.fsync_fails = False
        disk.crash()
        if len(disk.read("a")) < 504:
            break
    else:
        pytest.fail("a failed sync synced")


def test_crashes_that_tore_something_are_counted() -> None:
    torn = whole = 0
    for seed in range(50):
        disk = MemoryDisk(random.Random(seed))
        disk.append("a", b"x" * (3 * SECTOR))
        disk.fsync_dir()
        disk.crash()
        left = disk.read("a")
        assert disk.torn == (left not in (b"", b"x" * (3 * SECTOR)))
        torn += disk.torn
        whole += left == b"x" * (3 * SECTOR)
        disk.crash()
        assert disk.read("a") == left
    assert torn and whole


def test_an_unsynced_cut_is_done_or_not_or_shows_in_the_sector_it_fell_into() -> None:
    old = bytes(range(1, 201))
    outcomes: set[bytes] = set()
    for seed in range(100):
        disk = MemoryDisk(random.Random(seed))
        disk.append("a", old)
        disk.fsync("a")
        disk.fsync_dir()
        disk.truncate("a", 150)
        disk.truncate("a", 100)
        disk.append("a", b"new")
        disk.crash()
        outcomes.add(disk.read("a"))
    zeroed = old[:100] + bytes(128 - 100) + old[128:]
    assert outcomes == {old, old[:100], old[:100] + b"new", zeroed} | {
        old[:100] + b"new"[:size] for size in range(3)
    }


def test_a_sync_costs_by_what_is_new_and_not_by_the_whole_file() -> None:
    disk = MemoryDisk(random.Random(0))
    disk.append("a", bytes(50_000_000))
    disk.fsync("a")
    started = time.perf_counter()
    for _ in range(2_000):
        disk.append("a", b"x")
        disk.fsync("a")
    assert time.perf_counter() - started < 2
