"""Drives the work of this node: claims what fits, runs children, hands in what they made.

Everything that counts is proposed: a shard when it is written, the outcome when all is done. What
runs is always the live claims of this node in the replicated state: a claim that is lost there
stops its child here, and a claim without a child here is given back.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
import trio

from ringrift.node.cluster.commands import (
    ClaimWork,
    Command,
    CompleteWork,
    FailWork,
    RegisterShard,
    ReturnWork,
    clipped,
)
from ringrift.node.cluster.results import Claimed, Refused
from ringrift.node.cluster.work import Item
from ringrift.node.consensus.replica import Proposed, Replica
from ringrift.node.data.blobs import BlobError
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.node.runtime.settings import WorkerSettings
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.worker.admission import Admission
from ringrift.node.worker.child import Child, ChildLimits
from ringrift.node.worker.claims import ClaimPlace, Workplace, place_of
from ringrift.node.worker.jobs import JobError, job_for, made_by, needed, outcome_of, shard_facts
from ringrift.node.worker.leftovers import Leftovers
from ringrift.node.worker.slots import Slots
from ringrift.node.worker.supplies import Fetch, Supplies, nothing_else
from ringrift.wire.job import (
    Failed,
    Finished,
    JobLine,
    JobSpec,
    Progress,
    SelfplayJob,
    ShardWritten,
    TrainingDone,
)
from ringrift.wire.views import Figure, ProgressView

EMPTY_CLAIM_PAUSE_S = 5.0
"""Pause after a claim that brought nothing, so that misses do not fill the log."""

REGISTER_S = 20.0
"""How long a child waits for its shard to be registered, before it goes on regardless."""

UNLED_S, LOOK_S = 5.0, 0.1
"""How long a worker that closes waits for somebody to lead, and how often it looks."""

MOST_CLAIMED = 256
"""Items of one claim, as `cluster.commands.ClaimWork` bounds it; a larger machine asks again."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""After a child that failed, before the next claim: doubled from failure to failure."""
SICK_AFTER = 3
"""Children that failed in a row before the worker says that it is not well."""

Propose = Callable[[Command], Awaitable[Proposed]]
log: structlog.stdlib.BoundLogger = structlog.get_logger("worker")


@dataclass(slots=True)
class Running:
    """One claim being worked on; it has its slot until its child is gone."""

    has_slot: bool = True
    supplies: Supplies | None = None
    child: Child | None = None
    progress: Progress | None = None
    progress_at: float = 0.0
    games_kept: int = 0
    owes_shards: bool = False
    stop_reason: str | None = None

    def stop(self, reason: str) -> None:
        """Have the child hand in what it has; also when it has not been started yet."""
        self.stop_reason = self.stop_reason or reason
        if self.supplies is not None:
            self.supplies.stop()
        if self.child is not None:
            self.child.stop()


