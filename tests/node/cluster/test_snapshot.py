"""Snapshots: whole, bounded, a picture of one moment, and damaged ones refused."""

import random
import zlib

import msgspec
import pytest
from cluster_support import CONFIG, INCARNATION, Ledger, joins, sha, shard, training, wander
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.snapshot import MAX_CHUNK_BYTES, Head, Loader, SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import MAX_TRAINING_SHARDS
from ringrift.wire.log import Entry


def wandered(seed: int, steps: int = 300) -> Ledger:
    ledger = Ledger.founded()
    wander(ledger, random.Random(seed), steps)
    return ledger


def restored(chunks: list[bytes], incarnation: str = INCARNATION) -> ClusterState:
    loader = Loader(incarnation)
    for chunk in chunks:
        loader.feed(chunk)
    return ClusterState.restored(loader)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(0, 300))
def test_snapshot_and_tail_equal_the_whole_log(seed: int, cut: int) -> None:
    whole = wandered(seed)
    state = ClusterState()
    for entry in whole.entries[:cut]:
        state.apply(entry)
    copy = restored(list(state.snapshot(INCARNATION)))
    assert copy.digest() == state.digest()
    for entry in whole.entries[cut:]:
        assert copy.apply(entry) == state.apply(entry)
    copy.check()
    assert copy.digest() == state.digest() == whole.state.digest()


def test_the_digest_is_of_the_rows_and_not_only_of_what_was_restored() -> None:
    ledger = wandered(3)
    copy = restored(list(ledger.state.snapshot(INCARNATION)))
    entry = c.encode_command(c.RestartNode(node="n", by="n"))
    ledger.enter(1, 9_999, c.RestartNode(node="n", by="n"))
    last = ledger.entries[-1]
    assert last.command == entry
    copy.apply(last)
    assert copy.digest() == ledger.state.digest()


def test_a_digest_kept_up_at_every_entry_equals_one_made_at_the_end() -> None:
    ledger = wandered(4)
    state = ClusterState()
    seen: set[str] = set()
    for entry in ledger.entries:
        state.apply(entry)
        seen.add(state.digest())
    assert len(seen) == len(ledger.entries)
    assert state.digest() == ledger.state.digest()


def test_the_picture_is_of_the_moment_it_was_taken() -> None:
    ledger = wandered(1)
    before = ledger.state.digest()
    chunks = ledger.state.snapshot(INCARNATION)
    taken = [next(chunks)]
    for chunk in chunks:
        wander(ledger, random.Random(len(taken)), 20)
        taken.append(chunk)
    assert ledger.state.digest() != before
    assert restored(taken).digest() == before


def test_chunks_stay_small_with_the_longest_rows() -> None:
    ledger = Ledger.founded()
    for number in range(1, MAX_TRAINING_SHARDS + 1):
        ledger.register(number, games=1)
    shards = tuple(sha(n) for n in range(1, MAX_TRAINING_SHARDS + 1))
    ledger.add(training(shards))
    chunks = list(ledger.state.snapshot(INCARNATION))
    assert len(chunks) > 8
    assert max(map(len, chunks)) <= MAX_CHUNK_BYTES
    assert restored(chunks).digest() == ledger.state.digest()


def test_rows_lie_in_key_order_whatever_order_they_came_in() -> None:
    ledger = Ledger.founded()
    for node in ("z", "b", "k"):
        ledger.do(joins(node))
    copy = restored(list(ledger.state.snapshot(INCARNATION)))
    assert list(copy.members.rows) == ["b", "k", "n", "z"]


def test_any_damaged_missing_or_swapped_chunk_is_refused() -> None:
    ledger = wandered(2)
    good = list(ledger.state.snapshot(INCARNATION))
    rng = random.Random(5)
    for place in range(len(good)):
        position = rng.randrange(len(good[place]))
        flipped = bytearray(good[place])
        flipped[position] ^= 1 << rng.randrange(8)
        for bad in (
            [*good[:place], bytes(flipped), *good[place + 1 :]],
            [*good[:place], *good[place + 1 :]],
            [*good[:place], good[place], *good[place:]],
            [*good[:place], b"", *good[place + 1 :]],
            good[:place],
        ):
            with pytest.raises(SnapshotError):
                restored(bad)
    with pytest.raises(SnapshotError, match="out of order"):
        restored([*good, good[-1]])
    with pytest.raises(SnapshotError, match="another cluster"):
        restored(good, "cd" * 16)


def test_a_snapshot_of_equal_parts_of_two_states_is_refused() -> None:
    one, other = Ledger.founded(), Ledger.founded()
    one.register(1)
    other.do(c.RegisterShard(item=1, claim=1, shard=shard(2)))
    first, second = (list(each.state.snapshot(INCARNATION)) for each in (one, other))
    assert len(first) == len(second)
    different = [place for place in range(len(first) - 1) if first[place] != second[place]]
    assert len(different) == 2
    for place in different:
        with pytest.raises(SnapshotError, match="add up"):
            restored([*first[:place], second[place], *first[place + 1 :]])


