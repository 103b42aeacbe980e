"""Drives one pure controller: asks it what should be decided, and proposes that, while we lead."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.results import Refused
from ringrift.node.consensus.replica import Proposed
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.node.runtime.wakeup import Wakeup

SHORTEST_PAUSE_S = 0.1
"""Between two rounds, so that a busy log does not mean a round for each entry."""


class ControllerDriver:
    """One controller as a loop.

    `decide` is asked after every change (a ring of `wakeup`) and at least every `interval_s`; its
    commands are proposed in order, each before the next, and all before it is asked again.
    """

    def __init__(
        self,
        decide: Callable[[], Sequence[Command]],
        propose: Callable[[Command], Awaitable[Proposed]],
        leads: Callable[[], bool],
        wakeup: Wakeup,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._decide = decide
        self._propose = propose
        self._leads = leads
        self._wakeup = wakeup
        self._clock = clock
        self._interval_s = interval_s
        self._counts: Counter[str] = Counter()
        self._last = ""

    async def run(self, pulse: Pulse) -> None:
        """Control until cancelled."""
        while True:
            if self._leads():
                for command in self._decide():
                    await self._propose_one(command)
                pulse.ran({**self._counts, "last": self._last or None})
            else:
                pulse.ran(reason="another node leads")
            await self._clock.sleep(SHORTEST_PAUSE_S)
            await self._wakeup.wait(self._interval_s)

    async def _propose_one(self, command: Command) -> None:
        name = type(command).__name__
        result = (await self._propose(command)).result
        refused = isinstance(result, Refused)
        self._counts["refused" if refused else "commands"] += 1
        self._last = f"{name}: {result.reason}" if isinstance(result, Refused) else name
