"""A bell: whoever waits is woken by the next ring, or after a while without one."""

import trio


class Wakeup:
    """Rings that come while nobody waits are remembered, as one."""

    def __init__(self) -> None:
        self._rung = trio.Event()

    def ring(self) -> None:
        """Wake whoever waits, or spare the next one its wait."""
        self._rung.set()

    async def wait(self, at_most_s: float) -> None:
        """Wait for a ring (also one since the last wait), but not longer than this."""
        with trio.move_on_after(at_most_s):
            await self._rung.wait()
        self._rung = trio.Event()
