"""Pictures are swapped whole; networks are rated off the loop, and seldom."""

import random
from collections.abc import Callable
from typing import TypeVar

import trio
from alone import alone
from trio.testing import MockClock

from ringrift.node.cluster.commands import SetConfigMode
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.net.observed import Host, Identity, Observed
from ringrift.node.net.pictures import Pictures
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.sim.disk import MemoryDisk
from tests.node.virtual_clock import VirtualClock

WHO = Identity("0" * 32, "n", "n", "1", "laptop", 42)
T = TypeVar("T")


class NoPast:
    def games_per_s(self, config: str) -> float | None:
        return None

    def last_at_ms(self, event: str) -> int | None:
        return None


async def in_line(function: Callable[[], T]) -> T:
    return function()


async def test_pictures_follow_the_state_and_the_digest_names_its_entry(
    autojump_clock: MockClock,
) -> None:
    clock = VirtualClock()
    replica = await alone(
        MemoryDisk(random.Random(1)), clock, in_line, node_id="n", incarnation="0" * 32
    )

    def observe() -> Observed:
        return Observed(
            now_ms=clock.wall_ms(), uptime_s=0.0, leader_id=replica.leader_id, term=1,
            commit_index=replica.commit_index, applied_index=replica.applied_index,
            applied_age_s=None, loops=(), host=Host(), loop_lag_ms=None,
            slots=1, slots_busy=0, progress={}, past=NoPast(),
        )  # fmt: skip

    built: list[float] = []

    async def counted(function: Callable[[], T]) -> T:
        built.append(clock.now())
        return function()

    pictures = Pictures(replica, WHO, observe, clock, counted, 0.5)
    assert pictures.status is None
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        nursery.start_soon(pictures.run, Pulse(LoopRecord(), clock, lambda: None))
        await trio.sleep(0.1)
        first = pictures.status
        assert first is not None
        assert first.state_digest == f"2:{replica.state.digest()}"
        await Proposer(replica, "n", 1).propose(
            SetConfigMode(config="hex8_2p", mode="active", by="n")
        )
        await trio.sleep(1)
        second, models = pictures.status, pictures.models
        assert second is not None
        assert models is not None
        assert [config.name for config in second.configs] == ["hex8_2p"]
        assert models.baselines.keys() == {"hex8_2p"}
        assert second.applied_index == 4
        assert second.state_digest == f"4:{replica.state.digest()}" != first.state_digest
        await trio.sleep(6)
        # The networks are rated off the loop, and not again while they stay the same.
        assert len(built) == 2
        await trio.sleep(10)
        assert len(built) == 3
        nursery.cancel_scope.cancel()
