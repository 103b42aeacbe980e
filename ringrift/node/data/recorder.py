"""Drives the history: follows the log's feed and the node's own events, and hands them on."""

from collections import deque
from collections.abc import AsyncIterator

import trio

from ringrift.node.cluster.results import Applied
from ringrift.node.consensus.replica import FeedBehindError, Replica
from ringrift.node.data.history import History
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.loop import Pulse
from ringrift.wire.events import AnyEvent, ShardRegistered
from ringrift.wire.views import EventView

RATE_WINDOW_MS = 300_000
RATE_SPAN_MS = 30_000
"""Shortest measurement of a rate: children that began together hand in together, and the first few
seconds would promise several times of what comes."""


class Recorder:
    """Every event is recorded first and published to `recorded` then, with its number.

    `local` carries what this node observed itself; what the cluster decided comes from `replica`.
    """

    def __init__(
        self,
        history: History,
        replica: Replica,
        local: EventBus[AnyEvent],
        recorded: EventBus[EventView],
        one_by_one: Blocking,
        clock: Clock,
    ) -> None:
        self._history = history
        self._replica = replica
        self._local = local
        self._recorded = recorded
        self._one_by_one = one_by_one
        self._clock = clock
        self._order = trio.Lock()
        self._games: dict[str, deque[tuple[int, int]]] = {}
        self._last_at_ms: dict[str, int] = {}

    def games_per_s(self, config: str) -> float | None:
        """Games a second by the shards of the last five minutes.

        None while fewer than two came, or the first of them less than half a minute ago, which
        only starts the measurement: its own games began earlier.
        """
        shards = self._games.get(config, deque())
        now_ms = self._clock.wall_ms()
        while shards and shards[0][0] < now_ms - RATE_WINDOW_MS:
            shards.popleft()
        if len(shards) < 2:
            return None
        elapsed_ms = now_ms - shards[0][0]
        games = sum(games for _, games in shards) - shards[0][1]
        return 1000 * games / elapsed_ms if elapsed_ms >= RATE_SPAN_MS else None

    def last_at_ms(self, event: str) -> int | None:
        """When an event of this name was last recorded, None if it never was."""
        return self._last_at_ms.get(event)

    async def recent(self, limit: int, after: int | None) -> tuple[EventView, ...]:
        """Return recorded events, oldest first."""
        return await self._one_by_one(lambda: self._history.recent(limit, after))

    async def run_feed(self, pulse: Pulse) -> None:
        """Record what the log says, from where the file ends, until cancelled."""
        since_ms = self._clock.wall_ms() - RATE_WINDOW_MS
        for config, at_ms, games in await self._one_by_one(
            lambda: self._history.games_since(since_ms)
        ):
            self._count_games(config, at_ms, games)
        self._last_at_ms |= await self._one_by_one(self._history.last_at_ms)
        index = await self._one_by_one(lambda: self._history.applied_index)
        pulse.ready("following the log")
        try:
            await self._follow(self._replica.feed(index), pulse)
        except FeedBehindError as behind:
            shards = list(self._replica.state.shards.rows.values())
            oldest = behind.oldest
            await self._one_by_one(lambda: self._history.refill(shards, oldest))
            await self._follow(self._replica.feed(oldest), pulse)

    async def _follow(self, feed: AsyncIterator[Applied], pulse: Pulse) -> None:
        async for applied in feed:
            await self._record(applied)
            pulse.ran(
                {
                    "index": applied.index,
                    "events": self._recorded.published,
                    "watchers": self._recorded.readers,
                    "dropped": self._recorded.dropped,
                }
            )

    async def _record(self, applied: Applied) -> None:
        if not applied.events:
            return  # recorded with the next entry that says something; a feed may repeat itself
        async with self._order:
            for event in await self._one_by_one(lambda: self._history.record([applied])):
                self._recorded.publish(event)
                self._last_at_ms[event.name] = applied.at_ms
        for event in applied.events:
            if isinstance(event, ShardRegistered):
                self._count_games(event.config, applied.at_ms, event.games)

    async def run_local(self, pulse: Pulse) -> None:
        """Record what this node observes itself, until cancelled."""
        with self._local.subscribe() as events:
            pulse.ready("waiting for events")
            async for event in events:
                await self._record_local(event)
                pulse.ran({"events": self._local.published, "dropped": self._local.dropped})

    async def _record_local(self, event: AnyEvent) -> None:
        at_ms = self._clock.wall_ms()
        async with self._order:
            view = await self._one_by_one(lambda: self._history.record_local(event, at_ms))
            self._recorded.publish(view)

    def _count_games(self, config: str, at_ms: int, games: int) -> None:
        self._games.setdefault(config, deque(maxlen=10_000)).append((at_ms, games))
