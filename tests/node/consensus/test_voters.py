"""Several voters driven by trio over a network in memory: elections, failover, handing over."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import trio
from cluster_support import CONFIG, INCARNATION, SELFPLAY
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Queued
from ringrift.node.consensus.host import Upkeep
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.raft.core import ChangeRefusedError
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError
from ringrift.node.consensus.session import Session
from ringrift.node.consensus.voter import Limits, Voter
from ringrift.node.sim.disk import HeldDisk, MemoryDisk
from ringrift.wire.log import Entry
from ringrift.wire.raft import Append, RaftMessage
from tests.node.virtual_clock import VirtualClock

T = TypeVar("T")
NAMES = ("a", "b", "c")
ADD = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=3, timeout_s=60)


async def inline(call: Callable[[], T]) -> T:
    await trio.sleep(0.001)
    return call()


class Machines:
    """Voters by name; each has a disk for ever and a process now and then."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.disks = {name: MemoryDisk(random.Random(name)) for name in NAMES}
        self.held: dict[str, HeldDisk] = {}
        self.voters: dict[str, Voter] = {}
        self.scopes: dict[str, trio.CancelScope] = {}
        self.cut: set[str] = set()

    async def start(self, name: str, founders: tuple[str, ...] = NAMES) -> Voter:
        self.held[name] = HeldDisk(self.disks[name])
        voter = self.voters[name] = await Voter.open(
            self.held[name],
            VirtualClock(),
            inline,
            random.Random(f"{name} {trio.current_time()}"),
            _Wire(self, name),
            TIMINGS["local"],
            node_id=name,
            incarnation=INCARNATION,
            founders=founders,
            limits=Limits(upkeep=Upkeep(entries=30, kept=10)),
        )
        scope = self.scopes[name] = trio.CancelScope()

        async def live() -> None:
            with scope:
                await voter.run()

        self.nursery.start_soon(live)
        return voter

    def kill(self, name: str) -> None:
        self.held[name].let_go()
        self.disks[name].crash()
        del self.voters[name]
        self.scopes[name].cancel()

    async def leader(self, *among: str) -> Voter:
        """The voter that all of these (default: all that run) follow."""
        with trio.fail_after(10):
            while True:
                voters = [self.voters[name] for name in among or self.voters]
                leaders = {voter.leader_id for voter in voters}
                if len(leaders) == 1 and None not in leaders:
                    (name,) = leaders
                    if name in self.voters:
                        return self.voters[name]
                await trio.sleep(0.01)

    async def settle(self) -> None:
        with trio.fail_after(10):
            while len({voter.applied_index for voter in self.voters.values()}) > 1:
                await trio.sleep(0.01)
        assert len({voter.state.digest() for voter in self.voters.values()}) == 1


class _Wire:
    def __init__(self, machines: Machines, name: str) -> None:
        self.machines, self.name = machines, name

    def send(self, to: str, message: RaftMessage) -> None:
        self.machines.nursery.start_soon(self._carry, to, message)

    async def _carry(self, to: str, message: RaftMessage) -> None:
        await trio.sleep(0.001)
        if {self.name, to} & self.machines.cut or to not in self.machines.voters:
            return
        self.machines.voters[to].deliver(self.name, message)


@asynccontextmanager
async def cluster() -> AsyncIterator[Machines]:
    async with trio.open_nursery() as nursery:
        machines = Machines(nursery)
        for name in NAMES:
            await machines.start(name)
        yield machines
        nursery.cancel_scope.cancel()


