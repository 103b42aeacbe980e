"""Loops are started in order, restarted with patience, and always tell how they are."""

import random
from collections.abc import Awaitable, Callable, Mapping

import pytest
import trio
from trio.testing import MockClock

from ringrift.node.runtime.loop import Loop, Pulse, RestartPolicy, every
from ringrift.node.runtime.supervisor import (
    EssentialLoopError,
    Supervisor,
    describe,
    start_order,
)
from ringrift.wire.views import Figure, LoopView
from tests.node.virtual_clock import VirtualClock

POLICY = RestartPolicy(jitter=0.0)


async def idle(pulse: Pulse) -> None:
    pulse.ready()
    await trio.sleep_forever()


def supervisor(*loops: Loop, failures: list[tuple[str, str]] | None = None) -> Supervisor:
    noted = failures if failures is not None else []
    return Supervisor(
        loops,
        clock=VirtualClock(),
        rng=random.Random(1),
        policy=POLICY,
        on_failure=lambda loop, reason: noted.append((loop, reason)),
    )


async def observed(subject: Supervisor, seconds: float) -> LoopView:
    """Run for some virtual time; return how the (one) loop was at its end."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(subject.run)
        await trio.sleep(seconds)
        (view,) = subject.views()
        nursery.cancel_scope.cancel()
    return view


def test_loops_start_after_those_they_name() -> None:
    loops = [Loop("c", idle, after=("b",)), Loop("a", idle), Loop("b", idle, after=("a",))]
    assert [loop.name for loop in start_order(loops)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("loops", "words"),
    [
        ([Loop("a", idle), Loop("a", idle)], "same name"),
        ([Loop("a", idle, after=("z",))], "no loop is called z"),
        ([Loop("a", idle, after=("b",)), Loop("b", idle, after=("a",))], "wait for each other"),
    ],
)
def test_an_order_that_cannot_be_is_refused(loops: list[Loop], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        start_order(loops)


def test_pauses_grow_to_their_limit_within_the_jitter() -> None:
    policy = RestartPolicy()
    rng = random.Random(7)
    assert 0.9 <= policy.pause_s(1, rng) <= 1.1
    assert 1.35 <= policy.pause_s(2, rng) <= 1.65
    assert all(270 <= policy.pause_s(failures, rng) <= 330 for failures in (50, 100_000))


async def test_each_waits_until_those_before_it_are_ready(autojump_clock: MockClock) -> None:
    seen: list[str] = []

    async def slow(pulse: Pulse) -> None:
        await trio.sleep(5)
        seen.append("slow is ready")
        await idle(pulse)

    async def second(pulse: Pulse) -> None:
        seen.append("second starts")
        await idle(pulse)

    async with trio.open_nursery() as nursery:
        await nursery.start(supervisor(Loop("b", second, after=("a",)), Loop("a", slow)).run)
        nursery.cancel_scope.cancel()
    assert seen == ["slow is ready", "second starts"]


async def test_a_failing_loop_is_shown_and_retried_until_it_is_a_crash_loop(
    autojump_clock: MockClock,
) -> None:
    failures: list[tuple[str, str]] = []

    async def broken(pulse: Pulse) -> None:
        raise RuntimeError("no such luck")

    view = await observed(supervisor(Loop("x", broken), failures=failures), 0.5)
    assert (view.state, view.healthy) == ("backing-off", False)
    assert "RuntimeError: no such luck; next try in" in view.reason
    view = await observed(supervisor(Loop("x", broken), failures=failures), 20)
    assert (view.state, view.restarts) == ("crash-looping", view.failures - 1)
    assert set(failures) == {("x", "RuntimeError: no such luck")}


async def test_a_good_minute_makes_up_for_earlier_failures(autojump_clock: MockClock) -> None:
    async def fails_now_and_then(pulse: Pulse) -> None:
        pulse.ran()
        await trio.sleep(100)
        raise RuntimeError("now and then")

    view = await observed(supervisor(Loop("x", fails_now_and_then)), 2_000)
    assert view.failures > POLICY.crash_loop_failures
    assert view.state == "running"


async def test_an_essential_loop_takes_the_process_with_it(autojump_clock: MockClock) -> None:
    async def broken(pulse: Pulse) -> None:
        raise OSError("fsync failed")

    with pytest.raises(ExceptionGroup) as caught:
        await supervisor(Loop("replica", broken, essential=True)).run()
    assert caught.group_contains(EssentialLoopError, match="replica: OSError: fsync failed")


def ticking(action: Callable[[], Awaitable[None]]) -> Loop:
    async def tick() -> Mapping[str, Figure]:
        await action()
        return {"rounds": 1}

    return Loop("x", every(2.0, VirtualClock(), tick), interval_s=2.0)


async def test_a_periodic_loop_counts_its_rounds(autojump_clock: MockClock) -> None:
    view = await observed(supervisor(ticking(trio.lowlevel.checkpoint)), 9)
    assert (view.runs, view.healthy, view.figures) == (5, True, {"rounds": 1})
    assert view.last_run_age_s == pytest.approx(1)


async def test_a_loop_that_hangs_is_unhealthy_with_the_reason(autojump_clock: MockClock) -> None:
    rounds = 0

    async def hang_later() -> None:
        nonlocal rounds
        rounds += 1
        if rounds > 2:
            await trio.sleep_forever()

    view = await observed(supervisor(ticking(hang_later)), 30)
    assert view.state == "running"
    assert view.healthy is False
    assert "no round for 28 s, one is due every 2 s" in view.reason


async def test_a_loop_that_runs_may_say_that_what_it_does_fails(
    autojump_clock: MockClock,
) -> None:
    async def unlucky(pulse: Pulse) -> None:
        pulse.ran(reason="every child failed", well=False)
        await trio.sleep_forever()

    view = await observed(supervisor(Loop("x", unlucky)), 1)
    assert (view.state, view.healthy, view.reason) == ("running", False, "every child failed")


async def test_a_loop_that_ends_is_stopped_and_neither_healthy_nor_not(
    autojump_clock: MockClock,
) -> None:
    async def done(pulse: Pulse) -> None:
        pulse.ran()

    view = await observed(supervisor(Loop("x", done)), 1)
    assert (view.state, view.healthy) == ("stopped", None)


def test_errors_are_told_in_one_line() -> None:
    group = ExceptionGroup("many", [ValueError("first\nof two"), KeyError("k")])
    assert describe(group) == "ValueError: first of two (and 1 more)"
    assert describe(RuntimeError()) == "RuntimeError"
