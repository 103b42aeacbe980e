"""A stream between two nodes, in memory: order, urgency, bounds, silence and endings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from ringrift.node.net.frames import pack
from ringrift.node.net.link import SILENCE_S, Link, LinkError
from ringrift.wire import peer as p
from ringrift.wire.raft import TimeoutNow
from tests.node.virtual_clock import VirtualClock

CLUSTER = bytes(16)
HELLO = {name: p.Hello(name, 1, "0", 1) for name in "ab"}


def pair() -> tuple[Link, Link, trio.abc.Stream, trio.abc.Stream]:
    one, other = memory_stream_pair()
    clock = VirtualClock()
    return (
        Link(one, CLUSTER, "b", clock, dialled=True),
        Link(other, CLUSTER, "a", clock, dialled=False),
        one,
        other,
    )


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Link, Link, list[p.PeerMessage]]]:
    """Two greeted links; what the second hears is in the list."""
    a, b, _, _ = pair()
    heard: list[p.PeerMessage] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.greet, HELLO["a"])
        await b.greet(HELLO["b"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run, lambda _: None)
        nursery.start_soon(b.run, heard.append)
        yield a, b, heard
        nursery.cancel_scope.cancel()


async def test_what_is_said_arrives_in_order(autojump_clock: MockClock) -> None:
    async with running() as (a, b, heard):
        assert a.hello == HELLO["b"]
        assert b.hello == HELLO["a"]
        for number in range(500):
            assert a.say(p.Barrier(number))
        await trio.sleep(0.1)
        assert heard == [p.Barrier(number) for number in range(500)]


async def test_the_urgent_goes_first_and_a_full_queue_drops(autojump_clock: MockClock) -> None:
    a, b, _, _ = pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.greet, HELLO["a"])
        await b.greet(HELLO["b"])
    said = 0
    while a.say(p.Propose(said, 1, 1, bytes(100_000))):
        said += 1
    assert said == 11
    assert not a.say(p.Barrier(1))
    assert a.dropped == 2
    assert a.say(p.FedSnapshot(True, b""))
    assert a.say(p.Consensus(TimeoutNow(1)))
    heard: list[p.PeerMessage] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run, lambda _: None)
        nursery.start_soon(b.run, heard.append)
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert heard[:2] == [p.Consensus(TimeoutNow(1)), p.FedSnapshot(True, b"")]
    assert len(heard) == 2 + said


async def test_the_feed_waits_for_room(autojump_clock: MockClock) -> None:
    async with running() as (a, _, heard):
        for _ in range(40):
            await a.feed_when_room(pack(CLUSTER, p.FedSnapshot(False, bytes(200_000))))
        await trio.sleep(0.1)
        assert len(heard) == 40
        assert a.dropped == 0


async def test_who_has_nothing_to_say_is_still_known_to_live(autojump_clock: MockClock) -> None:
    async with running() as (a, _, heard):
        await trio.sleep(100)
        assert heard == []
        assert a.say(p.Barrier(1))
        await trio.sleep(1)
        assert heard == [p.Barrier(1)]


async def test_a_silent_peer_is_given_up(autojump_clock: MockClock) -> None:
    a, _, _, other = pair()
    await other.send_all(pack(CLUSTER, HELLO["b"]))
    await a.greet(HELLO["a"])
    began = trio.current_time()
    with pytest.raises(LinkError, match="silent for 20 s"):
        await a.run(lambda _: None)
    assert trio.current_time() - began == pytest.approx(SILENCE_S)


async def test_endings_are_told_in_one_sentence(autojump_clock: MockClock) -> None:
    a, _, _, other = pair()
    await other.send_all(pack(CLUSTER, HELLO["b"]))
    await a.greet(HELLO["a"])
    await other.send_all(pack(bytes(15) + b"x", p.Alive()))
    with pytest.raises(LinkError, match=r"b sent no frame: A frame of cluster"):
        await a.run(lambda _: None)

    a, _, _, other = pair()
    await other.send_all(pack(CLUSTER, HELLO["b"]))
    await a.greet(HELLO["a"])
    await other.aclose()
    with pytest.raises(LinkError, match=r"b hung up|broke"):
        await a.run(lambda _: None)


async def test_greetings_must_be_true_and_in_time(autojump_clock: MockClock) -> None:
    a, _, _, other = pair()
    await other.send_all(pack(CLUSTER, p.Hello("c", 1, "0", 1)))
    with pytest.raises(LinkError, match="greets as somebody else"):
        await a.greet(HELLO["a"])
    a, _, _, other = pair()
    await other.send_all(pack(CLUSTER, p.Alive()))
    with pytest.raises(LinkError, match="greets as somebody else"):
        await a.greet(HELLO["a"])
    a, _, _, other = pair()
    with pytest.raises(LinkError, match="did not greet within 10 s"):
        await a.greet(HELLO["a"])


async def test_a_peer_that_breaks_off_before_it_is_greeted_ends_nothing_else(
    autojump_clock: MockClock,
) -> None:
    a, _, near, _ = pair()
    await near.aclose()
    with pytest.raises(LinkError, match="The stream to b broke"):
        await a.greet(HELLO["a"])


async def test_a_link_that_is_closed_here_ends_without_a_reason(autojump_clock: MockClock) -> None:
    a, _, _, other = pair()
    await other.send_all(pack(CLUSTER, HELLO["b"]))
    await a.greet(HELLO["a"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run, lambda _: None)
        await trio.sleep(1)
        a.close()
