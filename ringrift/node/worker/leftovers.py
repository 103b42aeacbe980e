"""What an earlier life left behind: children that still run, and games the log may not know.

A child whose parent died hands in by itself and ends; one that does not is ended. Its finished
shards are registered (late, if the claim is over): games are never thrown away.
"""

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from ringrift.node.cluster.commands import Command, RegisterShard
from ringrift.node.cluster.results import Refused
from ringrift.node.consensus.replica import Proposed
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.settings import WorkerSettings
from ringrift.node.worker.claims import NOBODY, ClaimPlace, Workplace, places, read_facts
from ringrift.train.records import RecordError

POLL_S = 0.1

log: structlog.stdlib.BoundLogger = structlog.get_logger("worker")


class Leftovers:
    """Clears the work directory before the first claim of a life, and after a child that died."""

    def __init__(
        self,
        home: Workplace,
        settings: WorkerSettings,
        clock: Clock,
        blocking: Blocking,
        propose: Callable[[Command], Awaitable[Proposed]],
    ) -> None:
        self._home, self._settings, self._propose = home, settings, propose
        self._clock, self._blocking = clock, blocking

    async def clear(self) -> int:
        """End what runs, register what was made, remove the rest; return the games recovered.

        What was played without a leader is left to `Autonomy`, which may be playing now.
        """
        games = 0
        for place in await self._blocking(self._claimed):
            await self.end_child(place)
            games += await self.recover(place)
            await self._blocking(place.remove)
        return games

    async def recover(self, place: ClaimPlace) -> int:
        """Register the finished shards that still lie at a place; return their games."""
        games = 0
        for path in await self._blocking(place.shards):
            games += await self._register(place, path)
        return games

    def _claimed(self) -> list[ClaimPlace]:
        return [place for place in places(self._home.directory) if place.item != NOBODY]

    async def end_child(self, place: ClaimPlace) -> None:
        """End the child of an earlier life that still runs at a place."""
        if not await self._blocking(lambda: place.signal_child(signal.SIGTERM)):
            return
        log.warning("a child of an earlier life still runs", item=place.item)
        deadline = self._clock.now() + self._settings.stop_grace_s
        while self._clock.now() < deadline:
            await self._clock.sleep(POLL_S)
            # SIGCONT changes nothing in a running child: this only asks whether it is there.
            if not await self._blocking(lambda: place.signal_child(signal.SIGCONT)):
                return
        await self._blocking(lambda: place.signal_child(signal.SIGKILL))

    async def _register(self, place: ClaimPlace, path: Path) -> int:
        try:
            facts = await self._blocking(lambda: read_facts(path))
        except RecordError as error:
            log.error("a shard left behind is damaged", reason=str(error))
            return 0
        await self._blocking(lambda: self._home.blobs.take(path, facts.sha256, facts.bytes))
        await self._home.publish(facts.sha256)
        command = RegisterShard(item=place.item, claim=place.claim, shard=facts)
        result = (await self._propose(command)).result
        # The log knows of it, or never will: either way it is not to be asked again.
        await self._blocking(path.unlink)
        if isinstance(result, Refused):
            log.warning("a shard left behind was refused", reason=result.reason)
            return 0
        return facts.games
