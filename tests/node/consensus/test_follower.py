"""A follower's copy: whatever its sources say, it is the state at some index, and goes on."""

import math
import random
from collections.abc import Iterable, Sequence
from functools import cache

import pytest
import trio
from cluster_support import CONFIG, INCARNATION, Ledger, wander
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done
from ringrift.node.cluster.snapshot import SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.follower import TURN_ENTRIES, Copy, FeedError, Follower, Turn
from ringrift.node.consensus.replica import (
    FeedBehindError,
    NotLeaderError,
    OutcomeUnknownError,
    Proposed,
    ReplicaStoppedError,
)
from ringrift.wire.log import Entry
from ringrift.wire.peer import Fed, FedSnapshot
from tests.node.virtual_clock import VirtualClock

PATIENCE_S = 0.6
END = 160


@cache
def ledger() -> tuple[tuple[Entry, ...], tuple[str, ...], dict[int, tuple[bytes, ...]]]:
    """Entries 1 to END, the digest at every index, and snapshots at some."""
    player = Ledger.founded()
    wander(player, random.Random(5), END - player.state.index)
    entries = tuple(
        Entry(e.index, 1 + e.index // 50, e.at_ms, e.session, e.seq, e.command)
        for e in player.entries
    )
    state = ClusterState()
    digests, snapshots = [state.digest()], dict[int, tuple[bytes, ...]]()
    for entry in entries:
        state.apply(entry)
        digests.append(state.digest())
        if entry.index % 40 == 0:
            snapshots[entry.index] = tuple(state.snapshot(INCARNATION))
    return entries, tuple(digests), snapshots


def fed(entries: Sequence[Entry], *, opening: bool = False, term: int = 9) -> Fed:
    return Fed(tuple(entries), entries[-1].index if entries else 0, term, "a", opening)


OPENING = fed((), opening=True)


def parts(index: int) -> list[FedSnapshot]:
    chunks = ledger()[2][index]
    return [FedSnapshot(n == len(chunks) - 1, data, n) for n, data in enumerate(chunks)]


def take(copy: Copy, *messages: Fed | FedSnapshot) -> list[Turn]:
    return [turn for each in messages if copy.hear(each, 0.0) for turn in copy.take(each)]


def opened(*messages: Fed | FedSnapshot) -> Copy:
    copy = Copy(INCARNATION)
    copy.begin()
    take(copy, OPENING, *messages)
    return copy


def test_entries_are_applied_in_turns_and_those_known_are_skipped() -> None:
    entries, digests, _ = ledger()
    copy = opened()
    turns = take(copy, fed(entries[:80]))
    assert [len(turn.applied) for turn in turns] == [TURN_ENTRIES, TURN_ENTRIES, 16]
    turns = take(copy, fed(entries[70:100]), fed(entries[:50]))
    assert [a.index for turn in turns for a in turn.applied] == list(range(81, 101))
    assert copy.state.digest() == digests[100]


def test_a_snapshot_takes_effect_when_it_is_whole_and_ahead() -> None:
    entries, digests, _ = ledger()
    copy = opened(fed(entries[:5]))
    *first, last = parts(80)
    assert not any(turn.restored for turn in take(copy, *first))
    assert copy.state.index == 5
    assert any(turn.restored for turn in take(copy, last))
    assert copy.state.digest() == digests[80]
    take(copy, fed(entries[80:90]))
    assert copy.state.digest() == digests[90]
    # One that is behind changes nothing, and the entries after it are known.
    assert not any(turn.restored for turn in take(copy, *parts(40), fed(entries[40:95])))
    assert copy.state.digest() == digests[95]
    # What was begun anew begins anew.
    take(copy, *parts(120)[:2], *parts(160))
    assert copy.state.digest() == digests[160]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([fed(ledger()[0][11:20])], "Entry 12 came when 11 was due."),
        ([fed([ledger()[0][10], ledger()[0][12]])], "Entry 13 came after entry 11."),
        ([fed([ledger()[0][10], ledger()[0][9]])], "Entry 10 came after entry 11."),
        ([fed([Entry(11, 0, 0, 0, 0, b"")])], "Entry 11 is of term 0, before 1."),
        (parts(40)[1:], "Part 1 of a snapshot came out of order."),
        ([parts(40)[0], parts(40)[2]], "Part 2 of a snapshot came out of order."),
        ([parts(40)[0], OPENING, parts(40)[1]], "Part 1 of a snapshot came out of order."),
    ],
)
def test_what_cannot_follow_ends_the_source(messages: list[Fed | FedSnapshot], words: str) -> None:
    entries, digests, _ = ledger()
    copy = opened(fed(entries[:10]))
    with pytest.raises(FeedError) as refused:
        take(copy, *messages)
    assert str(refused.value) == words
    assert copy.state.index in (10, 11)
    assert copy.state.digest() == digests[copy.state.index]
    # Nothing more counts from it, until it (or another) opens a new answer.
    assert take(copy, fed(entries[10:20]), *parts(40)) == []
    take(copy, OPENING, fed(entries[10:20]))
    assert copy.state.digest() == digests[20]


