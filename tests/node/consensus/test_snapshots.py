"""Snapshot and vote files: whole or not there, and damage is named."""

import random
import zlib

import pytest

from ringrift.node.cluster.snapshot import SnapshotError
from ringrift.node.consensus import snapshots
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.raft.ready import HardState
from ringrift.node.consensus.vote import NAME, Vote, read_vote, write_vote
from ringrift.node.sim.disk import MemoryDisk


def stored(disk: MemoryDisk, index: int, *chunks: bytes) -> None:
    draft = snapshots.Draft(disk, index)
    for chunk in chunks:
        draft.add(chunk)
    draft.commit()


def test_the_newest_two_are_kept_and_read_back() -> None:
    disk = MemoryDisk(random.Random(0))
    for index in (7, 100, 30_000):
        stored(disk, index, b"one", b"", b"%d" % index)
    assert snapshots.stored(disk) == [100, 30_000]
    assert list(snapshots.chunks(disk, 30_000)) == [b"one", b"", b"30000"]


def test_a_half_written_one_is_never_seen_and_is_started_anew() -> None:
    disk = MemoryDisk(random.Random(0))
    snapshots.Draft(disk, 7).add(b"of a dead process")
    assert snapshots.stored(disk) == []
    stored(disk, 7, b"whole")
    assert list(snapshots.chunks(disk, 7)) == [b"whole"]


def test_a_committed_one_survives_a_crash() -> None:
    for seed in range(30):
        disk = MemoryDisk(random.Random(seed))
        stored(disk, 7, b"x" * 300, b"y" * 300)
        disk.crash()
        assert list(snapshots.chunks(disk, 7)) == [b"x" * 300, b"y" * 300]


@pytest.mark.parametrize("size", [3, 6, 9])
def test_a_file_cut_short_is_refused(size: int) -> None:
    disk = MemoryDisk(random.Random(0))
    stored(disk, 7, b"abc", b"defg")
    disk.truncate(disk.names()[0], size)
    with pytest.raises(SnapshotError, match="cut short"):
        list(snapshots.chunks(disk, 7))


def test_an_absurd_length_is_refused_before_it_is_read() -> None:
    disk = MemoryDisk(random.Random(0))
    stored(disk, 7, b"abc")
    disk.flip(disk.names()[0], 0, 0x40)
    with pytest.raises(SnapshotError, match="damaged at byte 0"):
        list(snapshots.chunks(disk, 7))


def test_chunks_are_read_by_number_in_any_order() -> None:
    disk = MemoryDisk(random.Random(0))
    stored(disk, 7, b"zero", b"", b"two", b"three")
    reader = snapshots.Reader(disk, 7)
    assert reader.chunk(2) == (b"two", False)
    assert reader.chunk(0) == (b"zero", False)
    assert reader.chunk(3) == (b"three", True)
    assert reader.chunk(1) == (b"", False)
    with pytest.raises(SnapshotError, match="cut short"):
        reader.chunk(4)


def test_a_vote_is_read_back_and_any_flipped_byte_is_refused() -> None:
    disk = MemoryDisk(random.Random(0))
    assert read_vote(disk) is None
    vote = Vote(incarnation="ab" * 16, node="n", term=7, voted_for="m", sealed=12, cutting=True)
    write_vote(disk, vote)
    assert read_vote(disk) == vote and vote.hard_state == HardState(7, "m")
    for position in range(len(disk.read(NAME))):
        write_vote(disk, vote)
        disk.flip(NAME, position, 1)
        with pytest.raises(LogCorruptError, match="vote file"):
            read_vote(disk)


def test_a_vote_of_a_later_format_is_refused_with_the_way_out() -> None:
    disk = MemoryDisk(random.Random(0))
    vote = Vote(format=2, incarnation="ab" * 16, node="n", term=7, voted_for=None, sealed=0)
    write_vote(disk, vote)
    with pytest.raises(LogCorruptError, match="format 2, this version reads 1; run the version"):
        read_vote(disk)


def test_a_vote_file_that_holds_something_else_is_refused() -> None:
    disk = MemoryDisk(random.Random(0))
    body = b"\x93123"
    disk.append(NAME, zlib.crc32(body).to_bytes(4, "big") + body)
    with pytest.raises(LogCorruptError, match="vote file cannot be read"):
        read_vote(disk)
