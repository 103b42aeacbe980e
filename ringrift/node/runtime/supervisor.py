"""Keeps the loops of a node alive: ordered start, restart with backoff, one record for each.

The supervisor knows nothing of what its loops do. A loop that fails is started again after a pause
that grows; one that keeps failing is shown as crash-looping and still retried; an essential one
takes the process with it, because going on without it would be a lie.
"""

import random
from collections.abc import Callable, Sequence
from typing import cast

import structlog
import trio

from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import (
    Loop,
    LoopRecord,
    Pulse,
    RestartPolicy,
    failures_after,
    loop_view,
)
from ringrift.wire.views import LoopView

log: structlog.stdlib.BoundLogger = structlog.get_logger("supervisor")


class EssentialLoopError(RuntimeError):
    """The node cannot go on without this loop; the sentinel is to start the process anew."""


def start_order(loops: Sequence[Loop]) -> list[Loop]:
    """Order loops so that each comes after those it names, otherwise as given.

    Raises ValueError for two of one name, an unknown name in `after`, and a circle.
    """
    by_name = {loop.name: loop for loop in loops}
    if len(by_name) != len(loops):
        raise ValueError("two loops have the same name")
    unknown = {name for loop in loops for name in loop.after} - by_name.keys()
    if unknown:
        raise ValueError(f"no loop is called {', '.join(sorted(unknown))}")
    ordered: list[Loop] = []
    waiting = list(loops)
    while waiting:
        done = {loop.name for loop in ordered}
        ready = [loop for loop in waiting if done.issuperset(loop.after)]
        if not ready:
            raise ValueError(f"loops wait for each other: {', '.join(x.name for x in waiting)}")
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered


class Supervisor:
    """Runs loops until it is cancelled and knows how each of them is.

    `on_failure(loop, reason)` is told of every failure (the node makes an event of it).
    """

    def __init__(
        self,
        loops: Sequence[Loop],
        *,
        clock: Clock,
        rng: random.Random,
        policy: RestartPolicy,
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._loops = start_order(loops)
        self._clock = clock
        self._rng = rng
        self._policy = policy
        self._on_failure = on_failure
        self._records = {loop.name: LoopRecord() for loop in self._loops}

    def views(self) -> tuple[LoopView, ...]:
        """Return every loop as `/status` shows it, in starting order."""
        now = self._clock.now()
        return tuple(loop_view(loop, self._records[loop.name], now) for loop in self._loops)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Start all loops in order, then keep them; raises `EssentialLoopError`."""
        async with trio.open_nursery() as nursery:
            for loop in self._loops:
                await nursery.start(self._keep, loop)
            task_status.started()

    async def _keep(
        self, loop: Loop, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        record = self._records[loop.name]
        told = False

        def tell_ready() -> None:
            nonlocal told
            if not told:
                told = True
                task_status.started()

        while True:
            record.started_at = self._clock.now()
            try:
                await loop.body(Pulse(record, self._clock, tell_ready))
            except Exception as error:  # noqa: BLE001 - a loop may fail in any way; _failed tells
                pause_s = self._failed(loop, record, error)
            else:
                record.state, record.reason = "stopped", "ended by itself"
                tell_ready()
                return
            # Whoever waits for this loop is better off started and unhappy than never started.
            tell_ready()
            await self._clock.sleep(pause_s)
            record.restarts += 1
            record.state, record.reason = "starting", "starting again"

    def _failed(self, loop: Loop, record: LoopRecord, error: Exception) -> float:
        """Note a failure; return the pause before the next try."""
        now = self._clock.now()
        reason = describe(error)
        record.failures_in_a_row = failures_after(record, now)
        record.failures += 1
        pause_s = self._policy.pause_s(record.failures_in_a_row, self._rng)
        crash_loop = record.failures_in_a_row >= self._policy.crash_loop_failures
        record.state = "crash-looping" if crash_loop else "backing-off"
        record.reason = reason
        record.retry_at = now + pause_s
        log.error("loop failed", loop=loop.name, reason=reason, exc_info=error)
        self._on_failure(loop.name, reason)
        if loop.essential:
            raise EssentialLoopError(f"{loop.name}: {reason}") from error
        return pause_s


def describe(error: BaseException) -> str:
    """Return an error in one line; of a group, its first member and how many there are."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        first, *others = group.exceptions
        return describe(first) + (f" (and {len(others)} more)" if others else "")
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__
