"""Keeps the newest pictures of the node: built off the requests, swapped in one assignment."""

from collections.abc import Callable

from ringrift.node.consensus.replica import Replica
from ringrift.node.net.model_views import models_view
from ringrift.node.net.observed import Identity, Observed
from ringrift.node.net.views import status_view
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.wire.views import ModelsView, StatusView

DIGEST_PAUSE_S = 5.0
DIGEST_SHARE = 1 / 500
"""The digest reads the whole state (4 µs a row), so it is not taken for every picture, and the
rarer the larger the state is: at most this share of the event loop's time goes into it."""


class Pictures:
    """`status` and `models` as last built; see `routes.Shown`."""

    def __init__(
        self,
        replica: Replica,
        who: Identity,
        observe: Callable[[str], Observed],
        clock: Clock,
        interval_s: float,
    ) -> None:
        """`observe(digest)` returns what there is to see now, with the state digest put in."""
        self._replica = replica
        self._who = who
        self._observe = observe
        self._clock = clock
        self._interval_s = interval_s
        self._models_index: int | None = None
        self._digest = (0, "")
        self._digest_due_at = 0.0
        self.status: StatusView | None = None
        self.models: ModelsView | None = None

    async def run(self, pulse: Pulse) -> None:
        """Build pictures until cancelled."""
        pulse.ready()
        while True:
            started = self._clock.now()
            self.build()
            pulse.ran({"build_ms": round(1000 * (self._clock.now() - started), 2)})
            await self._clock.sleep(self._interval_s)

    def build(self) -> None:
        """Build both pictures from one consistent state."""
        state = self._replica.state
        index, digest = self._state_digest()
        observed = self._observe(f"{index}:{digest}")
        if self.models is None or self._models_index != state.index:
            self.models = models_view(state, observed.now_ms)
            self._models_index = state.index
        self.status = status_view(state, self.models, self._who, observed)

    def _state_digest(self) -> tuple[int, str]:
        """Return the newest (index, digest) that was taken."""
        started = self._clock.now()
        state = self._replica.state
        if started >= self._digest_due_at and self._digest[0] != state.index:
            self._digest = (state.index, state.digest())
            cost_s = self._clock.now() - started
            self._digest_due_at = started + max(DIGEST_PAUSE_S, cost_s / DIGEST_SHARE)
        return self._digest
