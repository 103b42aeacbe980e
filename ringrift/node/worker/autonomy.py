"""Playing on when nobody leads: selfplay by the last known generator, kept until a leader returns.

Without a quorum a node may only play; it never trains, evaluates or promotes. What it plays is
labelled with the hash of its weights, lies in places of item 0 below the work directory, and is
registered, late, as soon as somebody leads.
"""

from collections.abc import Callable
from itertools import cycle

import msgspec
import structlog
import trio

from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import SelfplayWork
from ringrift.node.consensus.replica import Replica
from ringrift.node.control.populator import selfplay
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.node.runtime.settings import PipelineSettings, WorkerSettings
from ringrift.node.worker.admission import Admission
from ringrift.node.worker.child import Child, ChildLimits
from ringrift.node.worker.claims import NOBODY, ClaimPlace, place_of, places
from ringrift.node.worker.jobs import JobError, job_for
from ringrift.node.worker.leftovers import Leftovers
from ringrift.node.worker.slots import Slots
from ringrift.node.worker.worker import Workplace
from ringrift.wire.job import Failed, JobLine

PAUSE_S = 1.0
FAILED_PAUSE_S = 30.0
CHILD_S = 3_600

log: structlog.stdlib.BoundLogger = structlog.get_logger("autonomy")


def why_not(
    leaderless_s: float, admitted: Admission, kept_bytes: int, settings: WorkerSettings
) -> str | None:
    """Why a node plays nothing by itself now, in a few words; None when it should."""
    if leaderless_s < settings.autonomy_after_s:
        return "somebody leads" if leaderless_s == 0 else f"no leader for {leaderless_s:.0f} s"
    if "selfplay" not in admitted.kinds:
        return admitted.reason or "this node does no selfplay"
    if leaderless_s > settings.autonomy_after_s + settings.autonomy_for_s:
        return f"no leader for {leaderless_s / 3600:.0f} h: enough was played"
    if kept_bytes >= settings.autonomy_bytes:
        return f"{kept_bytes / 1e9:.1f} GB wait to be registered: enough was played"
    return None


def choices(state: ClusterState, settings: PipelineSettings) -> list[tuple[str, SelfplayWork]]:
    """What could be played: every active configuration by its generator."""
    played: list[tuple[str, SelfplayWork]] = []
    for name, row in state.configs.rows.items():
        work = selfplay(name, settings).payload
        if row.mode == "active" and isinstance(work, SelfplayWork):
            played.append((name, msgspec.structs.replace(work, weights=row.generator)))
    return played


class Autonomy:
    """Fills the free slots of a node as long as `why_not` has nothing against it."""

    def __init__(
        self,
        workplace: Workplace,
        replica: Replica,
        admit: Callable[[], Admission],
        slots: Slots,
        leftovers: Leftovers,
        worker: WorkerSettings,
        pipeline: PipelineSettings,
        clock: Clock,
        blocking: Blocking,
    ) -> None:
        self._place, self._replica, self._admit, self._slots = workplace, replica, admit, slots
        self._leftovers, self._worker, self._pipeline = leftovers, worker, pipeline
        self._clock, self._blocking = clock, blocking
        self._children: dict[int, Child] = {}
        self._started = 0
        self._not_before = 0.0
        self._recovered = 0

    async def run(self, pulse: Pulse) -> None:
        """Watch for a leader, and play as long as there is none, until cancelled."""
        led_at = self._clock.now()
        self._started = await self._blocking(self._last_place)
        for place in await self._blocking(self._own_places):
            await self._leftovers.end_child(place)
        async with trio.open_nursery() as nursery:
            while True:
                now = self._clock.now()
                if self._replica.leader_id is not None:
                    led_at = now
                    await self._hand_over()
                kept = await self._blocking(self._kept_bytes) if now > led_at else 0
                against = why_not(now - led_at, self._admit(), kept, self._worker)
                if against is not None:
                    self._stop(against)
                elif now >= self._not_before:
                    self._fill(nursery)
                figures = {
                    "playing": len(self._children),
                    "kept_bytes": kept,
                    "recovered": self._recovered,
                }
                pulse.ran(figures, against or "nobody leads: playing on")
                await self._clock.sleep(PAUSE_S)

    def _fill(self, nursery: trio.Nursery) -> None:
        able = choices(self._replica.state, self._pipeline)
        for config, work in cycle(able):
            if self._slots.free == 0:
                break
            self._started += 1
            self._slots.busy += 1
            nursery.start_soon(self._play, self._started, config, work)

    async def _play(self, number: int, config: str, work: SelfplayWork) -> None:
        place = place_of(self._place.directory, NOBODY, number)
        limits = ChildLimits(
            silence_s=self._worker.heartbeat_timeout_s,
            run_s=CHILD_S,
            grace_s=self._worker.stop_grace_s,
        )

        async def on_start(pid: int) -> None:
            await self._blocking(lambda: place.note_child(pid))

        async def on_line(_: JobLine) -> None:
            """What it made is counted by its files."""

        try:
            run_id, threads = self._place.mint_run_id(), self._slots.threads
            job = job_for(config, work, self._place.blobs, run_id, place.out, threads)
            await self._blocking(place.make)
            child = Child(self._place.command, job, place.directory, limits, self._clock)
            self._children[number] = child
            end = await child.run(on_start, on_line)
            if isinstance(end, Failed):
                raise JobError(end.reason)
        except JobError as error:
            self._not_before = self._clock.now() + FAILED_PAUSE_S
            log.warning("playing by itself failed", config=config, reason=str(error))
        finally:
            self._children.pop(number, None)
            self._slots.busy -= 1

    def _stop(self, reason: str) -> None:
        for child in self._children.values():
            child.stop(reason)

    async def _hand_over(self) -> None:
        """Register what was played, once nobody writes there any more."""
        self._stop("somebody leads again")
        if self._children:
            return
        for place in await self._blocking(self._own_places):
            self._recovered += await self._leftovers.recover(place)
            await self._blocking(place.remove)

    # What follows blocks.

    def _own_places(self) -> list[ClaimPlace]:
        return [place for place in places(self._place.directory) if place.item == NOBODY]

    def _last_place(self) -> int:
        return max((place.claim for place in self._own_places()), default=0)

    def _kept_bytes(self) -> int:
        return sum(path.stat().st_size for place in self._own_places() for path in place.shards())
