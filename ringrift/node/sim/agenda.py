"""Virtual time: what happens next, in an order that depends on nothing but what was put in."""

import heapq
from collections.abc import Callable
from typing import Any, Protocol

Action = Callable[..., object]

MOST_ACTIONS = 2_000_000
"""A run that has more to do than this (a usual one has 12,000) is one that talks in circles."""


class Schedule(Protocol):
    """Where actions are put in, to happen later; `entered` counts them."""

    @property
    def now(self) -> float: ...

    @property
    def entered(self) -> int: ...

    def at(self, time: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen at a time, now at the earliest."""
        ...

    def after(self, seconds: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen some seconds from now."""
        ...


class Agenda:
    """Actions by time (seconds), and in order of entry at equal times."""

    def __init__(self) -> None:
        self.now = 0.0
        self.entered = 0
        self._heap: list[tuple[float, int, Action, tuple[Any, ...]]] = []

    def at(self, time: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen at a time, now at the earliest."""
        self.entered += 1
        if time < self.now:
            time = self.now
        heapq.heappush(self._heap, (time, self.entered, action, arguments))

    def after(self, seconds: float, action: Action, *arguments: Any) -> None:
        """Have `action(*arguments)` happen some seconds from now."""
        self.at(self.now + seconds, action, *arguments)

    def run(self, until: float) -> None:
        """Let time pass to `until`."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= until:
            self.now, number, action, arguments = pop(heap)
            assert number < MOST_ACTIONS, f"more than {MOST_ACTIONS} actions"
            action(*arguments)
        self.now = until
