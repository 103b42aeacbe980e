"""The follower's side of the feed: one source at a time, another one when it is no good."""

import math
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from ringrift.node.cluster.snapshot import SnapshotError
from ringrift.node.consensus.follower import FeedError, Follower
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.net.link import Link
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.wire import peer as p

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 10.0
LEAST_PATIENCE_S = 2.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("feed")


class Following:
    """Keeps a follower fed from one of `sources()`, the links that may feed it, nearest first.

    A source that has for a while known no leader, or has been behind this node, is left for
    another, as is one that breaks off or sends what cannot be followed.
    """

    def __init__(
        self,
        follower: Follower,
        sources: Callable[[], Sequence[Link]],
        clock: Clock,
        timing: Timing,
    ) -> None:
        self.source: Link | None = None
        self._follower, self._sources, self._clock = follower, sources, clock
        self._patience_s = max(LEAST_PATIENCE_S, 3 * timing.patience)
        self._left_at: dict[str, float] = {}
        self._heard: deque[p.Fed | p.FedSnapshot] = deque()
        self._lost = False
        self._good_at = 0.0
        self._bell = Wakeup()

    # What comes from links; none of it blocks.

    def hear(self, link: Link, message: p.Fed | p.FedSnapshot) -> None:
        """Take a message of the feed; one of a source that was left is ignored."""
        if link is not self.source or not self._follower.hear(message):
            return
        if len(self._heard) > 2 * p.FEED_AHEAD:
            self._lost = True
        else:
            self._heard.append(message)
        self._note_good(message)
        self._bell.ring()

    def lost(self, peer: str) -> None:
        """The link to a peer has ended."""
        if self.source is not None and self.source.peer == peer:
            self._lost = True
            self._bell.ring()

    def look(self) -> None:
        """There may be other sources now."""
        self._bell.ring()

    # The task.

    async def run(self) -> None:
        """Follow until cancelled; raises ReplicaStoppedError once nothing can be followed."""
        pause = FIRST_PAUSE_S
        while True:
            link = self._next_source()
            if link is None:
                await self._bell.wait(LONGEST_PAUSE_S)
                continue
            began, index = self._clock.now(), self._follower.applied_index
            try:
                await self._follow(link)
            except (FeedError, SnapshotError) as error:
                log.info("a source of the feed is left", peer=link.peer, reason=str(error))
            finally:
                self.source = None
            now = self._clock.now()
            self._left_at[link.peer] = now
            went_well = self._follower.applied_index > index or now - began > LONGEST_PAUSE_S
            pause = FIRST_PAUSE_S if went_well else min(2 * pause, LONGEST_PAUSE_S)
            await self._clock.sleep(pause)

    def _next_source(self) -> Link | None:
        """The nearest of those that were left longest ago."""
        links = self._sources()
        peers = {link.peer for link in links}
        self._left_at = {peer: at for peer, at in self._left_at.items() if peer in peers}
        return min(links, key=lambda link: self._left_at.get(link.peer, -math.inf), default=None)

    async def _follow(self, link: Link) -> None:
        """Take what a source says until it is no good; raises FeedError or SnapshotError then."""
        follower = self._follower
        follower.begin()
        self._heard.clear()
        self.source, self._lost, self._good_at = link, False, self._clock.now()
        if not link.say(p.Follow(follower.applied_index)):
            raise FeedError(f"{link.peer} is not to be asked anything now.")
        taken = told = 0
        while True:
            message = await self._next(link)
            await follower.take(message)
            if isinstance(message, p.FedSnapshot):
                # What it took here to load is no silence of the source.
                self._good_at = self._clock.now()
            taken += 1
            if taken - told >= p.FEED_AHEAD // 2 and link.say(p.Taken(taken)):
                told = taken

    async def _next(self, link: Link) -> p.Fed | p.FedSnapshot:
        while True:
            if self._lost:
                raise FeedError(f"{link.peer} broke off.")
            left = self._good_at + self._patience_s - self._clock.now()
            if left <= 0:
                raise FeedError(f"{link.peer} has been behind, or without a leader, for a while.")
            if self._heard:
                return self._heard.popleft()
            await self._bell.wait(left)

    def _note_good(self, message: p.Fed | p.FedSnapshot) -> None:
        follower = self._follower
        if isinstance(message, p.Fed):
            is_ahead = message.commit >= follower.applied_index
            if is_ahead and follower.leader_id is not None:
                self._good_at = self._clock.now()