def test_entries_before_one_that_cannot_follow_are_told_of() -> None:
    entries, _, _ = ledger()
    copy = opened()
    told: list[int] = []
    with pytest.raises(FeedError):
        for turn in copy.take(fed([*entries[:3], entries[5]])):
            told += [applied.index for applied in turn.applied]
    assert told == [1, 2, 3]


def test_a_damaged_snapshot_is_refused_and_another_one_taken() -> None:
    entries, digests, _ = ledger()
    copy = opened(fed(entries[:10]))
    whole = parts(80)
    for place, part in enumerate(whole):
        data = bytearray(part.data)
        data[-1] ^= 1
        damaged = FedSnapshot(part.final, bytes(data), part.number)
        with pytest.raises(SnapshotError):
            take(copy, OPENING, *whole[:place], damaged)
        assert copy.state.digest() == digests[10]
    cut_short = FedSnapshot(True, whole[-2].data, whole[-2].number)
    with pytest.raises(SnapshotError):
        take(copy, OPENING, *whole[:-2], cut_short)
    take(copy, OPENING, *whole)
    assert copy.state.digest() == digests[80]


def test_an_unknown_command_is_no_fault_of_the_source() -> None:
    entries, digests, _ = ledger()
    copy = opened(fed(entries[:10]))
    told = 0
    with pytest.raises(c.CommandError):
        for turn in copy.take(fed([*entries[10:12], Entry(13, 1, 0, 0, 0, b"\xc1")])):
            told += len(turn.applied)
    assert told == 2
    assert copy.state.digest() == digests[12]


def test_commit_term_and_leader_are_as_the_source_knows_them() -> None:
    entries, _, _ = ledger()
    copy = Copy(INCARNATION)
    copy.begin()
    assert not copy.hear(Fed((), 99, 9, "x"), 1.0)
    assert (copy.commit, copy.term, copy.leader, copy.heard) == (0, 0, None, -math.inf)
    assert copy.hear(Fed((), 100, 2, "a", True), 2.0)
    assert (copy.commit, copy.term, copy.leader, copy.heard) == (100, 2, "a", 2.0)
    # Fed by one that is fed itself, and heard of the leader half a second ago.
    assert copy.hear(Fed((), 90, 3, "b", False, 500), 3.0)
    assert (copy.commit, copy.term, copy.leader, copy.heard) == (100, 3, "b", 2.5)
    take(copy, fed(entries[:110]))
    assert (copy.commit, copy.state.term) == (110, 3)
    # Whoever is behind cannot know who leads.
    copy.hear(Fed((), 20, 1, "z"), 4.0)
    assert (copy.commit, copy.term, copy.leader) == (110, 3, None)


@st.composite
def answers(draw: st.DrawFn) -> list[tuple[int, int, bool, int, int]]:
    """(where the source stands, entries a message, whether its window is gone, messages and turns
    until it breaks off)."""
    return draw(
        st.lists(
            st.tuples(
                st.integers(0, END),
                st.integers(1, 40),
                st.booleans(),
                st.integers(0, 12),
                st.integers(0, 4),
            ),
            max_size=12,
        )
    )


def answer(after: int, stands: int, batch: int, by_snapshot: bool) -> Iterable[Fed | FedSnapshot]:
    entries = ledger()[0]
    yield OPENING
    if by_snapshot and stands // 40 * 40 > after:
        after = stands // 40 * 40
        yield from parts(after)
    for start in range(after, stands, batch):
        yield fed(entries[start : min(start + batch, stands)])


@given(cuts=answers())
def test_sources_may_break_off_at_any_moment(
    cuts: list[tuple[int, int, bool, int, int]],
) -> None:
    _, digests, _ = ledger()
    copy = Copy(INCARNATION)
    index = 0
    for stands, batch, by_snapshot, messages, turns in [*cuts, (END, 40, False, 99, 99)]:
        copy.begin()
        for number, message in enumerate(answer(copy.state.index, stands, batch, by_snapshot)):
            assert copy.hear(message, 0.0)
            cut = number == messages
            for done, turn in enumerate(copy.take(message)):
                for applied in turn.applied:
                    assert applied.index == index + 1
                    index += 1
                if turn.restored:
                    assert copy.state.index > index
                    index = copy.state.index
                if cut and done == turns:
                    break
            if cut:
                break
        assert copy.state.index == index
        assert copy.state.digest() == digests[index]
    assert index == END


# The replica around it.


