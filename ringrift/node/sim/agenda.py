"""Virtual time: what happens next, in an order that depends on nothing but what was put in."""

import heapq
from collections.abc import Callable
from typing import Any

Action = Callable[..., None]


class Agenda:
    """Actions by time (seconds), and in order of entry at equal times."""

    def __init__(self) -> None:
        self.now = 0.0
        self._entered = 0
        self._heap: list[tuple[float, int, Action, tuple[Any, ...]]] = []

    def at(self, time: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen at a time, now at the earliest."""
        self._entered += 1
        heapq.heappush(self._heap, (max(time, self.now), self._entered, action, arguments))

    def after(self, seconds: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen some seconds from now."""
        self.at(self.now + seconds, action, *arguments)

    def run(self, until: float) -> None:
        """Let time pass to `until`."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, action, arguments = heapq.heappop(heap)
            action(*arguments)
        self.now = until
