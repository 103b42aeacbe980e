"""The bus never makes a publisher wait; the watchdog sees what stands still."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.runtime.watchdog import LagWatchdog
from tests.node.virtual_clock import VirtualClock


async def test_every_reader_gets_every_event_in_order() -> None:
    bus: EventBus[int] = EventBus(8)
    with bus.subscribe() as first, bus.subscribe() as second:
        for number in range(3):
            bus.publish(number)
        assert [await anext(first) for _ in range(3)] == [0, 1, 2]
        assert [await anext(second) for _ in range(3)] == [0, 1, 2]
    assert bus.readers == 0


async def test_a_slow_reader_loses_the_oldest_and_it_is_counted() -> None:
    bus: EventBus[int] = EventBus(2)
    with bus.subscribe() as slow:
        for number in range(5):
            bus.publish(number)
        assert [await anext(slow), await anext(slow)] == [3, 4]
        assert (slow.dropped, bus.dropped, bus.published) == (3, 3, 5)


async def test_a_waiting_reader_is_woken() -> None:
    bus: EventBus[str] = EventBus(2)
    got: list[str] = []

    async def read() -> None:
        with bus.subscribe() as subscription:
            async for event in subscription:
                got.append(event)
                return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        bus.publish("hello")
    assert got == ["hello"]


class StutteringClock(VirtualClock):
    """Sleeps longer than it was asked to, as a blocked event loop does."""

    def __init__(self, extra_s: float) -> None:
        self.extra_s = extra_s

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + self.extra_s)


async def watched(extra_s: float, seconds: float) -> tuple[LagWatchdog, list[float], LoopRecord]:
    blocks: list[float] = []
    clock = StutteringClock(extra_s)
    watchdog = LagWatchdog(clock, 0.1, 50.0, blocks.append)
    record = LoopRecord()
    with trio.move_on_after(seconds):
        await watchdog.run(Pulse(record, clock, lambda: None))
    return watchdog, blocks, record


async def test_a_blocked_loop_is_measured_and_told_once_in_a_while(
    autojump_clock: MockClock,
) -> None:
    watchdog, blocks, record = await watched(0.2, 25)
    assert watchdog.lag_ms is not None
    assert round(watchdog.lag_ms) == 200
    assert record.figures["blocks"] == record.runs > 50
    assert len(blocks) == 3


async def test_a_loop_in_time_raises_no_alarm(autojump_clock: MockClock) -> None:
    _, blocks, record = await watched(0.01, 5)
    assert blocks == []
    assert record.figures["blocks"] == 0
