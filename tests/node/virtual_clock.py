"""The node's clock on trio's: time moves when a test's `autojump_clock` moves it."""

import trio


class VirtualClock:
    def now(self) -> float:
        return trio.current_time()

    def wall_ms(self) -> int:
        return 1_700_000_000_000 + int(1000 * trio.current_time())

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def at_most(self, seconds: float) -> trio.CancelScope:
        return trio.move_on_after(max(0.0, seconds))
