"""Time as it is handed to every driver: monotonic for decisions, wall clock for people only."""

import time
from typing import Protocol

import trio


class Clock(Protocol):
    """A source of time; tests hand in one that they move themselves."""

    def now(self) -> float:
        """Seconds that only ever go forward, through a suspend too; their origin means nothing."""
        ...

    def wall_ms(self) -> int:
        """Unix milliseconds, for display and archiving, never for a decision."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> float:
        return time.clock_gettime(_STEADY)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


# A monotonic clock that stands still while the machine sleeps would trust a lease for too long.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
