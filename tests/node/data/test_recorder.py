"""A rate is measured over long enough to mean something."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from ringrift.node.cluster.results import Applied, Done
from ringrift.node.data.history import History
from ringrift.node.data.recorder import RATE_SPAN_MS, Recorder
from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.wire.events import ShardRegistered
from ringrift.wire.log import Entry
from tests.node.virtual_clock import VirtualClock

CONFIG = "hex8_2p"
T = TypeVar("T")


async def in_line(function: Callable[[], T]) -> T:
    return function()


class ShardsAt:
    """A log in which a shard of 32 games is registered at each of these seconds."""

    def __init__(self, clock: VirtualClock, *seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    async def feed(self, after_index: int) -> AsyncIterator[Applied]:
        for index, second in enumerate(self._seconds, start=1):
            await trio.sleep(second - trio.current_time())
            shard = ShardRegistered(config=CONFIG, shard=f"{index:064x}", games=32, total=32)
            entry = Entry(index, 1, self._clock.wall_ms(), 1, index, b"")
            yield Applied(entry, index, Done("done"), (shard,))
        await trio.sleep_forever()


async def test_the_first_burst_of_children_that_began_together_is_no_rate(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock, start = VirtualClock(), trio.current_time()
    log: Any = ShardsAt(clock, start + 10, start + 10.5, start + 30, start + 31)
    history = History(tmp_path / "history.sqlite")
    recorder = Recorder(history, log, EventBus(1), EventBus(9), in_line, clock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run_feed, Pulse(LoopRecord(), clock, lambda: None))
        await trio.sleep(11)
        assert recorder.games_per_s(CONFIG) is None  # 32 games in half a second
        await trio.sleep(9 + RATE_SPAN_MS / 1000)
        assert recorder.games_per_s(CONFIG) == pytest.approx(96 / 40)
        nursery.cancel_scope.cancel()
    history.close()
