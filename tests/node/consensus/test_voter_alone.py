"""A quorum of one: batches, durability before answers, restarts, feeds, snapshots, refusals."""

import random
from collections.abc import Callable
from typing import TypeVar

import pytest
import trio
from alone import alone
from cluster_support import CONFIG, INCARNATION, SELFPLAY
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done, Queued, SessionOpened
from ringrift.node.cluster.sessions import WINDOW
from ringrift.node.consensus.host import Upkeep
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.replica import (
    FeedBehindError,
    Proposed,
    Replica,
    ReplicaStoppedError,
)
from ringrift.node.consensus.session import Session, SessionLostError
from ringrift.node.consensus.voter import Limits, Voter
from ringrift.node.runtime.disk import Disk
from ringrift.node.sim.disk import HeldDisk, MemoryDisk
from tests.node.virtual_clock import VirtualClock

T = TypeVar("T")
ADD = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=3, timeout_s=60)


class CountingDisk(MemoryDisk):
    """Counts syncs of the log, and can be made to fail them."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(random.Random(seed))
        self.syncs = 0
        self.broken = False

    def fsync(self, name: str) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")
        self.syncs += name.endswith(".log")
        super().fsync(name)


async def inline(call: Callable[[], T]) -> T:
    """An executor that takes virtual time, so that proposals pile up behind it."""
    await trio.sleep(0.01)
    return call()


async def opened(
    disk: Disk, snapshot_every: int = 5_000, kept: int = 1_000, **limits: int
) -> Voter:
    limited = Limits(upkeep=Upkeep(entries=snapshot_every, kept=kept), **limits)
    return await alone(
        disk, VirtualClock(), inline, node_id="n", incarnation=INCARNATION, limits=limited
    )


async def work_session(replica: Replica, boot: int = 1) -> Session:
    session = await Session.open(replica, "n", boot)
    await session.propose(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
    return session


async def test_proposals_in_flight_share_one_sync(autojump_clock: MockClock) -> None:
    disk = CountingDisk()
    replica = await opened(disk)
    answers: list[Proposed] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        before = disk.syncs

        async def add() -> None:
            answers.append(await session.propose(ADD))

        async with trio.open_nursery() as adding:
            for _ in range(50):
                adding.start_soon(add)
        assert disk.syncs - before <= 2
        assert len({answer.index for answer in answers}) == 50
        for answer in answers:
            assert answer.result == Queued(answer.index)
        assert replica.leader_id == "n" and replica.term == 2
        assert await replica.read_barrier() == replica.applied_index == replica.commit_index
        nursery.cancel_scope.cancel()


async def test_a_restart_continues_in_a_new_term_with_all_that_was_answered(
    autojump_clock: MockClock,
) -> None:
    disk = CountingDisk()
    terms: list[int] = []
    added: list[int] = []
    for boot in range(1, 4):
        replica = await opened(disk)
        assert sorted(replica.state.work.rows) == added
        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            session = await work_session(replica, boot)
            for _ in range(3):
                added.append((await session.propose(ADD)).index)
            terms.append(replica.term)
            nursery.cancel_scope.cancel()
    assert terms == [2, 3, 4]


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), lives=st.integers(1, 4))
def test_acknowledged_commands_survive_crashes_at_random_moments(seed: int, lives: int) -> None:
    rng = random.Random(seed)
    disk = MemoryDisk(random.Random(seed + 1))
    acknowledged: list[int] = []

    async def live(boot: int) -> None:
        held = HeldDisk(disk)
        replica = await opened(held, snapshot_every=9, kept=4, segment_bytes=2_000)
        assert set(acknowledged) <= set(replica.state.work.rows)

        async def propose(session: Session) -> None:
            while True:
                item = (await session.propose(ADD)).index
                acknowledged.append(item)
                await session.propose(c.CancelWork(item=item, by="n"))

        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            session = await work_session(replica, boot)
            for _ in range(3):
                nursery.start_soon(propose, session)
            await trio.sleep(rng.uniform(0.0, 0.6))
            held.let_go()
            disk.crash()
            nursery.cancel_scope.cancel()

    async def all_lives() -> None:
        for boot in range(1, lives + 1):
            await live(boot)
        replica = await opened(disk)
        assert set(acknowledged) <= set(replica.state.work.rows)
        replica.state.check()

    trio.run(all_lives, clock=MockClock(autojump_threshold=0))


async def test_a_failed_sync_ends_the_replica_and_leaves_the_outcome_open(
    autojump_clock: MockClock,
) -> None:
    disk = CountingDisk()
    replica = await opened(disk)
    outcomes: list[str] = []

    async def add(session: Session) -> None:
        try:
            await session.propose(ADD)
        except ReplicaStoppedError:
            outcomes.append("stopped")

    async def watch() -> None:
        try:
            async for _ in replica.feed(replica.applied_index):
                pass
        except ReplicaStoppedError:
            outcomes.append("feed ended")

    async with trio.open_nursery() as clients:
        with pytest.raises(ExceptionGroup) as failure:
            async with trio.open_nursery() as nursery:
                await nursery.start(replica.run)
                session = await work_session(replica)
                clients.start_soon(watch)
                disk.broken = True
                for _ in range(5):
                    clients.start_soon(add, session)
        assert failure.group_contains(OSError, match="Input/output error")
    assert sorted(outcomes) == ["feed ended"] + ["stopped"] * 5
    assert replica.leader_id is None
    with pytest.raises(ReplicaStoppedError):
        await session.propose(ADD)
    with pytest.raises(ReplicaStoppedError):
        await replica.read_barrier()


async def test_a_full_queue_makes_proposers_wait(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringrift.node.consensus.raft.core.MAX_UNDECIDED", 2)
    replica = await opened(CountingDisk(), queue=2, batch=2)
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        started = trio.current_time()
        async with trio.open_nursery() as adding:
            for _ in range(20):
                adding.start_soon(session.propose, ADD)
        assert trio.current_time() - started >= 10 * 0.01
        assert len(replica.state.work.rows) == 20
        nursery.cancel_scope.cancel()


async def test_a_feed_gives_every_entry_once_and_tells_a_late_reader(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringrift.node.consensus.feed.WINDOW_ENTRIES", 10)
    replica = await opened(CountingDisk())
    seen: list[int] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        start = replica.applied_index

        async def follow() -> None:
            async for applied in replica.feed(start):
                seen.append(applied.index)

        nursery.start_soon(follow)
        for _ in range(30):
            await session.propose(ADD)
        await trio.testing.wait_all_tasks_blocked()
        assert seen == list(range(start + 1, start + 31))
        with pytest.raises(FeedBehindError) as behind:
            await anext(replica.feed(start))
        assert behind.value.oldest == replica.applied_index - 10
        newest = await anext(replica.feed(behind.value.oldest))
        assert newest.index == behind.value.oldest + 1
        assert [event.summary() for event in newest.events] == [
            f"selfplay #{newest.index} for {CONFIG} queued"
        ]
        monkeypatch.setattr("ringrift.node.consensus.feed.WINDOW_BYTES", 1000)
        await session.propose(ADD)
        index = replica.applied_index
        assert len(replica._window._applied) == 1000 // len(newest.entry.command) < 10  # pyright: ignore[reportPrivateUsage]
        assert (await anext(replica.feed(index - 1))).index == index
        nursery.cancel_scope.cancel()


async def test_snapshots_bound_the_log_and_a_start_reads_them(autojump_clock: MockClock) -> None:
    disk = CountingDisk()
    replica = await opened(disk, snapshot_every=20, kept=5, segment_bytes=1_500)
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        for number in range(120):
            await session.propose(c.RestartNode(node="n", by="n") if number % 2 else ADD)
        nursery.cancel_scope.cancel()
    snapshots = [name for name in disk.names() if name.endswith(".snap")]
    logs = [name for name in disk.names() if name.endswith(".log")]
    assert len(snapshots) == 2
    first = int(logs[0].removesuffix(".log"))
    assert 1 < first <= int(snapshots[0].removesuffix(".snap")) + 1
    again = await opened(disk)
    assert again.state.digest() == replica.state.digest()
    # With the newest snapshot gone, the one before it and the log still give everything.
    disk.remove(snapshots[1])
    assert (await opened(disk)).state.digest() == replica.state.digest()


async def test_damage_and_strangers_are_refused_in_one_sentence(autojump_clock: MockClock) -> None:
    disk = CountingDisk()
    replica = await opened(disk)
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        await work_session(replica)
        nursery.cancel_scope.cancel()

    async def refusal(node_id: str = "n", incarnation: str = INCARNATION) -> str:
        with pytest.raises(LogCorruptError) as refused:
            await alone(disk, VirtualClock(), inline, node_id=node_id, incarnation=incarnation)
        return str(refused.value)

    assert "is of node n" in await refusal(node_id="m")
    assert "is of cluster" in await refusal(incarnation="cd" * 16)
    log = next(name for name in disk.names() if name.endswith(".log"))
    last = len(disk.read(log)) - 1
    disk.flip(log, last, 1)
    # A clean end was noted, so even the very last byte cannot pass for a tear.
    assert "damaged" in await refusal() or "acknowledged" in await refusal()
    disk.flip(log, last, 1)
    disk.flip("vote", 7, 1)
    assert "vote file" in await refusal()
    disk.remove("vote")
    assert "no vote file" in await refusal()


async def test_a_session_keeps_within_the_window_that_is_remembered(
    autojump_clock: MockClock,
) -> None:
    replica = await opened(CountingDisk(), batch=4)
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        results: list[object] = []

        async def restart() -> None:
            results.append(
                await session.propose(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
            )

        async with trio.open_nursery() as proposing:
            for _ in range(200):
                proposing.start_soon(restart)
        assert len(results) == 200
        later = await replica.propose(0, 0, c.OpenSession(owner="n", boot=2))
        assert isinstance(later.result, SessionOpened)
        with pytest.raises(SessionLostError):
            await session.propose(ADD)
        with pytest.raises(SessionLostError):
            await Session.open(replica, "n", 1)
        nursery.cancel_scope.cancel()


async def test_a_slow_answer_holds_back_numbers_beyond_the_window() -> None:
    """One answer is late; no number may be proposed that would push its number out of memory."""
    highest = 0
    late = trio.Event()

    class SlowFirst:
        async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
            nonlocal highest
            if session == 0:
                return Proposed(1, SessionOpened(1))
            highest = max(highest, seq)
            if seq == 1:
                await late.wait()
            return Proposed(seq, Done("so"))

    session = await Session.open(SlowFirst(), "n", 1)  # pyright: ignore[reportArgumentType]
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(session.propose, ADD)
        await trio.testing.wait_all_tasks_blocked()
        assert highest == WINDOW
        late.set()
    assert highest == 100


async def test_a_command_out_of_bounds_is_never_logged(autojump_clock: MockClock) -> None:
    replica = await opened(CountingDisk())
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        index = replica.applied_index
        with pytest.raises(c.CommandError):
            await session.propose(c.EvictWork(items=()))
        assert isinstance((await session.propose(c.EvictWork(items=(5,)))).result, Done)
        assert replica.applied_index == index + 1
        nursery.cancel_scope.cancel()


async def test_a_slow_disk_costs_a_sole_voter_time_and_no_election(
    autojump_clock: MockClock,
) -> None:
    slow = 0.01

    async def slowly(call: Callable[[], T]) -> T:
        await trio.sleep(slow)
        return call()

    replica = await alone(
        CountingDisk(), VirtualClock(), slowly, node_id="n", incarnation=INCARNATION
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        term, slow = replica.term, 30.0
        assert isinstance((await session.propose(ADD)).result, Queued)
        assert replica.term == term
        nursery.cancel_scope.cancel()


async def test_a_full_disk_is_told_and_waited_for(autojump_clock: MockClock) -> None:
    disk = CountingDisk()
    replica = await opened(disk)
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await work_session(replica)
        assert not replica.disk_is_full
        disk.capacity = disk.used
        answers: list[Proposed] = []

        async def add() -> None:
            answers.append(await session.propose(ADD))

        nursery.start_soon(add)
        await trio.sleep(30)
        assert replica.disk_is_full and not answers
        disk.capacity = None
        await trio.sleep(5)
        assert not replica.disk_is_full
        assert [isinstance(answer.result, Queued) for answer in answers] == [True]
        nursery.cancel_scope.cancel()
