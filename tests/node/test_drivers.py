"""The small drivers under a virtual clock: membership, controllers, the recorder, the proposer."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from alone import alone
from cluster_support import joins, shard
from trio.testing import MockClock

from ringrift.node.cluster.commands import (
    Command,
    ExpireSession,
    RegisterShard,
    RestartNode,
    SetConfigMode,
    SetNodeMode,
)
from ringrift.node.cluster.members import Reach
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.voter import Voter
from ringrift.node.control.driver import ControllerDriver
from ringrift.node.data.history import History
from ringrift.node.data.recorder import Recorder
from ringrift.node.membership import Membership, MembershipError
from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.events import AnyEvent, LoopFailed
from ringrift.wire.views import EventView
from tests.node.virtual_clock import VirtualClock

T = TypeVar("T")


async def in_line(function: Callable[[], T]) -> T:
    return function()


class Site:
    def __init__(self, replica: Voter) -> None:
        self.replica = replica
        self.propose = Proposer(replica, "n", 1).propose
        self.record = LoopRecord()
        self.pulse = Pulse(self.record, VirtualClock(), lambda: None)


@asynccontextmanager
async def site(disk: MemoryDisk | None = None) -> AsyncIterator[Site]:
    replica = await alone(
        disk or MemoryDisk(random.Random(1)),
        VirtualClock(),
        in_line,
        node_id="n",
        incarnation="0" * 32,
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        yield Site(replica)
        nursery.cancel_scope.cancel()


def joining(here: Site, boot: int, restarts: list[str]) -> Membership:
    join = joins("n", boot)
    ask = partial(restarts.append, "restart")
    return Membership(
        join, "local", here.replica, here.propose, Reach, Wakeup(), ask, VirtualClock()
    )


async def test_a_drain_with_a_deadline_hands_in_when_it_has_passed(
    autojump_clock: MockClock,
) -> None:
    async with site() as here, trio.open_nursery() as nursery:
        member = joining(here, 1, [])
        nursery.start_soon(member.run, here.pulse)
        await trio.sleep(2)
        assert not member.hands_in
        drain = SetNodeMode(node="n", mode="draining", deadline_s=30, by="n")
        await here.propose(drain)
        await trio.sleep(29)
        assert not member.is_active and not member.hands_in
        await trio.sleep(3)
        assert member.hands_in
        await here.propose(SetNodeMode(node="n", mode="active", by="n"))
        await trio.sleep(2)
        assert member.is_active and not member.hands_in
        await here.propose(drain)
        await trio.sleep(2)
        assert not member.hands_in
        await here.propose(SetNodeMode(node="n", mode="draining", by="n"))
        assert member.hands_in
        nursery.cancel_scope.cancel()


async def test_a_member_is_active_once_joined_and_until_it_drains(
    autojump_clock: MockClock,
) -> None:
    async with site() as here, trio.open_nursery() as nursery:
        member = joining(here, 1, [])
        assert not member.is_active
        nursery.start_soon(member.run, here.pulse)
        await trio.sleep(2)
        assert member.is_active
        await here.propose(SetNodeMode(node="n", mode="draining", by="n"))
        await trio.sleep(2)
        assert not member.is_active
        assert here.record.figures["mode"] == "drained"
        nursery.cancel_scope.cancel()


async def test_only_a_restart_asked_in_this_life_ends_it(autojump_clock: MockClock) -> None:
    restarts: list[str] = []
    async with site() as here, trio.open_nursery() as nursery:
        await here.propose(joins("n"))
        await here.propose(RestartNode(node="n", by="n"))
        nursery.start_soon(joining(here, 2, restarts).run, here.pulse)
        await trio.sleep(3)
        assert restarts == []
        await here.propose(RestartNode(node="n", by="n"))
        await trio.sleep(3)
        assert restarts != []
        nursery.cancel_scope.cancel()


async def test_a_copy_of_an_earlier_life_is_turned_away(autojump_clock: MockClock) -> None:
    async with site() as here:
        await here.propose(joins("n", 5))
        with pytest.raises(MembershipError, match="life"):
            await joining(here, 4, []).run(here.pulse)


async def test_a_controller_is_asked_on_change_and_never_while_another_leads(
    autojump_clock: MockClock,
) -> None:
    leads, asked = [True], []
    wakeup = Wakeup()

    def decide() -> list[Command]:
        asked.append(trio.current_time())
        wrong = SetNodeMode(node="nobody", mode="active", by="n")
        return (
            [SetConfigMode(config="hex8_2p", mode="active", by="n"), wrong]
            if len(asked) == 1
            else []
        )

    async with site() as here, trio.open_nursery() as nursery:
        driver = ControllerDriver(
            decide, here.propose, lambda: leads[0], wakeup, VirtualClock(), 60.0
        )
        nursery.start_soon(driver.run, here.pulse)
        await trio.sleep(1)
        assert here.replica.state.configs.is_active("hex8_2p")
        figures = here.record.figures
        assert (figures["commands"], figures["refused"]) == (1, 1)
        assert "nobody" in str(figures["last"])
        assert len(asked) == 1
        wakeup.ring()
        await trio.sleep(1)
        assert len(asked) == 2
        leads[0] = False
        wakeup.ring()
        await trio.sleep(100)
        assert len(asked) == 2
        assert here.record.reason == "another node leads"
        nursery.cancel_scope.cancel()


async def test_a_lost_session_is_opened_again_and_the_command_runs_once(
    autojump_clock: MockClock,
) -> None:
    async with site() as here:
        await here.propose(SetConfigMode(config="hex8_2p", mode="active", by="n"))
        (session,) = here.replica.state.sessions.rows.values()
        other = Proposer(here.replica, "other", 1)
        await other.propose(ExpireSession(session=session.id, last_index=session.last_index))
        proposed = await here.propose(SetConfigMode(config="hex8_2p", mode="paused", by="n"))
        assert proposed.index == here.replica.applied_index
        assert not here.replica.state.configs.is_active("hex8_2p")


async def test_everything_is_recorded_before_it_is_published_and_survives_a_restart(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    disk = MemoryDisk(random.Random(1))
    published: list[list[EventView]] = []
    for _ in range(2):
        history = History(tmp_path / "history.sqlite")
        local: EventBus[AnyEvent] = EventBus(10)
        bus: EventBus[EventView] = EventBus(100)
        seen: list[EventView] = []
        published.append(seen)
        async with site(disk) as here, trio.open_nursery() as nursery:
            recorder = Recorder(history, here.replica, local, bus, in_line, VirtualClock())

            async def collect(bus: EventBus[EventView], seen: list[EventView]) -> None:
                with bus.subscribe() as events:
                    async for event in events:
                        seen.append(event)

            nursery.start_soon(collect, bus, seen)
            nursery.start_soon(recorder.run_feed, here.pulse)
            nursery.start_soon(recorder.run_local, here.pulse)
            await trio.sleep(1)
            await here.propose(SetConfigMode(config="hex8_2p", mode="active", by="n"))
            await here.propose(RegisterShard(item=1, claim=1, shard=shard(1)))
            await trio.sleep(10)
            await here.propose(RegisterShard(item=1, claim=1, shard=shard(2)))
            local.publish(LoopFailed(loop="x", reason="y"))
            await trio.sleep(10)
            assert list(await recorder.recent(100, None))[-len(seen) :] == seen
            nursery.cancel_scope.cancel()
        history.close()
    first, second = published
    assert [e.name for e in first] == [
        "VOTERS_CHANGED",
        "CONFIG_MODE_CHANGED",
        "NEW_GAMES_AVAILABLE",
        "NEW_GAMES_AVAILABLE",
        "LOOP_FAILED",
    ]
    assert [e.name for e in second] == ["LOOP_FAILED"]
    assert second[0].seq == first[-1].seq + 1


async def test_games_a_second_are_measured_or_unknown(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    history = History(tmp_path / "history.sqlite")
    local: EventBus[AnyEvent] = EventBus(10)
    async with site() as here, trio.open_nursery() as nursery:
        recorder = Recorder(history, here.replica, local, EventBus(10), in_line, VirtualClock())
        nursery.start_soon(recorder.run_feed, here.pulse)
        await here.propose(SetConfigMode(config="hex8_2p", mode="active", by="n"))
        await here.propose(RegisterShard(item=1, claim=1, shard=shard(1)))
        await trio.sleep(16)
        assert recorder.games_per_s("hex8_2p") is None
        await here.propose(RegisterShard(item=1, claim=1, shard=shard(2)))
        await trio.sleep(16)
        rate = recorder.games_per_s("hex8_2p")
        assert rate == pytest.approx(32 / 32, rel=0.05)
        assert recorder.last_at_ms("NEW_GAMES_AVAILABLE") is not None
        assert recorder.last_at_ms("MODEL_PROMOTED") is None
        await trio.sleep(400)
        assert recorder.games_per_s("hex8_2p") is None
        nursery.cancel_scope.cancel()
    history.close()
