"""The feed between nodes, over streams in memory: catching up, failing over, bounds, pace."""

import random
from collections.abc import Iterator

import pytest
import trio
from cluster_support import INCARNATION
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair

from ringrift.node.cluster import commands as c
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.replica import ReplicaStoppedError
from ringrift.node.net import feeding
from ringrift.node.net.feeding import Feeder
from ringrift.node.net.link import Link
from ringrift.wire import peer as p
from ringrift.wire.log import Entry
from tests.node.feed_source import Source
from tests.node.feed_town import CLUSTER, END, TIMING, Leader, Reader, count, played, town
from tests.node.virtual_clock import VirtualClock


@pytest.fixture
def entries() -> list[Entry]:
    return played()


async def test_a_follower_catches_up_and_keeps_up(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    async with town() as place:
        source = Source(entries, 300)
        place.source("a", source)
        fed = place.follower("x", source)
        await place.join(fed, "a")
        await trio.sleep(0.5)
        assert fed.follower.state.digest() == source.state.digest()
        assert fed.follower.leader_id == "a"
        assert count(fed, p.FedSnapshot) == 0
        assert place.feeders["a"].followers == {"x": 300}
        # The link breaks; the next one goes on from where it was.
        fed.links["a"].close()
        source.advance(450)
        await trio.sleep(0.5)
        assert fed.follower.applied_index == 300
        await place.join(fed, "a")
        await trio.sleep(0.5)
        assert fed.follower.applied_index == 450
        assert count(fed, p.FedSnapshot) == 0
        assert sum(len(m.entries) for m in fed.heard if isinstance(m, p.Fed)) == 450
        # Somebody far behind takes a snapshot, and what follows it.
        source.forget()
        late = place.follower("y", source)
        await place.join(late, "a")
        await trio.sleep(0.5)
        source.advance(500)
        await trio.sleep(0.5)
        assert late.follower.state.digest() == source.state.digest()
        assert count(late, p.FedSnapshot) > 3
        assert sum(len(m.entries) for m in late.heard if isinstance(m, p.Fed)) == 50
        assert place.feeders["a"].followers == {"x": 500, "y": 500}


async def test_lag_term_and_leader_are_told_at_once_and_silence_is_noticed(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    async with town() as place:
        source = Source(entries, 100)
        place.source("a", source)
        fed = place.follower("x", source)
        assert fed.follower.leader_id is None
        await place.join(fed, "a")
        await trio.sleep(0.3)
        source.ahead = 7
        await trio.sleep(0.1)
        assert (fed.follower.commit_index, fed.follower.lag) == (107, 7)
        source.campaign(5, None)
        await trio.sleep(0.1)
        assert (fed.follower.term, fed.follower.leader_id) == (5, None)
        source.campaign(6, "b")
        await trio.sleep(0.1)
        assert (fed.follower.term, fed.follower.leader_id) == (6, "b")
        said = len(fed.heard)
        await trio.sleep(10)
        assert fed.follower.leader_id == "b"
        assert 40 <= len(fed.heard) - said <= 70
        fed.links["a"].close()
        await trio.sleep(TIMING.patience + 0.1)
        assert fed.follower.leader_id is None
        assert (fed.follower.term, fed.follower.lag) == (6, 7)


async def test_whoever_proposes_through_the_gateway_reads_its_own_write(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    async with town() as place:
        source = Source(entries, 100)
        place.source("a", source)
        fed = place.follower("x", source)
        await place.join(fed, "a")

        async def wish() -> None:
            for _ in range(40):
                proposed = await fed.follower.propose(1, 1, c.Blank())
                assert fed.follower.applied_index >= proposed.index

        began = trio.current_time()
        async with trio.open_nursery() as wishing:
            for _ in range(5):
                wishing.start_soon(wish)
        assert source.applied_index == 300
        assert trio.current_time() - began < 1
        assert await fed.follower.read_barrier() == fed.follower.applied_index == 300


async def test_a_follower_feeds_others(autojump_clock: MockClock, entries: list[Entry]) -> None:
    async with town() as place:
        source = Source(entries, 100)
        place.source("a", source)
        near = place.follower("x", source)
        place.source("x", near.follower, lambda: near.follower.age_s)
        far = place.follower("y", source)
        await place.join(near, "a")
        await place.join(far, "x")
        await trio.sleep(0.5)
        source.advance(400)
        source.ahead = 1
        await trio.sleep(0.5)
        assert far.follower.state.digest() == source.state.digest()
        assert (far.follower.leader_id, far.follower.lag) == ("a", 1)
        assert far.follower.age_s <= 2 * TIMING.patience
        # The near one takes a snapshot, so the far one has to.
        near.links["a"].close()
        source.advance(500)
        source.forget()
        await place.join(near, "a")
        await trio.sleep(0.5)
        assert far.follower.state.digest() == source.state.digest()
        assert count(far, p.FedSnapshot) > 0
        # Two that feed each other cannot keep each other believing in a leader.
        place.source("y", far.follower, lambda: far.follower.age_s)
        near.links["a"].close()
        await place.join(near, "y")
        await trio.sleep(2 * TIMING.patience)
        assert near.follower.leader_id is None
        assert far.follower.leader_id is None


async def test_a_source_that_is_behind_does_no_harm_and_is_left_for_another(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    async with town() as place:
        good, stale = Source(entries, 200), Source(entries, 100, leader=None)
        place.source("a", good)
        place.source("b", stale)
        fed = place.follower("x", good)
        await place.join(fed, "a")
        await trio.sleep(0.3)
        await place.join(fed, "b")
        fed.links["a"].close()
        await trio.sleep(1)
        assert fed.following.source is fed.links["b"]
        assert (fed.follower.applied_index, fed.follower.commit_index) == (200, 200)
        assert fed.follower.leader_id is None
        good.advance(250)
        await place.join(fed, "a")
        await trio.sleep(3)
        assert fed.following.source is fed.links["a"]
        assert fed.follower.applied_index == 250
        assert fed.follower.leader_id == "a"


async def test_a_damaged_snapshot_is_refused_and_asked_for_again(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    class Damaging(Source):
        damages = 3

        def snapshot(self) -> Iterator[bytes]:
            for number, chunk in enumerate(super().snapshot()):
                if number == 2 and self.damages:
                    self.damages -= 1
                    yield chunk[:-1] + bytes([chunk[-1] ^ 1])
                else:
                    yield chunk

    async with town() as place:
        source = Damaging(entries, 300)
        source.forget()
        place.source("a", source)
        fed = place.follower("x", source)
        await place.join(fed, "a")
        await trio.sleep(feeding.SHOT_KEPT_S / 2)
        # The same damaged one again: a source that is no good is asked less and less often.
        assert fed.follower.applied_index == 0
        assert 5 <= sum(m.opening for m in fed.heard if isinstance(m, p.Fed)) <= 8
        for _ in range(Damaging.damages):
            source.advance(source.applied_index + 1)
            source.forget()
            await trio.sleep(15)
        assert source.damages == 0
        assert fed.follower.state.digest() == source.state.digest()
        source.advance(400)
        await trio.sleep(0.5)
        assert fed.follower.state.digest() == source.state.digest()
        assert place.feeders["a"]._shot is not None  # pyright: ignore[reportPrivateUsage]
        await trio.sleep(2 * feeding.SHOT_KEPT_S)
        assert place.feeders["a"]._shot is None  # pyright: ignore[reportPrivateUsage]


async def test_a_slow_follower_holds_up_nobody_and_costs_little(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    class Slow(Follower):
        async def take(self, message: p.Fed | p.FedSnapshot) -> None:
            await trio.sleep(0.5)
            await super().take(message)

    async with town() as place:
        source = Source(entries)
        place.source("a", source)
        quick = place.follower("x", source)
        slow = Reader("y", Slow(INCARNATION, Leader(source), VirtualClock(), TIMING.patience))
        place.nursery.start_soon(slow.following.run)
        await place.join(quick, "a")
        await place.join(slow, "a")
        for _ in range(500):
            source.advance(source.applied_index + 1)
            await trio.sleep(0.02)
            assert len(slow.following._heard) <= p.FEED_AHEAD  # pyright: ignore[reportPrivateUsage]
        await trio.sleep(0.1)
        assert quick.follower.applied_index == 500
        assert slow.follower.applied_index < 450
        await trio.sleep(20)
        assert slow.follower.state.digest() == source.state.digest()
        assert count(quick, p.Fed) > 2 * count(slow, p.Fed)


async def test_a_follower_that_reads_nothing_is_sent_little(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    source = Source(entries, 300)
    source.forget()
    near, _ = memory_stream_pair()
    link = Link(near, CLUSTER, "x", VirtualClock(), dialled=False)
    feeder = Feeder(source, CLUSTER, VirtualClock(), TIMING)
    feeder.asked(link, p.Follow(0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feeder.run)
        for upto in range(300, END):
            source.advance(upto)
            await trio.sleep(0.1)
        feeding_it = feeder._feedings["x"]  # pyright: ignore[reportPrivateUsage]
        assert feeding_it._sent <= p.FEED_AHEAD  # pyright: ignore[reportPrivateUsage]
        # It asks again (and again), and is answered anew.
        feeder.asked(link, p.Follow(source.applied_index))
        feeder.asked(link, p.Follow(source.applied_index - 1))
        await trio.sleep(0.1)
        assert feeder.followers == {"x": source.applied_index}
        assert feeding_it._sent in (2, 3)  # pyright: ignore[reportPrivateUsage]
        # Another link of the same peer takes its place.
        other = Link(near, CLUSTER, "x", VirtualClock(), dialled=False)
        feeder.taken(other, p.Taken(1))
        feeder.asked(other, p.Follow(5))
        await trio.sleep(0.1)
        assert len(feeder.followers) == 1
        nursery.cancel_scope.cancel()


async def test_a_snapshot_too_old_to_go_on_from_gives_way_to_another(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    async with town() as place:
        source = Source(entries, 300)
        source.forget()
        place.source("a", source)
        fed = place.follower("x", source)
        hear = fed.following.hear
        others = 0

        def overtaken(link: Link, message: p.Fed | p.FedSnapshot) -> None:
            nonlocal others
            if isinstance(message, p.FedSnapshot) and message.number == 1 and others < 2:
                others += 1
                source.advance(source.applied_index + 10)
                source.forget()
            hear(link, message)

        fed.following.hear = overtaken
        await place.join(fed, "a")
        await trio.sleep(1)
        assert others == 2
        assert source.applied_index == 320
        assert fed.follower.state.digest() == source.state.digest()


async def test_followers_share_snapshots_and_frames(
    autojump_clock: MockClock, entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = 0
    pack = feeding.pack

    def counting(incarnation: bytes, message: p.PeerMessage) -> bytes:
        nonlocal packed
        packed += 1
        return pack(incarnation, message)

    monkeypatch.setattr(feeding, "pack", counting)
    async with town() as place:
        source = Source(entries, 300)
        source.forget()
        place.source("a", source)
        everybody = [place.follower(f"x{number}", source) for number in range(20)]
        for fed in everybody:
            await place.join(fed, "a")
        await trio.sleep(1)
        parts = count(everybody[0], p.FedSnapshot)
        assert packed < parts + 60
        packed = 0
        for _ in range(50):
            source.advance(source.applied_index + 1)
            await trio.sleep(0.02)
        await trio.sleep(0.1)
        assert {fed.follower.applied_index for fed in everybody} == {350}
        assert packed < 100


async def test_a_stopped_source_ends_its_feeds(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    source = Source(entries, 10)
    feeder = Feeder(source, CLUSTER, VirtualClock(), TIMING)
    with pytest.raises(ExceptionGroup) as ended:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feeder.run)
            await trio.sleep(1)
            source.window.close()
            await trio.sleep(1)
    assert ended.group_contains(ReplicaStoppedError, depth=1)


async def test_a_source_that_sends_more_than_is_asked_for_is_left(
    autojump_clock: MockClock, entries: list[Entry]
) -> None:
    async with town() as place:
        source = Source(entries, 10)
        place.source("a", source)
        fed = place.follower("x", source)
        await place.join(fed, "a")
        await trio.sleep(0.3)
        link = fed.links["a"]
        for _ in range(3 * p.FEED_AHEAD):
            fed.following.hear(link, p.Fed((), 10, 1, "a"))
        await trio.sleep(0.01)
        assert fed.following.source is None
        await trio.sleep(1)
        assert fed.following.source is link


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_sources_and_links_may_end_at_any_moment(seed: int) -> None:
    rng = random.Random(seed)
    every = played()[:300]

    async def live() -> None:
        async with town() as place:
            sources = {name: Source(every, 50) for name in "abc"}
            for name, source in sources.items():
                place.source(name, source)
            fed = place.follower("x", sources["a"])
            seen: list[int] = []
            for _ in range(30):
                for name, source in sources.items():
                    if rng.random() < 0.5:
                        source.advance(source.applied_index + rng.randint(0, 30))
                    if rng.random() < 0.2:
                        source.forget()
                    if name in fed.links and rng.random() < 0.5:
                        fed.links[name].close()
                    elif name not in fed.links:
                        await place.join(fed, name)
                await trio.sleep(rng.choice([0.0, 0.001, 0.1, 0.5]))
                seen.append(fed.follower.applied_index)
            assert seen == sorted(seen)
            await trio.sleep(0.01)
            for name, source in sources.items():
                source.advance(END)
                if name not in fed.links:
                    await place.join(fed, name)
            await trio.sleep(12)
            assert fed.follower.state.digest() == sources["a"].state.digest()

    trio.run(live, clock=MockClock(autojump_threshold=0))
