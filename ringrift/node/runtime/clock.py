"""Time, handed in: nothing below the composition root reads a clock of its own."""

import time
from typing import Protocol

import trio


class Clock(Protocol):
    """Two clocks that must not be mixed: one to measure with, one to show."""

    def now(self) -> float:
        """Seconds that never go back and go on while the machine sleeps; zero is arbitrary."""
        ...

    def wall_ms(self) -> int:
        """Unix time in milliseconds, for people; it may jump."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; the one way in which a driver lets time pass."""
        ...

    def at_most(self, seconds: float) -> trio.CancelScope:
        """A scope that is cancelled when it lasts longer; for waiting for an event or a while."""
        ...


# A suspended leader must notice how long it slept, so where there is one, take the boot-time clock.
_BOOTTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.clock_gettime(_BOOTTIME)

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def at_most(self, seconds: float) -> trio.CancelScope:
        return trio.move_on_after(max(0.0, seconds))


class WorkingClock(SystemClock):
    """For counting work: `now` stands still while the machine sleeps or the process is stopped.

    It goes on by at most `MOST_S` between two questions, so whoever counts by it must ask often.
    """

    MOST_S = 15.0

    def __init__(self) -> None:
        self._asked = time.monotonic()
        self._counted = 0.0

    def now(self) -> float:
        asked = time.monotonic()
        self._counted += min(asked - self._asked, self.MOST_S)
        self._asked = asked
        return self._counted
