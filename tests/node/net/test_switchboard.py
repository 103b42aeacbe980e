"""Voters and followers on real links in memory: one cluster, whoever is asked."""

import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio
from cluster_support import CONFIG, INCARNATION, SELFPLAY
from trio.testing import MockClock, memory_stream_pair

from ringrift.node.cluster import commands as c
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.replica import Proposed, Replica
from ringrift.node.consensus.session import Session
from ringrift.node.consensus.voter import Voter
from ringrift.node.control.leases import ClaimKey
from ringrift.node.net.link import LinkError
from ringrift.node.net.mesh import Address
from ringrift.node.net.switchboard import Switchboard
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire import peer as p
from ringrift.wire.raft import Append, RequestVote, TimeoutNow
from tests.node.virtual_clock import VirtualClock

T = TypeVar("T")
VOTERS = ("a", "b", "c")
TIMING = TIMINGS["local"]
ADD = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=3, timeout_s=60)


async def inline(call: Callable[[], T]) -> T:
    await trio.sleep(0.001)
    return call()


class Here:
    """A voter as peers may use it; leases are nobody's here."""

    def __init__(self, voter: Voter) -> None:
        self._voter = voter

    @property
    def leader_id(self) -> str | None:
        return self._voter.leader_id

    async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
        return await self._voter.propose(session, seq, command)

    async def read_barrier(self) -> int:
        return await self._voter.read_barrier()

    def renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]:
        return tuple(claims)


class Town:
    """Nodes by name. Followers accept no stream: they are reached over those that they dial."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.boards: dict[str, Switchboard] = {}
        self.replicas: dict[str, Replica] = {}
        self.scopes: dict[str, trio.CancelScope] = {}
        self.lives: dict[str, int] = {}
        self.accepting: dict[str, list[trio.CancelScope]] = {}
        self.disks = {name: MemoryDisk(random.Random(name)) for name in VOTERS}

    async def start(self, name: str) -> None:
        self.lives[name] = self.lives.get(name, 0) + 1
        board = self.boards[name] = Switchboard(
            p.Hello(name, self.lives.get(name, 1), "0", 1),
            bytes.fromhex(INCARNATION),
            VirtualClock(),
            TIMING,
            dial=self._dialler(name),
            wanted=lambda: {voter: [(voter, 1)] for voter in VOTERS},
            admits=lambda peer: None,
        )
        replica: Voter | Follower
        if name in VOTERS:
            rng = random.Random(f"{name} {trio.current_time()}")
            replica = await Voter.open(
                self.disks[name], VirtualClock(), inline, rng, board, TIMING,
                node_id=name, incarnation=INCARNATION, founders=VOTERS,
            )  # fmt: skip
            board.connect_voter(replica, Here(replica), lambda peer, session, command: None)
        else:
            replica = Follower(INCARNATION, board.gateway, VirtualClock(), TIMING.patience)
            board.connect_follower(replica)
        self.replicas[name] = replica
        scope = self.scopes[name] = trio.CancelScope()

        async def live() -> None:
            with scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(replica.run)
                    nursery.start_soon(board.run)

        self.nursery.start_soon(live)

    def kill(self, name: str) -> None:
        for scope in (self.scopes[name], *self.accepting.pop(name, [])):
            scope.cancel()
        del self.boards[name], self.replicas[name]

    def _dialler(self, name: str) -> Callable[..., object]:
        async def dial(peer: str, address: Address) -> trio.abc.Stream:
            await trio.sleep(0.002)
            if peer not in self.boards or name not in self.boards:
                raise LinkError(f"{peer} is not there.")
            near, far = memory_stream_pair()
            self.nursery.start_soon(self._accept, peer, far, name)
            return near

        return dial

    async def _accept(self, name: str, stream: trio.abc.Stream, peer: str) -> None:
        with trio.CancelScope() as scope:
            self.accepting.setdefault(name, []).append(scope)
            await self.boards[name].mesh.accept(stream, peer)

    async def leader(self) -> str:
        with trio.fail_after(20):
            while True:
                leaders = {replica.leader_id for replica in self.replicas.values()}
                if len(leaders) == 1 and None not in leaders:
                    (name,) = leaders
                    if name in self.replicas:
                        return name
                await trio.sleep(0.05)

    async def session(self, name: str, boot: int) -> Session:
        patient = Patient(Through(self.boards[name]), VirtualClock())
        return await Session.open(patient, "n", boot)

    async def settle(self) -> None:
        with trio.fail_after(20):
            while len({replica.applied_index for replica in self.replicas.values()}) > 1:
                await trio.sleep(0.05)
        assert len({replica.state.digest() for replica in self.replicas.values()}) == 1


class Through:
    """Proposes through a node's gateway, wherever the leader is."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
        return await self._board.gateway.propose(session, seq, command)


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    async with trio.open_nursery() as nursery:
        here = Town(nursery)
        for name in (*VOTERS, "gpu-1", "gpu-2"):
            await here.start(name)
        yield here
        nursery.cancel_scope.cancel()


