"""Asking the leader over a link: answers, refusals, and what is not known."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
import trio
from cluster_support import CONFIG
from trio.testing import MockClock, memory_stream_pair

from ringrift.node.cluster.commands import Command, CommandError, SetConfigMode
from ringrift.node.cluster.results import Done
from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError, Proposed
from ringrift.node.control.leases import ClaimKey
from ringrift.node.net.asking import Asking
from ringrift.node.net.clerk import Clerk
from ringrift.node.net.gateway import Gateway
from ringrift.node.net.link import Link
from ringrift.wire import peer as p
from tests.node.virtual_clock import VirtualClock

PAUSE = SetConfigMode(config=CONFIG, mode="paused", by="n")


class Leader:
    """Stands for the leader's process; `fails` is raised instead of answering."""

    leader_id = "v"

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.slow = 0.0
        self.asked: list[object] = []

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        self.asked.append((session, seq, command))
        await trio.sleep(self.slow)
        if self.fails is not None:
            raise self.fails
        return Proposed(7, Done("so it is"))

    async def read_barrier(self) -> int:
        if self.fails is not None:
            raise self.fails
        return 9

    def renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]:
        if isinstance(self.fails, NotLeaderError):
            raise self.fails
        return tuple(claim for claim in claims if claim[0] > 1)


class Site:
    """A node "n" with a link to the leader "v"."""

    def __init__(self) -> None:
        self.leader = Leader()
        self.leader_id: str | None = "v"
        self.forbidden: str | None = None
        near, far = memory_stream_pair()
        clock = VirtualClock()
        self.link = Link(near, bytes(16), "v", clock, dialled=True)
        self.far = Link(far, bytes(16), "n", clock, dialled=False)
        self.asking = Asking(clock, 5.0)
        self.links = {"v": self.link}
        self.gateway = Gateway("n", lambda: self.leader_id, self.links, self.asking)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    here = Site()
    clerk = Clerk(here.leader, lambda peer, session, command: here.forbidden)
    async with trio.open_nursery() as nursery:

        def serve(message: p.PeerMessage) -> None:
            assert isinstance(message, p.Propose | p.Barrier | p.Renew)
            clerk.take(nursery, here.far, message)

        def hear(message: p.PeerMessage) -> None:
            assert isinstance(message, p.Proposed | p.Decided | p.Renewed | p.NotProposed)
            here.asking.answered("v", message)

        async with trio.open_nursery() as greeting:
            greeting.start_soon(here.far.greet, p.Hello("v", 1, "0", 1))
            await here.link.greet(p.Hello("n", 1, "0", 1))
        nursery.start_soon(here.far.run, serve)
        nursery.start_soon(here.link.run, hear)
        yield here
        nursery.cancel_scope.cancel()


async def test_the_leader_answers(autojump_clock: MockClock) -> None:
    async with site() as here:
        assert await here.gateway.propose(3, 4, PAUSE) == Proposed(7, Done("so it is"))
        assert here.leader.asked == [(3, 4, PAUSE)]
        assert await here.gateway.barrier() == 9
        assert await here.gateway.renew(((1, 5), (2, 6))) == ((2, 6),)


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (NotLeaderError("w"), NotLeaderError),
        (OutcomeUnknownError(), OutcomeUnknownError),
        (CommandError("it is too long"), CommandError),
    ],
)
async def test_what_the_leader_cannot_do_is_told(
    raised: Exception, seen: type[Exception], autojump_clock: MockClock
) -> None:
    async with site() as here:
        here.leader.fails = raised
        with pytest.raises(seen) as told:
            await here.gateway.propose(3, 4, PAUSE)
        if isinstance(told.value, NotLeaderError):
            assert told.value.leader_id == "w"
            for ask in (here.gateway.barrier, lambda: here.gateway.renew(())):
                with pytest.raises(NotLeaderError):
                    await ask()


async def test_a_peer_may_be_forbidden_a_command(autojump_clock: MockClock) -> None:
    async with site() as here:
        here.forbidden = "n is a node, and only operators pause a configuration."
        with pytest.raises(CommandError, match="only operators"):
            await here.gateway.propose(3, 4, PAUSE)
        assert here.leader.asked == []


async def test_without_a_link_to_the_leader_nothing_is_asked(autojump_clock: MockClock) -> None:
    async with site() as here:
        for here.leader_id in ("n", "w"):
            with pytest.raises(NotLeaderError):
                await here.gateway.propose(3, 4, PAUSE)
        here.links.clear()
        here.leader_id = None
        with pytest.raises(NotLeaderError):
            await here.gateway.barrier()
        assert here.leader.asked == []


async def test_who_knows_no_leader_asks_anybody_and_then_whom_they_name(
    autojump_clock: MockClock,
) -> None:
    async with site() as here:
        here.leader_id = None
        assert await here.gateway.barrier() == 9
        here.leader.fails = NotLeaderError("w")
        with pytest.raises(NotLeaderError):
            await here.gateway.barrier()
        here.leader.fails = None
        # "w" was named, but there is no link to it; the time after that, anybody is asked again.
        with pytest.raises(NotLeaderError) as told:
            await here.gateway.barrier()
        assert told.value.leader_id == "w"
        assert await here.gateway.barrier() == 9


async def test_nobody_waits_for_a_leader_that_another_has_replaced(
    autojump_clock: MockClock,
) -> None:
    async with site() as here:
        here.leader.slow = 60.0
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(another_leads_soon, here)
            with pytest.raises(OutcomeUnknownError):
                await here.gateway.propose(3, 4, PAUSE)
        assert 1.0 <= trio.current_time() - began <= 1.25
        with pytest.raises(NotLeaderError):
            await here.gateway.barrier()


async def another_leads_soon(here: Site) -> None:
    await trio.sleep(0.9)
    here.leader_id = None  # while they elect, the old one may still come back
    await trio.sleep(0.1)
    here.leader_id = "w"


async def test_silence_and_a_lost_link_leave_the_outcome_open(autojump_clock: MockClock) -> None:
    async with site() as here:
        here.leader.slow = 60.0
        began = trio.current_time()
        with pytest.raises(OutcomeUnknownError):
            await here.gateway.propose(3, 4, PAUSE)
        assert trio.current_time() - began == pytest.approx(5.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lose_soon, here.asking)
            with pytest.raises(OutcomeUnknownError):
                await here.gateway.propose(3, 5, PAUSE)
        assert trio.current_time() - began == pytest.approx(6.0)


async def lose_soon(asking: Asking) -> None:
    await trio.sleep(1.0)
    asking.lost("x")
    asking.lost("v")


async def test_an_answer_of_another_peer_is_not_taken(autojump_clock: MockClock) -> None:
    async with site() as here:
        here.leader.slow = 1.0
        async with trio.open_nursery() as nursery:

            async def forge() -> None:
                await trio.sleep(0.5)
                here.asking.answered("x", p.Decided(1, 99))
                here.asking.answered("v", p.Decided(77, 99))

            nursery.start_soon(forge)
            assert (await here.gateway.propose(3, 4, PAUSE)).index == 7
