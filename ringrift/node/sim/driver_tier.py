"""The driver tier: the same stories, played by the drivers that production runs, under trio.

    outcome = play(seed, size)

Voters, their tasks and what they await are real; disk, network and clocks are virtual, and there is
no thread, socket or file. trio's own order of running tasks is drawn from the seed.
"""

import heapq
import random
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock

from ringrift.node.sim.agenda import MOST_ACTIONS, Action
from ringrift.node.sim.checkers.violation import first_of
from ringrift.node.sim.driven import Driven
from ringrift.node.sim.scheduling import deterministic
from ringrift.node.sim.story import CALM_S, LENGTH_S, Outcome, Story
from ringrift.node.sim.trace import Detail


class TrioAgenda:
    """An agenda whose time is trio's; actions happen while `run` waits."""

    def __init__(self) -> None:
        self.entered = 0
        self._began = trio.current_time()
        self._heap: list[tuple[float, int, Action, tuple[Any, ...]]] = []
        self._earlier = trio.Event()

    @property
    def now(self) -> float:
        return trio.current_time() - self._began

    def at(self, time: float, action: Action, *arguments: Any) -> None:
        """See `Schedule.at`."""
        self.entered += 1
        entry = (max(time, self.now), self.entered, action, arguments)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._earlier.set()

    def after(self, seconds: float, action: Action, *arguments: Any) -> None:
        """See `Schedule.after`."""
        self.at(self.now + seconds, action, *arguments)

    async def run(self, until: float) -> None:
        """Let time pass to `until`."""
        while True:
            while self._heap and self._heap[0][0] <= self.now:
                _, number, action, arguments = heapq.heappop(self._heap)
                assert number < MOST_ACTIONS, f"more than {MOST_ACTIONS} actions"
                action(*arguments)
            if self.now >= until:
                return
            self._earlier = trio.Event()
            next_at = min(until, self._heap[0][0] if self._heap else until)
            with trio.move_on_at(self._began + next_at):
                await self._earlier.wait()


def play(seed: int, size: int, detail: Detail = "none") -> Outcome:
    """Play one seed with `size` machines."""
    with deterministic(random.Random(f"trio {size} {seed}")):
        return trio.run(_play, seed, size, detail, clock=MockClock(autojump_threshold=0))


async def _play(seed: int, size: int, detail: Detail) -> Outcome:
    agenda = TrioAgenda()
    error: Exception | None = None
    story: Story | None = None
    try:
        async with trio.open_nursery() as nursery:
            story = Story("driver", seed, size, detail, agenda, partial(Driven, nursery))
            story.begin()
            await agenda.run(LENGTH_S - CALM_S)
            story.heal()
            await agenda.run(LENGTH_S)
            story.end()
            nursery.cancel_scope.cancel()
    except Exception as raised:  # noqa: BLE001 - what ends a node is a finding of the seed
        error = first_of(raised)
    assert story is not None
    return story.outcome(error)