async def test_every_node_holds_the_state_and_may_have_things_decided(
    autojump_clock: MockClock,
) -> None:
    async with town() as here:
        await here.leader()
        added: list[int] = []
        for boot, name in enumerate(here.boards, 1):
            session = await here.session(name, boot)
            await session.propose(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
            added.append((await session.propose(ADD)).index)
        await here.settle()
        for replica in here.replicas.values():
            assert sorted(replica.state.work.rows) == added
        assert await here.replicas["gpu-1"].read_barrier() >= added[-1]
        assert await here.boards["gpu-2"].gateway.renew(((1, 2),)) == ((1, 2),)


async def test_a_follower_goes_on_when_leaders_fall(autojump_clock: MockClock) -> None:
    async with town() as here:
        session = await here.session("gpu-1", 1)
        await session.propose(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
        added: list[int] = []
        for _ in range(4):
            fallen = await here.leader()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_fall_soon, here, fallen)
                for _ in range(24):
                    added.append((await session.propose(ADD)).index)
            await here.start(fallen)
        await here.leader()
        await here.settle()
        assert sorted(here.replicas["gpu-2"].state.work.rows) == sorted(added)
        assert len(added) == len(set(added)) == 96


async def _fall_soon(here: Town, name: str) -> None:
    await trio.sleep(0.05)
    here.kill(name)


async def test_who_has_no_vote_is_not_believed_about_raft(autojump_clock: MockClock) -> None:
    async with town() as here:
        session = await here.session("gpu-1", 1)
        await session.propose(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
        leader = await here.leader()
        await here.settle()
        terms = {here.replicas[name].term for name in VOTERS}
        (term,) = terms
        for name in VOTERS:
            here.boards["gpu-1"].send(name, TimeoutNow(term))
            here.boards["gpu-1"].send(name, RequestVote(term + 9, 10**6, term + 8, False, True))
            # Nobody else leads in a leader's own term: believed, this would be its end.
            here.boards["gpu-1"].send(name, Append(term, 0, 0, 0, 1))
        await trio.sleep(5)
        assert {here.replicas[name].term for name in VOTERS} == terms
        assert await here.leader() == leader
        assert [here.boards[name].unheard for name in VOTERS] == [3, 3, 3]


async def test_a_voter_that_was_away_hears_a_new_one_once_another_voter_names_it(
    autojump_clock: MockClock,
) -> None:
    async with town() as here:
        await here.leader()
        await here.settle()
        board = here.boards["a"]
        for teller, unheard in (("gpu-2", 1), ("b", 1)):
            said = p.NotProposed(10**6, "not_leader", "gpu-1")
            here.boards[teller].mesh.links["a"].say(said)
            await trio.sleep(1)
            here.boards["gpu-1"].send("a", Append(0, 0, 0, 0, 1))  # of a term that is long over
            await trio.sleep(1)
            assert board.unheard == unheard
