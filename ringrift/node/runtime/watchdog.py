"""Measures how late the event loop wakes up: the one figure that tells of blocking calls."""

from collections import deque
from collections.abc import Callable

from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse

WINDOW = 600
ALARM_PAUSE_S = 10.0


class LagWatchdog:
    """Sleeps for a known time over and over, and sees how much longer it took.

    A lag over `alarm_ms` is counted and told to `on_block(lag_ms)`, at most once in ten seconds, so
    that a machine under load does not drown its own history.
    """

    def __init__(
        self, clock: Clock, interval_s: float, alarm_ms: float, on_block: Callable[[float], None]
    ) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._alarm_ms = alarm_ms
        self._on_block = on_block
        self._lags: deque[float] = deque(maxlen=WINDOW)
        self._blocks = 0
        self._told_at: float | None = None

    @property
    def lag_ms(self) -> float | None:
        """The 99th percentile of the newest measurements in ms, None before the first."""
        if not self._lags:
            return None
        return sorted(self._lags)[int(0.99 * (len(self._lags) - 1))]

    async def run(self, pulse: Pulse) -> None:
        """Measure until cancelled."""
        while True:
            before = self._clock.now()
            await self._clock.sleep(self._interval_s)
            self._measured(1000 * max(0.0, self._clock.now() - before - self._interval_s))
            pulse.ran(
                {
                    "lag_ms_p99": self.lag_ms,
                    "lag_ms_max": max(self._lags),
                    "blocks": self._blocks,
                }
            )

    def _measured(self, lag_ms: float) -> None:
        self._lags.append(lag_ms)
        if lag_ms <= self._alarm_ms:
            return
        self._blocks += 1
        now = self._clock.now()
        if self._told_at is None or now - self._told_at >= ALARM_PAUSE_S:
            self._told_at = now
            self._on_block(lag_ms)
