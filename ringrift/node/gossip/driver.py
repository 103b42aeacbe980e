"""The core of gossip under a clock, speaking through the streams of the mesh.

Whoever owns the streams tells what comes (`receive`) and what becomes of them (`linked`, `lost`,
`redial_failed`), and `look`s when the member table changed. None of these blocks.
"""

import random
from collections.abc import Callable, Iterable

from ringrift.node.cluster.members import Member
from ringrift.node.gossip.core import Gossip, Sends, Standing
from ringrift.node.gossip.counters import Counters
from ringrift.node.gossip.pace import Partition
from ringrift.node.gossip.places import Place, places_of
from ringrift.node.gossip.softstate import Kept
from ringrift.node.gossip.timing import PUBLISH_S, GossipTiming, Pace
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.wire.gossip import GossipMessage, SoftState

LOOK_EVERY_S = 1.0


class Gossiping:
    """Gossip of the node `me` in its life `boot`; `send` queues a message for a linked peer.

    `members` gives the member table, and `soft_state` how this node is now.
    """

    def __init__(
        self,
        me: str,
        boot: int,
        timing: GossipTiming,
        clock: Clock,
        rng: random.Random,
        *,
        send: Callable[[str, GossipMessage], bool],
        members: Callable[[], Iterable[Member]],
        soft_state: Callable[[], SoftState],
    ) -> None:
        self._clock, self._send, self._wakeup = clock, send, Wakeup()
        self._members, self._soft_state = members, soft_state
        self._core = Gossip(me, boot, timing, rng, clock.now())
        self._table: dict[str, Place] = {}

    def receive(self, peer: str, message: GossipMessage) -> None:
        """A linked peer has said something."""
        self._carry(self._core.receive(peer, message, self._clock.now()))

    def linked(self, peer: str) -> None:
        """There is a stream to a peer now."""
        self._carry(self._core.linked(peer, self._clock.now()))

    def lost(self, peer: str) -> None:
        """The stream to a peer has ended."""
        self._carry(self._core.lost(peer, self._clock.now()))

    def redial_failed(self, peer: str) -> None:
        """A peer whose stream had ended could not be dialled."""
        self._carry(self._core.redial_failed(peer, self._clock.now()))

    def look(self) -> None:
        """The member table may have changed."""
        table = places_of(self._members())
        if table != self._table:
            self._table = table
            self._carry(self._core.place(table, self._clock.now()))

    async def run(self) -> None:
        """Probe, tell and compare until cancelled."""
        looks_at = publishes_at = self._clock.now()
        while True:
            now = self._clock.now()
            if now >= looks_at:
                looks_at = now + LOOK_EVERY_S
                self.look()
            if now >= publishes_at:
                publishes_at = now + PUBLISH_S
                self._say(self._core.publish(self._soft_state(), now))
            self._say(self._core.tick(now))
            due = min(looks_at, publishes_at, self._core.next_at)
            await self._wakeup.wait(max(0.0, due - self._clock.now()))

    def standings(self) -> dict[str, Standing]:
        """What is believed of every other member."""
        return self._core.standings(self._clock.now())

    def soft_states(self) -> dict[str, Kept]:
        """The newest soft state of every member that has told one, this node among them."""
        return self._core.soft_states()

    @property
    def partition(self) -> Partition:
        """How much of the cluster is seen."""
        return self._core.partition(self._clock.now())

    @property
    def pace(self) -> Pace:
        """How often this node compares all it knows: partitioned, recovering or stable."""
        return self._core.pacing.pace

    @property
    def ill_health(self) -> int:
        """How unwell this node is as an observer: 0 is well, `GossipTiming.worst` is worst."""
        return self._core.health.score

    @property
    def counters(self) -> Counters:
        """How often what happened since the start."""
        return self._core.counters

    def _carry(self, sends: Sends) -> None:
        """Say what an event from outside calls for; it may also call for an earlier tick."""
        self._say(sends)
        self._wakeup.ring()

    def _say(self, sends: Sends) -> None:
        for peer, message in sends:
            self._core.counters.dropped += not self._send(peer, message)