class Leader:
    """A gateway to a leader whose log a test writes."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)

    def _next(self) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
        return Proposed(self._next(), Done(f"{session} {seq}"))

    async def barrier(self) -> int:
        return self._next()


def follower(*answers: int | Exception) -> Follower:
    return Follower(INCARNATION, Leader(*answers), VirtualClock(), PATIENCE_S)


async def feed(replica: Follower, *messages: Fed | FedSnapshot) -> None:
    for message in messages:
        assert replica.hear(message)
        await replica.take(message)


PAUSE = c.SetConfigMode(config=CONFIG, mode="paused", by="n")


async def test_whoever_proposed_reads_its_own_write(autojump_clock: MockClock) -> None:
    entries, _, _ = ledger()
    replica = follower(15, 20, NotLeaderError("b"), OutcomeUnknownError(), OutcomeUnknownError())
    done: list[str] = []

    async def propose() -> None:
        assert await replica.propose(1, 2, PAUSE) == Proposed(15, Done("1 2"))
        assert replica.applied_index >= 15
        done.append("proposed")

    async def read() -> None:
        await trio.sleep(0.1)
        assert await replica.read_barrier() == 20
        assert replica.applied_index >= 20
        done.append("read")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(propose)
        nursery.start_soon(read)
        await trio.sleep(1)
        await feed(replica, OPENING, fed(entries[:14]))
        await trio.testing.wait_all_tasks_blocked()
        assert done == []
        await feed(replica, fed(entries[14:19]))
        await trio.testing.wait_all_tasks_blocked()
        assert done == ["proposed"]
        await feed(replica, *parts(40))
    assert done == ["proposed", "read"]
    with pytest.raises(NotLeaderError):
        await replica.propose(1, 3, PAUSE)
    with pytest.raises(OutcomeUnknownError):
        await replica.propose(1, 3, PAUSE)
    with pytest.raises(NotLeaderError):
        await replica.read_barrier()


async def test_lag_leader_and_voters_are_shown(autojump_clock: MockClock) -> None:
    entries, _, _ = ledger()
    replica = follower()
    assert (replica.leader_id, replica.age_s, replica.lag) == (None, math.inf, 0)
    assert replica.hear(Fed(entries[:30], 30, 1, "a", True))
    assert (replica.leader_id, replica.lag, replica.applied_index) == ("a", 30, 0)
    await replica.take(Fed(entries[:30], 30, 1, "a", True))
    assert (replica.lag, replica.commit_index, replica.term) == (0, 30, 1)
    assert replica.voters == replica.state.voters == ()
    await trio.sleep(PATIENCE_S - 0.01)
    assert replica.leader_id == "a"
    await trio.sleep(0.02)
    assert replica.leader_id is None
    assert replica.age_s == pytest.approx(PATIENCE_S + 0.01)
    replica.begin()
    assert not replica.hear(Fed((), 40, 1, "a"))
    assert replica.leader_id is None


async def test_its_own_feed_goes_on_after_a_snapshot(autojump_clock: MockClock) -> None:
    entries, digests, _ = ledger()
    replica = follower()
    await feed(replica, OPENING, fed(entries[:10]))
    cursor = replica.feed(4)
    assert [applied.index for applied in cursor.take(3, 10_000)] == [5, 6, 7]
    assert cursor.index == 7
    assert len(cursor.take(9, 1)) == 1
    await feed(replica, *parts(40), fed(entries[40:50]))
    with pytest.raises(FeedBehindError):
        cursor.take(9, 1)
    assert [applied.index for applied in replica.feed(40).take(99, 10_000)] == list(range(41, 51))
    await replica.feed(40).more()
    again = opened(*(FedSnapshot(False, data, n) for n, data in enumerate(replica.snapshot())))
    *_, last = replica.snapshot()
    assert again.state.index == 0
    assert replica.state.digest() == digests[50] and last


async def test_a_stopped_follower_answers_nobody(autojump_clock: MockClock) -> None:
    entries, _, _ = ledger()
    replica = follower(15)
    stopped: list[str] = []

    async def propose() -> None:
        with pytest.raises(ReplicaStoppedError):
            await replica.propose(1, 2, PAUSE)
        stopped.append("proposed")

    async def watch() -> None:
        with pytest.raises(ReplicaStoppedError):
            async for _ in replica.feed(0):
                pass
        stopped.append("fed")

    async with trio.open_nursery() as nursery, trio.open_nursery() as running:
        await running.start(replica.run)
        nursery.start_soon(propose)
        nursery.start_soon(watch)
        await feed(replica, OPENING, fed(entries[:3]))
        await trio.testing.wait_all_tasks_blocked()
        assert not stopped
        running.cancel_scope.cancel()
    assert sorted(stopped) == ["fed", "proposed"]
    with pytest.raises(ReplicaStoppedError):
        await replica.propose(1, 3, PAUSE)


async def test_an_unknown_command_ends_the_follower_and_it_says_so(
    autojump_clock: MockClock,
) -> None:
    entries, _, _ = ledger()
    replica = follower()
    unknown = Fed((*entries[:2], Entry(3, 1, 0, 0, 0, b"\xc1")), 3, 1, "a")
    with pytest.raises(ExceptionGroup) as ended:
        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            await feed(replica, OPENING)
            with pytest.raises(ReplicaStoppedError, match="cannot be followed"):
                await feed(replica, unknown)
            await trio.sleep(1)
    assert ended.group_contains(c.CommandError)
    assert replica.applied_index == 2
