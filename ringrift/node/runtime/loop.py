"""A loop: one named activity of the node, and everything that may be known about it.

The body of a loop runs until it is cancelled and reports through its `Pulse`: that it is ready,
that it did one round, and its newest figures. What `/status` shows of a loop, and whether it is
healthy and why, is computed from that record by pure functions; time is handed in.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ringrift.node.runtime.clock import Clock
from ringrift.wire.views import Figure, LoopState, LoopView

GOOD_SPELL_S = 60.0
"""A loop that ran this long without failing starts counting its failures from zero again."""

Body = Callable[["Pulse"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Loop:
    """What the supervisor keeps alive.

    `interval_s` is the longest pause between two rounds, None if the loop waits for events; `after`
    names the loops that must be ready before it starts. The failure of an `essential` loop ends the
    process (its sentinel starts it anew) instead of being retried in place.
    """

    name: str
    body: Body
    interval_s: float | None = None
    after: tuple[str, ...] = ()
    essential: bool = False


@dataclass(slots=True)
class LoopRecord:
    """What happened to a loop so far; times are the clock's seconds, None before the first."""

    state: LoopState = "starting"
    reason: str = "starting"
    well: bool = True
    runs: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    restarts: int = 0
    started_at: float | None = None
    last_run_at: float | None = None
    retry_at: float | None = None
    figures: dict[str, Figure] = field(default_factory=dict[str, Figure])


class Pulse:
    """The handle by which the body of a loop reports on itself."""

    def __init__(self, record: LoopRecord, clock: Clock, on_ready: Callable[[], None]) -> None:
        self._record = record
        self._clock = clock
        self._on_ready = on_ready

    def ready(self, reason: str = "running") -> None:
        """Report that the loop does its work now; what is to start after it may start."""
        self._record.state = "running"
        self._record.reason = reason
        self._on_ready()

    def ran(
        self,
        figures: Mapping[str, Figure] | None = None,
        reason: str = "running",
        *,
        well: bool = True,
    ) -> None:
        """Report one round, its figures and, in a few words, what it found.

        Not `well`: the loop itself goes on, but what it is there for fails, for that reason.
        """
        record = self._record
        record.well = well
        record.runs += 1
        record.last_run_at = self._clock.now()
        if figures is not None:
            record.figures.update(figures)
        self.ready(reason)


def every(
    interval_s: float, clock: Clock, tick: Callable[[], Awaitable[Mapping[str, Figure]]]
) -> Body:
    """Make the body of a loop from a `tick` that does one round and returns its figures."""

    async def body(pulse: Pulse) -> None:
        while True:
            pulse.ran(await tick())
            await clock.sleep(interval_s)

    return body


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Pauses between failures: `first_s`, growing by `factor` up to `max_s`, ± `jitter` share."""

    first_s: float = 1.0
    factor: float = 1.5
    max_s: float = 300.0
    jitter: float = 0.1
    crash_loop_failures: int = 5

    def pause_s(self, failures: int, rng: random.Random) -> float:
        """Return the pause after the `failures`-th failure in a row (from 1)."""
        # The exponent is bounded so that the power cannot overflow after thousands of failures.
        grown = self.first_s * self.factor ** min(failures - 1, 200)
        return min(grown, self.max_s) * (1 + self.jitter * (2 * rng.random() - 1))


def failures_after(record: LoopRecord, now: float) -> int:
    """Return how many failures in a row it is, if the loop fails `now`."""
    started = record.started_at
    good = record.runs > 0 and started is not None and now - started >= GOOD_SPELL_S
    return 1 if good else record.failures_in_a_row + 1


def health(loop: Loop, record: LoopRecord, now: float) -> tuple[bool | None, str]:
    """Judge a loop: healthy or not (None while it starts or when it has ended), and why."""
    if record.state in ("starting", "stopped"):
        return None, record.reason
    if record.state in ("backing-off", "crash-looping"):
        wait = 0.0 if record.retry_at is None else max(0.0, record.retry_at - now)
        return False, f"{record.reason}; next try in {wait:.0f} s"
    since = record.last_run_at if record.last_run_at is not None else record.started_at
    if loop.interval_s is not None and since is not None:
        allowed = 3 * loop.interval_s + 5
        if now - since > allowed:
            return (
                False,
                f"no round for {now - since:.0f} s, one is due every {loop.interval_s:g} s",
            )
    return record.well, record.reason


def loop_view(loop: Loop, record: LoopRecord, now: float) -> LoopView:
    """Return what `/status` shows of a loop."""
    healthy, reason = health(loop, record, now)
    return LoopView(
        name=loop.name,
        state=record.state,
        healthy=healthy,
        reason=reason,
        interval_s=loop.interval_s,
        last_run_age_s=None if record.last_run_at is None else now - record.last_run_at,
        runs=record.runs,
        failures=record.failures,
        restarts=record.restarts,
        figures=dict(record.figures),
    )
