"""Sources and followers of the feed, linked by streams in memory."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import trio
from cluster_support import INCARNATION, Ledger, wander
from trio.testing import memory_stream_pair

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.replica import Proposed, Replica
from ringrift.node.net.feeding import Feeder
from ringrift.node.net.following import Following
from ringrift.node.net.link import Link, LinkError
from ringrift.wire import peer as p
from ringrift.wire.log import Entry
from tests.node.feed_source import Source
from tests.node.virtual_clock import VirtualClock

CLUSTER = bytes.fromhex(INCARNATION)
TIMING = TIMINGS["local"]
END = 600


@cache
def played() -> list[Entry]:
    player = Ledger.founded()
    wander(player, random.Random(3), END - player.state.index)
    return player.entries


class Leader:
    """A gateway to a source that decides the next of its entries at every wish."""

    def __init__(self, source: Source) -> None:
        self.source = source

    async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
        await trio.sleep(0.002)
        self.source.advance(self.source.applied_index + 1)
        return Proposed(self.source.applied_index, Done("done"))

    async def barrier(self) -> int:
        await trio.sleep(0.002)
        return self.source.applied_index


@dataclass
class Reader:
    """A node that follows, and its links by source."""

    name: str
    follower: Follower
    links: dict[str, Link] = field(default_factory=dict[str, Link])
    heard: list[p.PeerMessage] = field(default_factory=list[p.PeerMessage])
    following: Following = field(init=False)

    def __post_init__(self) -> None:
        self.following = Following(
            self.follower, lambda: list(self.links.values()), VirtualClock(), TIMING
        )


class Town:
    """Sources and followers, and the streams between them."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.feeders: dict[str, Feeder] = {}

    def source(self, name: str, replica: Replica, age_s: Callable[[], float] | None = None) -> None:
        age = {} if age_s is None else {"age_s": age_s}
        feeder = Feeder(replica, CLUSTER, VirtualClock(), TIMING, **age)
        self.feeders[name] = feeder
        self.nursery.start_soon(feeder.run)

    def follower(self, name: str, source: Source) -> Reader:
        follower = Follower(INCARNATION, Leader(source), VirtualClock(), TIMING.patience)
        fed = Reader(name, follower)
        self.nursery.start_soon(fed.following.run)
        return fed

    async def join(self, fed: Reader, source: str) -> None:
        """Link a follower to a source."""
        near, far = memory_stream_pair()
        clock = VirtualClock()
        mine = Link(near, CLUSTER, source, clock, dialled=True)
        theirs = Link(far, CLUSTER, fed.name, clock, dialled=False)
        async with trio.open_nursery() as greeting:
            greeting.start_soon(mine.greet, p.Hello(fed.name, 1, "0", 1))
            greeting.start_soon(theirs.greet, p.Hello(source, 1, "0", 1))
        fed.links[source] = mine
        self.nursery.start_soon(self._follows, fed, source, mine)
        self.nursery.start_soon(self._feeds, source, theirs)
        fed.following.look()

    async def _follows(self, fed: Reader, source: str, link: Link) -> None:
        def receive(message: p.PeerMessage) -> None:
            fed.heard.append(message)
            if isinstance(message, p.Fed | p.FedSnapshot):
                fed.following.hear(link, message)

        try:
            await link.run(receive)
        except LinkError:
            pass
        finally:
            fed.links.pop(source, None)
            fed.following.lost(source)
            with trio.CancelScope(shield=True):
                await link.bury()

    async def _feeds(self, source: str, link: Link) -> None:
        feeder = self.feeders[source]

        def receive(message: p.PeerMessage) -> None:
            match message:
                case p.Follow():
                    feeder.asked(link, message)
                case p.Taken():
                    feeder.taken(link, message)
                case _:
                    pass

        try:
            await link.run(receive)
        except LinkError:
            pass
        finally:
            feeder.lost(link.peer)
            with trio.CancelScope(shield=True):
                await link.bury()


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    async with trio.open_nursery() as nursery:
        yield Town(nursery)
        nursery.cancel_scope.cancel()


def count(fed: Reader, kind: type[p.PeerMessage]) -> int:
    return sum(isinstance(message, kind) for message in fed.heard)
