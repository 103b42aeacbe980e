"""Fetching over real TLS: what arrives is what was asked for, whoever sends what."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ringrift.node.cluster.members import Reach
from ringrift.node.data import fetch, receiving
from ringrift.node.data.blobs import BlobError
from ringrift.node.data.fetch import Fetcher
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.wire.join import Place
from tests.node.blob_town import Home, Town, content, keep
from tests.node.net.authority import Certificates

DATA = content(1)


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr(fetch, "AGAIN_PAUSE_S", 0.01)
    monkeypatch.setitem(fetch.AGAIN_S, "unreachable", 0.05)
    town = Town(tmp_path)
    yield town
    town.close()


def arriving(home: Home) -> list[str]:
    """What lies half received."""
    return [path.name for path in home.store.arriving("x").parent.iterdir()]


class Counting:
    """A desk that notes what was asked of it, and may do something else at each turn."""

    def __init__(self, *turns: ASGIApp | None) -> None:
        self.home: Home | None = None
        self.ranges: list[str | None] = []
        self._turns = list(turns)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.ranges.append(Request(scope).headers.get("range"))
        turn = self._turns.pop(0) if self._turns else None
        assert self.home is not None
        scope["path_params"] = {"sha256": scope["path"].removeprefix("/blobs/")}
        await (turn or self.home.desk)(scope, receive, send)


def cut(data: bytes, begin: int, end: int) -> ASGIApp:
    """Promises all bytes from one on, sends some of them, and hangs up."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        span = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        headers = [
            (b"content-length", str(len(data) - begin).encode()),
            (b"content-range", span.encode()),
        ]
        status = 206 if begin else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data[begin:end], "more_body": True})
        await Request(scope).state.hang_up()

    return app


