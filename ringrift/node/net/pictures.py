"""Keeps the newest pictures of the node: built off the requests, swapped in one assignment.

The page of the node is built on the event loop, the networks with their ratings beside it.
"""

from collections.abc import Callable

import trio

from ringrift.node.consensus.replica import Replica
from ringrift.node.net.model_views import Networks, models_view, networks_of
from ringrift.node.net.observed import Identity, Observed
from ringrift.node.net.views import status_view
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.wire.views import ModelsView, StatusView

MODELS_PAUSE_S = 10.0
"""Longest time between two pictures of the same networks: only their ages differ."""


class Pictures:
    """`status` and `models` as last built; see `routes.Shown`."""

    def __init__(
        self,
        replica: Replica,
        who: Identity,
        observe: Callable[[], Observed],
        clock: Clock,
        blocking: Blocking,
        interval_s: float,
    ) -> None:
        """`observe()` returns what there is to see now."""
        self._replica = replica
        self._who = who
        self._observe = observe
        self._clock = clock
        self._blocking = blocking
        self._interval_s = interval_s
        self._networks: Networks | None = None
        self._models_at = 0.0
        self.status: StatusView | None = None
        self.models: ModelsView | None = None

    async def run(self, pulse: Pulse) -> None:
        """Build pictures until cancelled."""
        pulse.ready()
        async with trio.open_nursery() as nursery:
            await nursery.start(self._keep_models)
            while True:
                started = self._clock.now()
                self._build_status()
                pulse.ran({"build_ms": round(1000 * (self._clock.now() - started), 2)})
                await self._clock.sleep(self._interval_s)

    def _build_status(self) -> None:
        assert self.models is not None
        self.status = status_view(self._replica.state, self.models, self._who, self._observe())

    async def _keep_models(self, task_status: trio.TaskStatus[None]) -> None:
        while True:
            await self._build_models()
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            await self._clock.sleep(self._interval_s)

    async def _build_models(self) -> None:
        """Build the picture of the networks, if they changed or their ages are old."""
        networks, now = networks_of(self._replica.state), self._clock.now()
        if networks == self._networks and now - self._models_at < MODELS_PAUSE_S:
            return
        now_ms = self._clock.wall_ms()
        self.models = await self._blocking(lambda: models_view(networks, now_ms))
        self._networks, self._models_at = networks, now