async def session_of(voter: Voter, boot: int = 1) -> Session:
    session = await Session.open(Patient(voter, VirtualClock()), "n", boot)
    await session.propose(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
    return session


async def test_three_elect_a_leader_and_agree(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        leader = await machines.leader()
        session = await session_of(leader)
        added = [(await session.propose(ADD)).index for _ in range(20)]
        await machines.settle()
        for voter in machines.voters.values():
            assert sorted(voter.state.work.rows) == added
            assert voter.voters == NAMES
        assert await leader.read_barrier() == leader.applied_index


async def test_a_follower_sends_away_and_says_to_whom(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        leader = await machines.leader()
        follower = next(v for v in machines.voters.values() if v is not leader)
        for ask in (
            lambda: follower.propose(0, 0, c.OpenSession(owner="n", boot=1)),
            follower.read_barrier,
            lambda: follower.change_voters(("a", "b")),
            lambda: follower.hand_over("a"),
        ):
            with pytest.raises(NotLeaderError) as told:
                await ask()
            assert told.value.leader_id == leader.node_id


async def test_nothing_acknowledged_is_lost_when_leaders_lose_power(
    autojump_clock: MockClock,
) -> None:
    added: list[int] = []
    async with cluster() as machines:
        for boot in range(1, 7):
            leader = await machines.leader()
            session = await session_of(leader, boot)
            for _ in range(16):
                added.append((await session.propose(ADD)).index)
            machines.kill(leader.node_id)
            rest = await machines.leader()
            assert set(added) <= set(rest.state.work.rows)
            await machines.start(leader.node_id)
        await machines.leader()
        await machines.settle()
        assert all(set(added) <= set(v.state.work.rows) for v in machines.voters.values())


async def test_a_leader_that_is_cut_off_answers_that_it_does_not_know(
    autojump_clock: MockClock,
) -> None:
    async with cluster() as machines:
        old = await machines.leader()
        session = await session_of(old)
        machines.cut.add(old.node_id)
        with pytest.raises(OutcomeUnknownError):
            await old.propose(session.number, 9, ADD)
        with pytest.raises(NotLeaderError):
            await old.read_barrier()
        new = await machines.leader(*(name for name in NAMES if name != old.node_id))
        assert new is not old
        # The same command, through the new leader: it runs once, whatever became of the first try.
        queued = (await Patient(new, VirtualClock()).propose(session.number, 9, ADD)).result
        assert isinstance(queued, Queued)
        machines.cut.clear()
        await machines.leader()
        again = await Patient(new, VirtualClock()).propose(session.number, 9, ADD)
        assert again.result == queued
        await machines.settle()
        assert len(new.state.work.rows) == 1


async def test_leadership_is_handed_over_in_a_moment(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        old = await machines.leader()
        heir = next(name for name in NAMES if name != old.node_id)
        began = trio.current_time()
        assert await old.hand_over(heir)
        assert trio.current_time() - began < 0.1
        assert (await machines.leader()).node_id == heir
        with pytest.raises(ChangeRefusedError, match="another voter"):
            await machines.voters[heir].hand_over("nobody")
        machines.kill(old.node_id)
        assert not await machines.voters[heir].hand_over(old.node_id)
        assert (await machines.leader()).node_id == heir


async def test_voters_leave_and_come_back_one_by_one(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        leader = await machines.leader()
        await session_of(leader)
        gone = next(name for name in NAMES if name != leader.node_id)
        left = tuple(name for name in NAMES if name != gone)
        await leader.change_voters(left)
        assert leader.voters == leader.state.voters == left
        with pytest.raises(ChangeRefusedError, match="one voter"):
            await leader.change_voters(left)
        machines.kill(gone)
        session = await session_of(leader, 2)
        for _ in range(80):
            await session.propose(ADD)
        # What it lacks is compacted away by now: it comes back by a snapshot.
        await machines.start(gone)
        await leader.change_voters(NAMES)
        await machines.settle()
        assert machines.voters[gone].voters == NAMES


async def test_who_starts_alone_foresees_what_its_log_holds(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        leader = await machines.leader()
        session = await session_of(leader)
        added = [(await session.propose(ADD)).index for _ in range(45)]
        assert (await leader.foreseen()).digest() == leader.state.digest()
        await machines.settle()
        for name in NAMES:
            machines.kill(name)
        alone = await machines.start("b")
        await trio.sleep(5)
        assert alone.leader_id is None
        # It knows of its snapshot that it was decided, and of no more.
        assert 30 <= alone.applied_index < added[-1]
        before = alone.state.digest()
        guess = await alone.foreseen()
        assert sorted(guess.work.rows) == added
        assert guess.index >= added[-1] > alone.state.index
        assert alone.state.digest() == before


async def test_who_has_no_vote_any_more_knows_of_no_leader(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        leader = await machines.leader()
        await session_of(leader)
        gone = next(name for name in NAMES if name != leader.node_id)
        await leader.change_voters(tuple(name for name in NAMES if name != gone))
        await trio.sleep(2)
        assert machines.voters[gone].leader_id is None
        assert leader.leader_id == leader.node_id


async def test_appends_that_contradict_themselves_are_dropped(autojump_clock: MockClock) -> None:
    async with cluster() as machines:
        leader = await machines.leader()
        follower = next(v for v in machines.voters.values() if v is not leader)
        term, last = leader.term, leader.applied_index
        gap = Entry(last + 5, term, 0, 0, 0, b"")
        back = Entry(last + 1, term - 1, 0, 0, 0, b"")
        for entries in ((gap,), (back,), (Entry(last + 1, term + 9, 0, 0, 0, b""),)):
            follower.deliver(leader.node_id, Append(term, last, term, last, 1, entries))
        assert follower.lost_messages == 3
        await (await session_of(leader)).propose(ADD)
        await machines.settle()