def answering(status: int, body: bytes = b"", **headers: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raw = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    return app


def with_desk(town: Town, name: str, *turns: ASGIApp | None) -> tuple[Home, Counting]:
    counting = Counting(*turns)
    counting.home = town.build(name, counting)
    return counting.home, counting


async def test_the_maker_is_asked_first_and_the_blob_is_kept(town: Town) -> None:
    me, other = town.build("me"), with_desk(town, "other")[1]
    sha256 = town.made(town.build("maker"), DATA)
    fetcher = town.fetcher(me)
    async with town.open():
        path = await fetcher.fetch(sha256)
        assert path == me.store.verify(sha256)
        assert path.read_bytes() == DATA
        assert await fetcher.fetch(sha256) == path
    assert other.ranges == [] == arriving(me)
    figures = fetcher.figures()
    assert (figures["fetched"], figures["bytes"], figures["under_way"]) == (1, len(DATA), 0)


async def test_when_the_maker_is_gone_whoever_has_it_is_asked(town: Town) -> None:
    me, maker = town.build("me"), town.build("maker")
    sha256 = town.made(maker, DATA)
    lacks, has = town.build("lacks"), town.build("has")
    keep(has.store, DATA)
    town.homes.remove(maker)
    maker.listener.close()
    fetcher = town.fetcher(me)
    async with town.open():
        assert (await fetcher.fetch(sha256)).read_bytes() == DATA
    assert not lacks.store.has(sha256)


async def test_what_nobody_has_is_said_in_one_sentence(town: Town) -> None:
    me = town.build("me")
    town.build("a"), town.build("b")
    fetcher = town.fetcher(me)
    async with town.open():
        with pytest.raises(BlobError, match=f"{'0' * 64} did not come from the 2 nodes asked"):
            await fetcher.fetch("0" * 64)
    assert fetcher.figures()["failed"] == 1


async def test_without_other_nodes_that_is_said(town: Town) -> None:
    me = town.build("me")
    town.joins("behind-nat", Reach(inbound=False, addresses=(Place("127.0.0.1", 1),)))
    with pytest.raises(BlobError, match="no node can be asked"):
        await town.fetcher(me).fetch("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
async def test_only_hashes_are_asked_for(town: Town, name: str) -> None:
    me, other = town.build("me"), with_desk(town, "other")[1]
    async with town.open():
        with pytest.raises(BlobError, match="no sha256"):
            await town.fetcher(me).fetch(name)
    assert other.ranges == []


async def test_a_connection_that_breaks_is_gone_on_with(town: Town) -> None:
    me = town.build("me")
    cuts = (cut(DATA, 0, 1_500_000), cut(DATA, 1_500_000, 1_500_007))
    maker, desk = with_desk(town, "maker", *cuts)
    sha256 = town.made(maker, DATA)
    fetcher = town.fetcher(me)
    async with town.open():
        assert (await fetcher.fetch(sha256)).read_bytes() == DATA
    assert desk.ranges == [None, "bytes=1500000-", "bytes=1500007-"]
    assert fetcher.figures()["resumed"] == 2
    assert arriving(me) == []


async def test_who_knows_no_ranges_is_taken_from_the_start(town: Town) -> None:
    me = town.build("me")
    whole = answering(200, DATA, content_length=str(len(DATA)))
    maker, desk = with_desk(town, "maker", cut(DATA, 0, 1_500_000), whole)
    sha256 = town.made(maker, DATA)
    async with town.open():
        assert (await town.fetcher(me).fetch(sha256)).read_bytes() == DATA
    assert len(desk.ranges) == 2


async def test_who_breaks_off_again_and_again_is_left(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_RESUMES", 3)
    monkeypatch.setitem(fetch.AGAIN_S, "unreachable", 0.0)
    me = town.build("me")
    maker, desk = with_desk(town, "maker", *[cut(DATA, n, n + 1) for n in range(9)])
    sha256 = town.made(maker, DATA)
    async with town.open():
        with pytest.raises(BlobError, match="cannot be reached"):
            await town.fetcher(me).fetch(sha256)
    assert len(desk.ranges) == 3


async def test_wrong_bytes_are_discarded_and_their_sender_is_asked_last(town: Town) -> None:
    me = town.build("me")
    maker, desk = with_desk(town, "maker")
    forged, other = DATA[:-1] + bytes([DATA[-1] ^ 1]), content(2)
    sha256 = town.made(maker, DATA, kept=forged)
    second = town.made(maker, other)
    honest = town.build("honest")
    keep(honest.store, DATA), keep(honest.store, other)
    async with town.open():
        fetcher = town.fetcher(me)
        assert (await fetcher.fetch(sha256)).read_bytes() == DATA
        assert (await fetcher.fetch(second)).read_bytes() == other
    assert desk.ranges == [None]
    assert arriving(me) == []


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (answering(200, DATA + b"!"), "bytes and not 3000000"),
        (answering(200, DATA[:-1], content_length=str(len(DATA) - 1)), "2999999 bytes and not"),
        (answering(200, DATA * 2, content_length=str(2 * len(DATA))), "6000000 bytes and not"),
        (answering(206, DATA, content_range="bytes 7-9/10"), "status 206"),
        (answering(302, location="https://127.0.0.1:1/"), "status 302"),
        (answering(500), "status 500"),
    ],
)
async def test_an_answer_that_cannot_be_right_is_not_taken(
    town: Town, turn: ASGIApp, words: str
) -> None:
    me = town.build("me")
    maker, desk = with_desk(town, "maker", turn, turn)
    sha256 = town.made(maker, DATA)
    async with town.open():
        with pytest.raises(BlobError, match=words):
            await town.fetcher(me).fetch(sha256)
    assert len(desk.ranges) == 1
    assert not me.store.has(sha256)
    assert arriving(me) == []


async def test_no_more_is_taken_than_there_may_be(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES", 2_000_000)
    me = town.build("me")
    sha256 = keep(town.build("other").store, DATA)
    async with town.open():
        with pytest.raises(BlobError, match="more than the 2000000 bytes"):
            await town.fetcher(me).fetch(sha256)
    assert arriving(me) == []


async def test_who_is_busy_is_asked_again(town: Town) -> None:
    me = town.build("me")
    busy = answering(503, retry_after="1")
    maker, desk = with_desk(town, "maker", busy, busy, busy, None)
    other, others_desk = with_desk(town, "other")
    sha256 = town.made(maker, DATA)
    async with town.open():
        assert (await town.fetcher(me).fetch(sha256)).read_bytes() == DATA
    assert len(desk.ranges) == 4
    # Who has not got it is not asked twice.
    assert len(others_desk.ranges) == 1
    assert not other.store.has(sha256)


async def test_another_node_at_the_makers_address_is_not_believed(town: Town) -> None:
    me = town.build("me")
    other, _ = with_desk(town, "other", *[answering(200, DATA)] * 9)
    sha256 = town.made(town.build("maker"), DATA)
    town.joins("maker", Reach(addresses=(other.address,)))
    town.joins("other", Reach())
    async with town.open():
        with pytest.raises(BlobError, match=r"maker: 127\.0\.0\.1:\d+ is other"):
            await town.fetcher(me).fetch(sha256)
    assert not me.store.has(sha256)


async def test_a_node_with_a_key_that_is_not_its_members_is_not_believed(town: Town) -> None:
    me = town.build("me")
    maker, desk = with_desk(town, "maker", *[answering(200, DATA)] * 9)
    sha256 = town.made(maker, DATA)
    town.certificates.known = {s for s in town.certificates.known if s.node == "me"}
    async with town.open():
        with pytest.raises(BlobError, match="its key is not its member's"):
            await town.fetcher(me).fetch(sha256)
    assert len(desk.ranges) == 1
    assert not me.store.has(sha256)


async def test_a_node_of_another_cluster_is_not_believed(town: Town, tmp_path: Path) -> None:
    me = town.build("me")
    foreign = Town(tmp_path / "foreign", Certificates())
    maker = foreign.build("maker")
    sha256 = keep(maker.store, DATA)
    town.joins("maker", Reach(addresses=(maker.address,)))
    async with town.open(), foreign.open():
        with pytest.raises(BlobError, match="certificate verify failed"):
            await town.fetcher(me).fetch(sha256)
    foreign.close()


@pytest.mark.parametrize("host", ["a" * 100, "..", "x y", "[", "no.such.host.invalid", "é" * 40])
async def test_a_silly_address_is_no_more_than_unreachable(town: Town, host: str) -> None:
    me = town.build("me")
    town.joins("silly", Reach(addresses=(Place(host, 1),)))
    with trio.fail_after(30), pytest.raises(BlobError, match="did not come from the 1 node"):
        await town.fetcher(me).fetch("0" * 64)


async def test_the_next_address_is_tried(town: Town) -> None:
    me, maker, other = town.build("me"), town.build("maker"), town.build("other")
    sha256 = keep(maker.store, DATA)
    wrong = (Place("127.0.0.1", 1), other.address)
    town.joins("maker", Reach(addresses=(*wrong, maker.address)))
    async with town.open():
        assert (await town.fetcher(me).fetch(sha256)).read_bytes() == DATA


class Gate:
    """A turn that waits to be opened."""

    def __init__(self) -> None:
        self.knocked, self.opened = trio.Event(), trio.Event()
        self.inside = self.most_inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.knocked.set()
        await self.opened.wait()
        self.inside -= 1
        await answering(200, DATA, content_length=str(len(DATA)))(scope, receive, send)


async def stopped_when(knocked: trio.Event, fetcher: Fetcher, sha256: str) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetcher.fetch, sha256)
        await knocked.wait()
        nursery.cancel_scope.cancel()


async def test_two_who_ask_share_one_transfer_and_its_failure(town: Town) -> None:
    me = town.build("me")
    gate = Gate()
    maker, desk = with_desk(town, "maker", gate, answering(404))
    sha256 = town.made(maker, DATA)
    fetcher = town.fetcher(me)
    errors: list[str] = []

    async def fail() -> None:
        with pytest.raises(BlobError) as raised:
            await fetcher.fetch("0" * 64)
        errors.append(str(raised.value))

    async with town.open():
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(fetcher.fetch, sha256)
            await gate.knocked.wait()
            gate.opened.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(fail)
    assert len(desk.ranges) == 2
    assert len(set(errors)) == 1
    assert me.store.verify(sha256)


async def test_when_who_fetches_is_stopped_who_waits_takes_over(town: Town) -> None:
    me = town.build("me")
    gate = Gate()
    maker, desk = with_desk(town, "maker", gate, None)
    sha256 = town.made(maker, DATA)
    fetcher = town.fetcher(me)
    async with town.open(), trio.open_nursery() as nursery, trio.open_nursery() as first:
        first.start_soon(stopped_when, gate.knocked, fetcher, sha256)
        await gate.knocked.wait()
        nursery.start_soon(fetcher.fetch, sha256)
    assert len(desk.ranges) == 2
    assert me.store.verify(sha256)
    assert arriving(me) == []


async def test_four_come_at_a_time(town: Town) -> None:
    me = town.build("me")
    gate = Gate()
    maker, _ = with_desk(town, "maker", *[gate] * 9)
    hashes = [town.made(maker, content(number, 1_000)) for number in range(9)]
    fetcher = town.fetcher(me)

    async def fetched(sha256: str) -> None:
        with pytest.raises(BlobError):
            await fetcher.fetch(sha256)

    async with town.open(), trio.open_nursery() as nursery:
        for sha256 in hashes:
            nursery.start_soon(fetched, sha256)
        while gate.inside < fetch.MOST_AT_ONCE:
            await trio.sleep(0.01)
        gate.opened.set()
    assert gate.most_inside == fetch.MOST_AT_ONCE


async def test_what_an_earlier_life_left_is_cleared_once(town: Town) -> None:
    me = town.build("me")
    me.store.arriving("0" * 64).write_bytes(b"half")
    fetcher = town.fetcher(me)
    record = LoopRecord()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetcher.run, Pulse(record, SystemClock(), nursery.cancel_scope.cancel))
    assert arriving(me) == []
    assert record.figures["fetched"] == 0


async def test_a_disk_that_takes_no_more_is_no_fault_of_the_sender(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = town.build("me")
    maker, desk = with_desk(town, "maker")
    sha256 = town.made(maker, DATA)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(receiving.Incoming, "write", full)
    async with town.open():
        with pytest.raises(BlobError, match="cannot be kept: No space left"):
            await town.fetcher(me).fetch(sha256)
    assert len(desk.ranges) == 1
    assert arriving(me) == []


async def test_the_event_loop_is_not_held_up(town: Town) -> None:
    me, maker = town.build("me"), town.build("maker")
    sha256 = town.made(maker, content(3, 40_000_000))
    async with town.open():
        turns = await turns_during(town.fetcher(me), sha256)
    assert turns > 40


async def turns_during(fetcher: Fetcher, sha256: str) -> int:
    """How often something else got its turn while a blob came in."""
    turns = 0

    async def count(done: Callable[[], bool]) -> None:
        nonlocal turns
        while not done():
            await trio.sleep(0)
            turns += 1

    over = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(count, lambda: over)
        await fetcher.fetch(sha256)
        over = True
    return turns