class Worker:
    """The worker of one node; `run` is a loop for the supervisor."""

    def __init__(
        self,
        workplace: Workplace,
        replica: Replica,
        propose: Propose,
        admit: Callable[[], Admission],
        slots: Slots,
        settings: WorkerSettings,
        clock: Clock,
        blocking: Blocking,
        wakeup: Wakeup,
        *,
        fetch: Fetch = nothing_else,
    ) -> None:
        self._place, self._replica, self._propose = workplace, replica, propose
        self._admit, self.slots, self._settings, self._fetch = admit, slots, settings, fetch
        self._clock, self._blocking, self._wakeup = clock, blocking, wakeup
        self.leftovers = Leftovers(workplace, settings, clock, blocking, propose)
        self._running: dict[tuple[int, int], Running] = {}
        self._counts: Counter[str] = Counter()
        self._rejections: dict[str, int] = {}
        self._not_before = 0.0
        self._failed_in_a_row = 0
        self._failure = ""
        self._resume_at = 0.0
        self._closing: str | None = None

    def progress(self) -> dict[tuple[int, int], ProgressView]:
        """What each child said last, by (item, claim)."""
        now = self._clock.now()
        return {
            key: ProgressView(
                done=said.done,
                total=said.total,
                unit=said.unit,
                rate=said.rate,
                age_s=now - running.progress_at,
            )
            for key, running in self._running.items()
            if (said := running.progress) is not None
        }

    def claims(self) -> tuple[tuple[int, int], ...]:
        """The (item, claim) pairs that are being worked on: what the leases are renewed for."""
        return tuple(self._running)

    def hand_in(self, reason: str) -> None:
        """Have every child hand in what it has."""
        for running in self._running.values():
            running.stop(reason)

    async def close(self, reason: str) -> None:
        """Claim nothing more, have every child hand in, and wait until all is given back.

        Or until nobody leads who could take it: it lies on disk then, where the next life finds it.
        """
        self._closing = reason
        led_at = self._clock.now()
        while self._running or self.slots.busy:
            self.hand_in(reason)
            if self._replica.leader_id is not None:
                led_at = self._clock.now()
            elif self.slots.busy == 0 and self._clock.now() - led_at >= UNLED_S:
                log.warning("nobody leads: the next life hands in", claims=len(self._running))
                break
            await self._clock.sleep(LOOK_S)

    async def run(self, pulse: Pulse) -> None:
        """Work until cancelled; then every child is killed (`close` is the gentle way)."""
        self._counts["recovered"] += await self.leftovers.clear()
        async with trio.open_nursery() as nursery:
            while True:
                await self._give_back_orphans()
                self._stop_what_is_lost()
                reason = await self._claim(nursery)
                pulse.ran(self._figures(), reason, well=self._failed_in_a_row < SICK_AFTER)
                await self._wakeup.wait(self._settings.claim_interval_s)

    def _figures(self) -> dict[str, Figure]:
        rejected = {f"rejected: {reason}": count for reason, count in self._rejections.items()}
        return {"slots": self.slots.total, "busy": self.slots.busy, **self._counts, **rejected}

    def _mine(self) -> dict[tuple[int, int], Item]:
        return {
            (item.id, item.claim.index): item
            for item in self._replica.state.work.of(self._place.node_id)
            if item.claim is not None
        }

    async def _give_back_orphans(self) -> None:
        """Return claims that nobody works on: those of a worker that failed and was restarted."""
        for item, claim in self._mine().keys() - self._running.keys():
            await self._propose(
                ReturnWork(item=item, claim=claim, reason="its worker was restarted")
            )
            self._counts["returned"] += 1

    def _stop_what_is_lost(self) -> None:
        mine = self._mine()
        draining = self._closing or ("the node drains" if self._admit().draining else None)
        for key, running in self._running.items():
            if key not in mine:
                running.stop("its claim ended")
            elif draining is not None:
                running.stop(draining)

    async def _claim(self, nursery: trio.Nursery) -> str:
        """Claim what fits into the free slots; return in a few words how things are."""
        admitted = self._admit()
        if self._closing is not None or not admitted.kinds:
            return self._closing or admitted.reason
        # An empty-handed claim would be an entry in the log.
        kinds = self._replica.state.claimable(self._place.node_id, admitted.kinds)
        now = self._clock.now()
        if now < self._resume_at:
            return self._why_paused(now)
        # A slot whose child is gone is not given away while its claim may still turn out to fail.
        room = min(self.slots.free, self.slots.total - len(self._running))
        if room <= 0 or not kinds or now < self._not_before:
            return admitted.reason or f"{self.slots.busy} of {self.slots.total} slots busy"
        result = (
            await self._propose(
                ClaimWork(
                    node=self._place.node_id,
                    boot=self._place.boot,
                    kinds=kinds,
                    slots=min(room, MOST_CLAIMED),
                )
            )
        ).result
        if not isinstance(result, Claimed):
            self._not_before = now + EMPTY_CLAIM_PAUSE_S
            return f"claiming was refused: {result.reason if isinstance(result, Refused) else ''}"
        self._rejections = result.rejections
        if not result.items:
            self._not_before = now + EMPTY_CLAIM_PAUSE_S
        for item_id in result.items:
            key = (item_id, result.claim)
            running = self._running[key] = Running()
            self.slots.busy += 1
            self._counts["claimed"] += 1
            nursery.start_soon(self._work, key, running)
        return admitted.reason or f"{self.slots.busy} of {self.slots.total} slots busy"

    async def _work(self, key: tuple[int, int], running: Running) -> None:
        place = place_of(self._place.directory, *key)
        try:
            try:
                command = await self._run_child(place, running)
            finally:
                self._leave_slot(running)
            result = (await self._propose(command)).result
            if isinstance(result, Refused):
                log.warning("handing in was refused", item=key[0], reason=result.reason)
            verb = {CompleteWork: "completed", ReturnWork: "returned", FailWork: "failed"}
            self._counts[verb[type(command)]] += 1
            self.note_end(command)
            # A child that was killed may have finished a shard without a word.
            self._counts["recovered"] += await self.leftovers.recover(place)
            await self._blocking(place.remove)
        finally:
            del self._running[key]
            self._wakeup.ring()

    def _leave_slot(self, running: Running) -> None:
        if running.has_slot:
            running.has_slot = False
            self.slots.busy -= 1

    def note_end(self, command: CompleteWork | ReturnWork | FailWork) -> None:
        """Make room between children that fail: one that cannot even start fails in no time."""
        if isinstance(command, CompleteWork):
            self._failed_in_a_row, self._resume_at = 0, 0.0
        elif isinstance(command, FailWork):
            self._failed_in_a_row += 1
            self._failure = command.reason
            self._resume_at = self._clock.now() + pause_s(self._failed_in_a_row)

    def _why_paused(self, now: float) -> str:
        many = self._failed_in_a_row > 1
        failed = f"{self._failed_in_a_row} children failed in a row" if many else "a child failed"
        return f"{failed}, the next starts in {self._resume_at - now:.0f} s: {self._failure}"

    async def _run_child(
        self, place: ClaimPlace, running: Running
    ) -> CompleteWork | ReturnWork | FailWork:
        """Run a claim's child to its end; return how the claim is to end."""
        item = self._replica.state.work.rows[place.item]
        run_id = self._place.mint_run_id()
        threads = self.slots.threads
        try:
            await self._supply(item, running)
            if running.supplies is not None and running.stop_reason is not None:
                reason = clipped(running.stop_reason)
                return ReturnWork(item=place.item, claim=place.claim, reason=reason)
            job = await self._blocking(
                lambda: job_for(
                    item.config,
                    item.payload,
                    self._place.blobs,
                    run_id,
                    place.out,
                    self._place.exports,
                    threads,
                )
            )
        except (BlobError, JobError) as error:
            return FailWork(item=place.item, claim=place.claim, reason=clipped(str(error)))
        await self._blocking(place.make)
        limits = ChildLimits(
            silence_s=self._settings.heartbeat_timeout_s,
            run_s=item.timeout_s,
            grace_s=self._settings.stop_grace_s,
        )
        child = Child(self._place.command, job, place.directory, limits, self._clock)
        running.child, child.on_gone = child, partial(self._leave_slot, running)
        if running.stop_reason is not None:
            child.stop()

        async def on_start(pid: int) -> None:
            await self._blocking(lambda: place.note_child(pid))

        async def on_line(line: JobLine) -> None:
            try:
                await self._heard(line, job, place, running)
            except (BlobError, JobError) as error:
                child.give_up(str(error))

        end = await child.run(on_start, on_line)
        if running.owes_shards:
            running.games_kept += await self.leftovers.recover(place)
        return await self._settle(end, job, place, running)

    async def _supply(self, item: Item, running: Running) -> None:
        """Fetch what the job needs and this node has not got; raises `BlobError`."""
        blobs = self._place.blobs
        missing = await self._blocking(lambda: [it for it in needed(item) if not blobs.has(it)])
        if not missing:
            return

        def on_progress(done: int, total: int) -> None:
            running.progress = Progress(done, total, "files fetched", None)
            running.progress_at = self._clock.now()

        running.supplies = Supplies(self._fetch, missing, on_progress)
        if running.stop_reason is None:
            await running.supplies.gather()

    async def _heard(
        self, line: JobLine, job: JobSpec, place: ClaimPlace, running: Running
    ) -> None:
        if isinstance(line, Progress):
            running.progress, running.progress_at = line, self._clock.now()
        if not isinstance(line, ShardWritten):
            return
        if not isinstance(job, SelfplayJob):
            raise JobError("a shard came from a child that was not to play")
        facts = shard_facts(job, line)
        path = Path(line.path)
        if path.parent != place.out:
            raise JobError(f"a shard was written to {path.parent}, not to the claim's directory")
        await self._blocking(lambda: self._place.blobs.take(path, line.sha256, line.bytes))
        command = RegisterShard(item=place.item, claim=place.claim, shard=facts)
        result = None
        with self._clock.at_most(REGISTER_S):
            await self._place.publish(line.sha256)
            result = (await self._propose(command)).result
        if result is None:
            # Nobody decides now; what still lies there is registered once the child is gone.
            running.owes_shards = True
            return
        if isinstance(result, Refused):
            raise JobError(f"the shard {line.sha256[:8]} was refused: {result.reason}")
        # The log knows of it: from here on the store's own name is enough.
        await self._blocking(path.unlink)
        running.games_kept += line.games
        self._counts["shards"] += 1
        self._counts["games"] += line.games

    async def _settle(
        self, end: Finished | Failed, job: JobSpec, place: ClaimPlace, running: Running
    ) -> CompleteWork | ReturnWork | FailWork:
        """Decide from the child's last word how its claim ends."""
        item, claim = place.item, place.claim
        stopped = running.stop_reason
        try:
            if isinstance(end, Finished) and not end.partial:
                outcome = outcome_of(job, end.result, running.games_kept)
                if isinstance(end.result, TrainingDone):
                    for made in made_by(end.result):
                        source = place.out / Path(made.path).name
                        take = partial(self._place.blobs.take, source, made.sha256, made.bytes)
                        await self._blocking(take)
                        await self._place.publish(made.sha256)
                return CompleteWork(item=item, claim=claim, outcome=outcome)
            if stopped is not None:
                return ReturnWork(item=item, claim=claim, reason=clipped(stopped))
            reason = end.reason if isinstance(end, Failed) else "the child stopped unasked"
        except (BlobError, JobError) as error:
            reason = str(error)
        return FailWork(item=item, claim=claim, reason=clipped(reason))


def pause_s(failures: int) -> float:
    """Return the pause after the `failures`-th failure in a row (from 1)."""
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - 1, 20), LONGEST_PAUSE_S))
