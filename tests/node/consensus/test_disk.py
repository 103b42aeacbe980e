"""What a `Disk` promises, of the real one and the simulated one; and what a crash may take."""

import random
from pathlib import Path

import pytest

from ringrift.node.runtime.disk import Disk, RealDisk, write_atomically
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
