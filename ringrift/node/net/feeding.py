"""The voter's side of the feed: any number of followers served from one replica.

What all of them are told is put together once: they wait for the same beat, which comes at most
once a millisecond a follower, so most of them stand at the same place and are given the same
frame; and who needs a snapshot reads along in one that others began. A follower that is slow holds
nothing but its place.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import trio

from ringrift.node.cluster.results import Applied
from ringrift.node.consensus.raft.timing import Timing
from ringrift.node.consensus.replica import (
    FeedBehindError,
    Replica,
    ReplicaStoppedError,
)
from ringrift.node.net.frames import pack
from ringrift.node.net.link import Link
from ringrift.node.runtime.clock import Clock
from ringrift.wire import peer as p
from ringrift.wire.log import Entry

FED_BYTES = 256 * 1024
PULSE_S = 1.0
"""Every follower hears something at least as often."""
PACE_S = 0.001
"""Between two beats, for every follower: what new entries cost does not grow with followers."""
SHOT_KEPT_S = 30.0
"""A snapshot that nobody read for so long is dropped."""

MAX_AGE_S = 1e9


class Told(NamedTuple):
    """What a follower was told besides entries; another `pulse`: it is time to say it again."""

    commit: int
    term: int
    leader: str | None
    pulse: int


class Shot:
    """A snapshot as frames, encoded when the first of its readers gets there."""

    def __init__(self, replica: Replica, incarnation: bytes) -> None:
        self.index = replica.applied_index
        self.used_at = 0.0
        self._incarnation = incarnation
        self._chunks = replica.snapshot()
        self._next: bytes | None = next(self._chunks)
        self._frames: list[bytes] = []

    def frame(self, number: int) -> bytes | None:
        """The part of this number, the next new one at most; None after the final one."""
        if number == len(self._frames) and self._next is not None:
            data, self._next = self._next, next(self._chunks, None)
            part = p.FedSnapshot(self._next is None, data, number)
            self._frames.append(pack(self._incarnation, part))
        return self._frames[number] if number < len(self._frames) else None


class Feeder:
    """Serves `Follow` on the links of a node; `age_s` is a `Follower`'s, none at a voter."""

    def __init__(
        self,
        replica: Replica,
        incarnation: bytes,
        clock: Clock,
        timing: Timing,
        age_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.replica, self._incarnation = replica, incarnation
        self._clock, self._age_s = clock, age_s
        # Who was told of a leader believes in it for the voters' patience.
        self._pulse_s = min(PULSE_S, timing.patience / 3)
        self._look_s = self._pulse_s / 4
        self._pulse, self._pulsed_at = 0, clock.now()
        self._beat = trio.lowlevel.ParkingLot()
        self._shot: Shot | None = None
        self._packed: tuple[tuple[int, int, Told], bytes] | None = None
        self._feedings: dict[str, Feeding] = {}
        self._nursery: trio.Nursery | None = None

    @property
    def followers(self) -> dict[str, int]:
        """Up to which entry every follower has been told, by id."""
        return {peer: feeding.index for peer, feeding in self._feedings.items()}

    # What comes from links; none of it blocks.

    def asked(self, link: Link, follow: p.Follow) -> None:
        """Feed the peer of a link on it, from now on."""
        feeding = self._feedings.get(link.peer)
        if feeding is None or feeding.link is not link:
            self.lost(link.peer)
            feeding = self._feedings[link.peer] = Feeding(self, link)
            if self._nursery is not None:
                self._nursery.start_soon(feeding.run)
        feeding.asked(follow.after_index)

    def taken(self, link: Link, taken: p.Taken) -> None:
        """A follower says how far it is."""
        feeding = self._feedings.get(link.peer)
        if feeding is not None and feeding.link is link:
            feeding.taken(taken.messages)

    def lost(self, peer: str) -> None:
        """The link to a peer has ended."""
        feeding = self._feedings.pop(peer, None)
        if feeding is not None:
            feeding.stop()

    async def run(self) -> None:
        """Feed those who ask until cancelled; ends with ReplicaStoppedError."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for feeding in self._feedings.values():
                    nursery.start_soon(feeding.run)
                await self._keep_time()
        except* ReplicaStoppedError as stopped:
            raise ReplicaStoppedError(str(stopped.exceptions[0])) from None
        finally:
            self._nursery = None

    async def _keep_time(self) -> None:
        """Wake all who wait, whenever there is something to tell them."""
        said, index = self.told(), self.replica.applied_index
        while True:
            with self._clock.at_most(self._look_s):
                await self.replica.feed(index).more()
            now = self._clock.now()
            if now - self._pulsed_at >= self._pulse_s:
                self._pulse, self._pulsed_at = self._pulse + 1, now
                self._forget_shot(now)
            told = self.told()
            if told != said or self.replica.applied_index != index:
                said, index = told, self.replica.applied_index
                self._beat.unpark_all()
                await self._clock.sleep(PACE_S * len(self._feedings))

    # What feedings share.

    def told(self) -> Told:
        """What is to be told now."""
        replica = self.replica
        return Told(replica.commit_index, replica.term, replica.leader_id, self._pulse)

    async def beat(self) -> None:
        """Wait until there may be something to tell."""
        await self._beat.park()

    def opening(self, told: Told) -> bytes:
        """The frame that opens an answer."""
        return self._fed((), told, opening=True)

    def frame(self, after: int, applied: Sequence[Applied], told: Told) -> bytes:
        """The frame of the entries after an index, possibly none."""
        key = (after, len(applied), told)
        if self._packed is None or self._packed[0] != key:
            self._packed = (key, self._fed(tuple(each.entry for each in applied), told))
        return self._packed[1]

    def shot(self) -> Shot:
        """The snapshot to read, which is another one once the entries that follow it are gone."""
        shot = self._shot
        if shot is None or not self._follows_on(shot.index):
            shot = self._shot = Shot(self.replica, self._incarnation)
        shot.used_at = self._clock.now()
        return shot

    def _follows_on(self, index: int) -> bool:
        try:
            self.replica.feed(index).take(1, 1)
        except FeedBehindError:
            return False
        return True

    def _forget_shot(self, now: float) -> None:
        if self._shot is not None and now - self._shot.used_at > SHOT_KEPT_S:
            self._shot = None

    def _fed(self, entries: tuple[Entry, ...], told: Told, *, opening: bool = False) -> bytes:
        age_ms = int(1000 * min(self._age_s(), MAX_AGE_S))
        fed = p.Fed(entries, told.commit, told.term, told.leader, opening, age_ms)
        return pack(self._incarnation, fed)


class Feeding:
    """What the peer of one link is fed, in one task, so that answers never mix."""

    def __init__(self, feeder: Feeder, link: Link) -> None:
        self.link = link
        self.index = 0
        self._feeder = feeder
        self._wanted: int | None = None
        self._told: Told | None = None
        self._sent = self._taken = 0
        self._part_of, self._part = 0, 0
        self._changed = trio.lowlevel.ParkingLot()
        self._life, self._answering = trio.CancelScope(), trio.CancelScope()

    def asked(self, after_index: int) -> None:
        """The peer wants what follows an entry, whatever it wanted before."""
        self._wanted = after_index
        self._answering.cancel()
        self._changed.unpark_all()

    def taken(self, messages: int) -> None:
        """The peer has taken in so many messages of this answer."""
        self._taken = max(self._taken, messages)
        self._changed.unpark_all()

    def stop(self) -> None:
        """The link is gone; `run` returns."""
        self._life.cancel()

    async def run(self) -> None:
        """Answer one question after the other until stopped, or until the replica is."""
        with suppress(ReplicaStoppedError), self._life:
            while True:
                while self._wanted is None:
                    await self._changed.park()
                self.index, self._wanted = self._wanted, None
                self._sent = self._taken = 0
                with trio.CancelScope() as self._answering:
                    await self._answer()

    async def _answer(self) -> None:
        feeder = self._feeder
        self._told = feeder.told()
        await self._say(feeder.opening(self._told))
        cursor = feeder.replica.feed(self.index)
        while True:
            await self._wait_for_credit()
            told = feeder.told()
            try:
                applied = cursor.take(p.MAX_FEED_ENTRIES, FED_BYTES)
            except FeedBehindError:
                await self._send_snapshot()
                cursor = feeder.replica.feed(self.index)
                continue
            if applied or told != self._told:
                await self._say(feeder.frame(self.index, applied, told))
                self.index, self._told = cursor.index, told
            else:
                await feeder.beat()

    async def _send_snapshot(self) -> None:
        self._part_of = 0
        while (frame := self._next_part()) is not None:
            await self._say(frame)
            told = self._feeder.told()
            if told != self._told:
                await self._say(self._feeder.frame(0, (), told))
                self._told = told
        self.index = self._part_of

    def _next_part(self) -> bytes | None:
        # The snapshot is asked for each time, never held: a reader that has stopped reading would
        # keep it in memory.
        shot = self._feeder.shot()
        if shot.index != self._part_of:
            self._part_of, self._part = shot.index, 0
        self._part += 1
        return shot.frame(self._part - 1)

    async def _wait_for_credit(self) -> None:
        while self._sent - self._taken >= p.FEED_AHEAD:
            await self._changed.park()

    async def _say(self, frame: bytes) -> None:
        await self._wait_for_credit()
        await self.link.feed_when_room(frame)
        self._sent += 1