def sealed(body: bytes) -> bytes:
    """A chunk whose checksum is right, whatever is in it."""
    return zlib.crc32(body).to_bytes(4, "big") + body


@settings(max_examples=200)
@given(st.data())
def test_a_hostile_snapshot_with_right_checksums_is_refused(data: st.DataObject) -> None:
    """Whatever is changed in a chunk's contents: an error of ours, or nothing that matters."""
    ledger = Ledger.founded()
    ledger.register(1)
    ledger.publish(5)
    good = list(ledger.state.snapshot(INCARNATION))
    place = data.draw(st.integers(0, len(good) - 1))
    body = bytearray(good[place][4:])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    chunks = [*good[:place], sealed(bytes(body)), *good[place + 1 :]]
    try:
        state = restored(chunks)
    except SnapshotError as error:
        assert str(error).endswith(".")
    else:
        assert state.digest() == ledger.state.digest()


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (b"\xc1", "cannot be read"),
        (b"\x91" * 3000, "cannot be read"),
        (msgspec.msgpack.encode({"chunk": "other"}), "cannot be read"),
        (msgspec.msgpack.encode({"chunk": "rows", "table": "gold", "rows": []}), "unknown table"),
        (msgspec.msgpack.encode({"chunk": "rows", "table": "work", "rows": [7]}), "cannot be read"),
    ],
)
def test_a_strange_chunk_is_refused_by_name(body: bytes, about: str) -> None:
    good = list(Ledger.founded().state.snapshot(INCARNATION))
    with pytest.raises(SnapshotError, match=about):
        restored([good[0], sealed(body)])


def test_a_snapshot_of_a_later_format_is_refused() -> None:
    head = Head(format=2, incarnation=INCARNATION, index=1, term=1, voters=())
    with pytest.raises(SnapshotError, match="has format 2"):
        restored([sealed(msgspec.msgpack.encode(head))])


def test_the_voters_travel_with_the_snapshot_and_count_in_the_digest() -> None:
    digests: set[str] = set()
    for voters in (("m", "n"), ("n", "o")):
        state = Ledger.founded().state
        command = c.encode_command(c.ChangeVoters())
        state.apply(Entry(state.index + 1, 1, 0, 0, 0, command, voters))
        copy = restored(list(state.snapshot(INCARNATION)))
        assert (copy.voters, copy.digest()) == (voters, state.digest())
        digests.add(copy.digest())
    assert len(digests) == 2


def test_a_state_that_contradicts_itself_is_refused_as_it_is_read() -> None:
    def claimed_by_a_stranger(ledger: Ledger) -> None:
        item = ledger.add()
        ledger.claim()
        row = ledger.state.work.rows[item]
        assert row.claim is not None
        ledger.state.work.rows[item] = replace(row, claim=replace(row.claim, node="x"))

    def waiting_for_nothing(ledger: Ledger) -> None:
        item = ledger.add()
        row = ledger.state.work.rows[item]
        ledger.state.work.rows[item] = replace(row, waits_for=(1,))

    def games_that_are_not_there(ledger: Ledger) -> None:
        ledger.register(1)
        totals = ledger.state.shards.totals
        totals[CONFIG] = replace(totals[CONFIG], games=33)

    def a_champion_that_is_not_there(ledger: Ledger) -> None:
        rows = ledger.state.configs.rows
        rows[CONFIG] = replace(rows[CONFIG], champion=sha(9))

    def a_life_without_a_beginning(ledger: Ledger) -> None:
        rows = ledger.state.members.rows
        rows["n"] = replace(rows["n"], joined_at_ms=None)

    for breaks in (
        claimed_by_a_stranger,
        waiting_for_nothing,
        games_that_are_not_there,
        a_champion_that_is_not_there,
        a_life_without_a_beginning,
    ):
        ledger = Ledger.founded()
        breaks(ledger)
        with pytest.raises(SnapshotError, match="contradicts"):
            restored(list(ledger.state.snapshot(INCARNATION)))


def test_rows_of_an_earlier_table_do_not_follow_a_later_one() -> None:
    ledger = Ledger.founded()
    ledger.add()
    good = list(ledger.state.snapshot(INCARNATION))
    with pytest.raises(SnapshotError, match="out of order"):
        restored([good[0], good[-2], *good[1:]])


def test_a_row_that_comes_twice_is_refused() -> None:
    good = list(Ledger.founded().state.snapshot(INCARNATION))
    with pytest.raises(SnapshotError, match="comes twice"):
        restored([good[0], good[1], good[1], *good[2:]])
