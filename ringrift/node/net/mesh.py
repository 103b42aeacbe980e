"""All streams of this node to others: dialled where wanted, accepted where offered, one a pair.

A stream is usable in both directions whoever dialled. When two nodes dial each other at once, both
keep the stream that the smaller id dialled. A peer that cannot be reached is tried again after a
while that doubles; one that was reached and lost, at once.

Two processes that pass for one node (a data directory was copied) would vote twice. So a life gets
no stream where an earlier one is still heard, nor where a later one is linked.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog
import trio

from ringrift.node.net.discovery.hints import Address
from ringrift.node.net.link import Link, LinkError
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.wire import peer as p
from ringrift.wire.raft import RaftMessage

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
SHORT_LIFE_S = 1.0
"""A link that ends sooner does not count as one that was reached and lost."""
DIAL_S = 10.0
LOOK_EVERY_S = 5.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("mesh")


class Dial(Protocol):
    """Opens a stream to a node, authenticated on both sides; raises LinkError."""

    async def __call__(self, peer: str, address: Address, /) -> trio.abc.Stream: ...


class Mesh:
    """The links of this node by peer.

    `wanted` says whom to reach and where (at any of several addresses), `admits` why a peer is
    refused (None: it is not); `receive` is called with (link, message) for all that is said,
    `found` with a peer that is newly linked, `lost` with one whose link has ended, and
    `tried(peer, address, reached)` after every attempt to dial; none of them may block.
    """

    def __init__(
        self,
        me: p.Hello,
        incarnation: bytes,
        clock: Clock,
        *,
        dial: Dial,
        wanted: Callable[[], Mapping[str, Sequence[Address]]],
        admits: Callable[[str], str | None],
        receive: Callable[[Link, p.PeerMessage], None],
        found: Callable[[str], None],
        lost: Callable[[str], None],
        tried: Callable[[str, Address, bool], None],
    ) -> None:
        self.links: dict[str, Link] = {}
        self.refused = 0
        self._me, self._incarnation, self._clock = me, incarnation, clock
        self._dial, self._wanted, self._admits, self._receive = dial, wanted, admits, receive
        self._found, self._lost, self._tried = found, lost, tried
        self._dialling: set[str] = set()
        self._look = Wakeup()

    def send(self, to: str, message: RaftMessage) -> None:
        """Carry a message of Raft, if there is a link: a `Transport`."""
        link = self.links.get(to)
        if link is not None:
            link.say(p.Consensus(message))

    def look(self) -> None:
        """Whom this node wants to reach, or may, has changed."""
        for peer, link in list(self.links.items()):
            if self._admits(peer) is not None:
                link.close()
        self._look.ring()

    async def run(self) -> None:
        """Keep a link to every peer that is wanted, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                for peer in self._wanted():
                    if peer not in self._dialling and peer != self._me.node:
                        self._dialling.add(peer)
                        nursery.start_soon(self._keep, peer)
                await self._look.wait(LOOK_EVERY_S)

    async def accept(self, stream: trio.abc.Stream, peer: str) -> None:
        """Serve a stream that `peer` dialled, until it ends; returns for whatever reason."""
        await self._live(Link(stream, self._incarnation, peer, self._clock, dialled=False))

    async def _keep(self, peer: str) -> None:
        """Dial a peer, at one of its addresses after the other, for as long as it is wanted."""
        pause = FIRST_PAUSE_S
        tried = 0
        try:
            while addresses := self._wanted().get(peer):
                if peer in self.links or self._admits(peer) is not None:
                    await self._clock.sleep(FIRST_PAUSE_S)
                    continue
                address = addresses[tried % len(addresses)]
                stream = await self._dialled(peer, address)
                # From here on: however long it took to get there, who is shown out comes rarely.
                began = self._clock.now()
                self._tried(peer, address, stream is not None)
                tried += stream is None
                if stream is not None:
                    link = Link(stream, self._incarnation, peer, self._clock, dialled=True)
                    await self._live(link)
                lived = stream is not None and self._clock.now() - began > SHORT_LIFE_S
                pause = FIRST_PAUSE_S if lived else min(2 * pause, LONGEST_PAUSE_S)
                await self._clock.sleep(pause)
        finally:
            self._dialling.discard(peer)

    async def _dialled(self, peer: str, address: Address) -> trio.abc.Stream | None:
        try:
            with self._clock.at_most(DIAL_S):
                return await self._dial(peer, address)
        except LinkError as error:
            log.debug("cannot reach a peer", peer=peer, reason=str(error))
        return None

    async def _live(self, link: Link) -> None:
        """Greet, carry and bury one link."""
        try:
            refusal = self._admits(link.peer)
            if refusal is not None:
                raise LinkError(refusal)
            await link.greet(self._me)
            self._keep_one(link)
            log.info("linked", peer=link.peer, dialled=link.dialled)
            self._found(link.peer)
            await link.run(lambda message: self._receive(link, message))
        except LinkError as error:
            self.refused += link.hello is None
            log.info("a link ended", peer=link.peer, reason=str(error))
        finally:
            if self.links.get(link.peer) is link:
                del self.links[link.peer]
                self._lost(link.peer)
            with trio.CancelScope(shield=True):
                await link.bury()

    def _keep_one(self, link: Link) -> None:
        """Let a new link take its peer's place, or raise LinkError when the old one is to stay."""
        other = self.links.get(link.peer)
        if other is not None:
            _refuse_copy(link, other)
        both_dialled = other is not None and other.dialled != link.dialled
        if (
            other is not None
            and both_dialled
            and other.hello == link.hello
            and self._is_first(other)
        ):
            raise LinkError(f"{link.peer} is linked already.")
        self.links[link.peer] = link
        if other is not None:
            other.close()

    def _is_first(self, link: Link) -> bool:
        """Whether the smaller of the two ids dialled; both sides judge alike."""
        return link.dialled == (self._me.node < link.peer)


def _refuse_copy(link: Link, other: Link) -> None:
    """Raise LinkError when a peer that is linked lives on, and somebody else greets as it."""
    assert link.hello is not None and other.hello is not None
    ours, linked = link.hello.boot, other.hello.boot
    if ours < linked or (ours > linked and other.is_heard):
        raise LinkError(
            f"{link.peer} lives already, in its life {linked}; this is life {ours}: one of them is "
            "a copy."
        )
