"""Playing on when nobody leads: selfplay by the last known generator, kept until a leader returns.

Without a quorum a node may only play; it never trains, evaluates or promotes. What it plays is
labelled with the hash of its weights, lies in places of item 0 below the work directory, and is
registered, late, as soon as somebody leads.

A life that begins without a leader plays by what its log holds, decided or not: the games name
their weights. A node without a vote keeps no log, and has to be told first.
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
from ringrift.node.worker.claims import NOBODY, ClaimPlace, Workplace, place_of, places
from ringrift.node.worker.jobs import JobError, job_for
from ringrift.node.worker.leftovers import Leftovers
from ringrift.node.worker.slots import Slots
from ringrift.wire.job import Failed, JobLine

PAUSE_S = 1.0
FAILED_PAUSE_S = 30.0
CHILD_S = 3_600

Choices = list[tuple[str, SelfplayWork]]
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


def choices(state: ClusterState, node: str, settings: PipelineSettings) -> Choices | str:
    """What a node could play by what it knows: every active configuration by its generator.

    In a few words why nothing, if that is nothing.
    """
    row = state.members.rows.get(node)
    if row is None:
        return "nobody leads, and this node knows neither members nor generators: it cannot play"
    if not row.works:
        return "draining" if row.mode == "draining" else "this node is no member that works"
    played: Choices = []
    for name, config in state.configs.rows.items():
        work = selfplay(name, settings).payload
        if config.mode == "active" and isinstance(work, SelfplayWork):
            played.append((name, msgspec.structs.replace(work, weights=config.generator)))
    return played or "no configuration is active"


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
        self._children: dict[int, Child | None] = {}
        self._started = 0
        self._not_before = 0.0
        self._failure = ""
        self._known: tuple[int, Choices | str] = (-1, "")
        self._hands_over = False
        self._recovered = 0

    async def run(self, pulse: Pulse) -> None:
        """Watch for a leader, and play as long as there is none, until cancelled."""
        pulse.ready("ending what an earlier life left running")
        led_at = self._clock.now()
        for place in await self._blocking(self._own_places):
            self._started = max(self._started, place.claim)
            await self._leftovers.end_child(place)
        async with trio.open_nursery() as nursery:
            while True:
                now = self._clock.now()
                if self._replica.leader_id is not None:
                    led_at, self._known = now, (-1, "")
                    if not self._children and not self._hands_over:
                        # Beside this: when nobody leads any more, it waits, and this plays.
                        self._hands_over = True
                        nursery.start_soon(self._hand_over, self._started)
                kept = await self._blocking(self._kept_bytes) if now > led_at else 0
                against = why_not(now - led_at, self._admit(), kept, self._worker)
                able = against or await self._able()
                if isinstance(able, str):
                    reason = able
                    for child in filter(None, self._children.values()):
                        child.stop()
                elif now < self._not_before:
                    reason = f"nobody leads, and playing failed: {self._failure}"
                else:
                    reason = f"nobody leads: playing on ({', '.join(config for config, _ in able)})"
                    self._fill(nursery, able)
                figures = {
                    "playing": len(self._children),
                    "kept_bytes": kept,
                    "recovered": self._recovered,
                }
                pulse.ran(figures, reason)
                await self._clock.sleep(PAUSE_S)

    async def _able(self) -> Choices | str:
        """What can be played with what is here, or why nothing."""
        if self._known[0] != (index := self._replica.applied_index):
            state = await self._replica.foreseen()
            self._known = index, choices(state, self._place.node_id, self._pipeline)
        if isinstance(able := self._known[1], str):
            return able
        has = self._place.blobs.has
        here = await self._blocking(
            lambda: [it for it in able if it[1].weights is None or has(it[1].weights)]
        )
        return here or "nobody leads, and the weights of no generator are here: it cannot play"

    def _fill(self, nursery: trio.Nursery, able: Choices) -> None:
        for config, work in cycle(able):
            if self._slots.free == 0:
                break
            self._started += 1
            self._slots.busy += 1
            self._children[self._started] = None
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
            blobs, exports = self._place.blobs, self._place.exports
            job = job_for(config, work, blobs, run_id, place.out, exports, threads)
            await self._blocking(place.make)
            child = Child(self._place.command, job, place.directory, limits, self._clock)
            self._children[number] = child
            end = await child.run(on_start, on_line)
            if isinstance(end, Failed):
                raise JobError(end.reason)
        except JobError as error:
            self._not_before, self._failure = self._clock.now() + FAILED_PAUSE_S, str(error)
            log.warning("playing by itself failed", config=config, reason=str(error))
        finally:
            del self._children[number]
            self._slots.busy -= 1

    async def _hand_over(self, last: int) -> None:
        """Register what was played up to a place: nobody writes there any more."""
        try:
            for place in await self._blocking(self._own_places):
                if place.claim <= last:
                    self._recovered += await self._leftovers.recover(place)
                    await self._blocking(place.remove)
        finally:
            self._hands_over = False

    # What follows blocks.

    def _own_places(self) -> list[ClaimPlace]:
        return [place for place in places(self._place.directory) if place.item == NOBODY]

    def _kept_bytes(self) -> int:
        return sum(path.stat().st_size for place in self._own_places() for path in place.shards())
