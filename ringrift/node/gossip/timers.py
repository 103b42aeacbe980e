"""What is due when, in time that this process has lived through.

A process that was stopped (starved of its processor, a laptop asleep) finds everything overdue when
it goes on, before it has read what came meanwhile. The time that it slept through counts for
nothing here, or it would blame others for its own silence.
"""

import heapq
from collections.abc import Callable
from typing import Any

ROUNDING_S = 1e-6
"""By so much two sums of the same times may differ."""


class Timers:
    """Actions by lived time (seconds), in order of entry at equal times."""

    def __init__(self, now: float, late: float, grace: float) -> None:
        self.lived = now
        self.slept = 0.0
        self._late, self._grace = late, grace
        self._heap: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._entered = 0

    @property
    def next_at(self) -> float:
        """When there is something to do, on the caller's clock."""
        return self._heap[0][0] + self.slept if self._heap else float("inf")

    def wake(self, now: float) -> bool:
        """Take note of the time; True when this process has been stopped until just now.

        Nothing is due for a `grace` then, in which what came meanwhile can be read.
        """
        stopped = now - self.next_at > self._late
        if stopped:
            self.slept = now - self.lived + self._grace
        self.lived = max(self.lived, now - self.slept)
        return stopped

    def after(self, seconds: float, action: Callable[..., object], *arguments: Any) -> float:
        """Have `action(*arguments)` happen some lived seconds from now; returns when that is."""
        self._entered += 1
        at = self.lived + seconds
        heapq.heappush(self._heap, (at, self._entered, action, arguments))
        return at

    def run(self) -> None:
        """Do what is due."""
        heap = self._heap
        while heap and heap[0][0] <= self.lived + ROUNDING_S:
            _, _, action, arguments = heapq.heappop(heap)
            action(*arguments)
