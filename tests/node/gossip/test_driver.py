"""The driver under a virtual clock: nodes on streams that are queues, seen from outside."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio
from cluster_support import life
from gossip_town import SOFT, TIMING
from msgspec.structs import replace
from trio.testing import MockClock

from ringrift.node.cluster.members import Member, Reach
from ringrift.node.gossip.driver import Gossiping
from ringrift.wire.gossip import GossipMessage
from tests.node.virtual_clock import VirtualClock

VOTERS = ("v1", "v2", "v3")
ANCHORS = ("v1", "v2")


def member(name: str, *, inbound: bool = True) -> Member:
    reach = Reach() if inbound else Reach(inbound=False, anchors=ANCHORS)
    role = "voter" if name in VOTERS else "node"
    return Member(id=name, name=name, role=role, life=life(1, reach=reach), joined_at_ms=0)


@dataclass
class Street:
    """Drivers by name, and which pairs of them have a stream."""

    nursery: trio.Nursery
    rows: dict[str, Member]

    def __post_init__(self) -> None:
        self.drivers: dict[str, Gossiping] = {}
        self.scopes: dict[str, trio.CancelScope] = {}
        self.streams: set[frozenset[str]] = set()
        self.full: set[str] = set()

    def start(self, name: str) -> None:
        def send(to: str, message: GossipMessage) -> bool:
            assert frozenset({name, to}) in self.streams
            if name in self.full:
                return False
            self.nursery.start_soon(self._carry, name, to, message)
            return True

        driver = self.drivers[name] = Gossiping(
            name, 1, TIMING, VirtualClock(), random.Random(name),
            send=send, members=self.rows.values,
            soft_state=lambda: replace(SOFT, loop_lag_ms=int(trio.current_time())),
        )  # fmt: skip
        self.nursery.start_soon(self._live, name, driver)

    def link(self, one: str, other: str) -> None:
        self.streams.add(frozenset({one, other}))
        self.drivers[one].linked(other)
        self.drivers[other].linked(one)

    def kill(self, name: str) -> None:
        self.scopes[name].cancel()
        del self.drivers[name]
        for peer in [p for p in self.drivers if frozenset({name, p}) in self.streams]:
            self.streams.discard(frozenset({name, peer}))
            self.drivers[peer].lost(name)
            self.drivers[peer].redial_failed(name)

    def statuses(self, of: str) -> set[str]:
        return {d.standings()[of].status for name, d in self.drivers.items() if name != of}

    async def _live(self, name: str, driver: Gossiping) -> None:
        with trio.CancelScope() as self.scopes[name]:
            await driver.run()

    async def _carry(self, sender: str, to: str, message: GossipMessage) -> None:
        await trio.sleep(0.002)
        if to in self.drivers and frozenset({sender, to}) in self.streams:
            self.drivers[to].receive(sender, message)


@asynccontextmanager
async def street() -> AsyncIterator[Street]:
    """Three voters, and a node behind two of them."""
    async with trio.open_nursery() as nursery:
        here = Street(
            nursery, {name: member(name, inbound=name != "far") for name in (*VOTERS, "far")}
        )
        for name in here.rows:
            here.start(name)
        await trio.sleep(0.01)
        for one, other in (("v1", "v2"), ("v1", "v3"), ("v2", "v3"), ("far", "v1"), ("far", "v2")):
            here.link(one, other)
        yield here
        nursery.cancel_scope.cancel()


async def test_nodes_see_each_other_and_how_each_is(autojump_clock: MockClock) -> None:
    async with street() as here:
        await trio.sleep(100)
        for name in here.rows:
            assert here.statuses(name) == {"alive"}
        for driver in here.drivers.values():
            assert (driver.partition, driver.pace, driver.ill_health) == ("none", "stable", 0)
            seen = driver.soft_states()
            assert seen.keys() == here.rows.keys()
            for one in seen.values():
                said_at = one.state.loop_lag_ms
                assert said_at is not None
                assert abs(one.said_at - said_at) < 1.1
                assert trio.current_time() - one.said_at < 20
            assert driver.counters.probes > 50
            assert driver.counters.failed == driver.counters.dropped == 0


async def test_a_killed_node_is_dead_within_five_seconds(autojump_clock: MockClock) -> None:
    async with street() as here:
        await trio.sleep(20)
        here.kill("v3")
        await trio.sleep(5)
        assert here.statuses("v3") == {"dead"}
        here.kill("far")
        await trio.sleep(5)
        assert here.statuses("far") == {"dead"}
        assert here.drivers["v1"].standings()["far"].since_s < 5


async def test_a_revoked_member_is_forgotten_at_once(autojump_clock: MockClock) -> None:
    async with street() as here:
        await trio.sleep(20)
        here.rows["far"] = replace(here.rows["far"], revoked=7)
        here.drivers["v1"].look()
        assert "far" not in here.drivers["v1"].standings()
        assert "far" not in here.drivers["v1"].soft_states()
        await trio.sleep(1.1)
        assert all("far" not in d.standings() for n, d in here.drivers.items() if n != "far")


async def test_messages_without_room_are_counted_and_not_mourned(
    autojump_clock: MockClock,
) -> None:
    async with street() as here:
        await trio.sleep(20)
        here.full.add("v1")
        await trio.sleep(2)
        here.full.clear()
        assert here.drivers["v1"].counters.dropped > 0
        await trio.sleep(20)
        for name in here.rows:
            assert here.statuses(name) == {"alive"}
