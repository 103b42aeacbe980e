"""Blobs are handed out to members, whole or from a byte on, and to nobody else."""

import os
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net import blob_routes
from ringrift.node.net.blob_routes import first_byte
from ringrift.node.net.pki import pem_of
from tests.node.blob_town import Home, Town, content, keep
from tests.node.net.authority import Certificates


@asynccontextmanager
async def client(context: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=20) as one:
        yield one


def anonymous(town: Town) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=pem_of(town.certificates.root.certificate).decode())
    return context


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.close()


async def test_a_member_gets_a_blob_whole_from_a_byte_on_or_only_its_head(town: Town) -> None:
    maker = town.build("maker")
    data = content(1)
    url = maker.url(keep(maker.store, data))
    reader = town.certificates.contexts("reader").https
    async with town.open(), client(reader) as one:
        whole = await one.get(url)
        assert (whole.status_code, whole.content) == (200, data)
        rest = await one.get(url, headers={"range": "bytes=1000-"})
        assert (rest.status_code, rest.content) == (206, data[1000:])
        assert rest.headers["content-range"] == f"bytes 1000-{len(data) - 1}/{len(data)}"
        head = await one.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(data))
        beyond = await one.get(url, headers={"range": f"bytes={len(data)}-"})
        assert beyond.status_code == 416
        # Ranges with an end are of no use here, and may be ignored.
        assert (await one.get(url, headers={"range": "bytes=0-9"})).content == data
        empty = await one.get(maker.url(keep(maker.store, b"")))
        assert (empty.status_code, empty.content) == (200, b"")


async def test_who_is_no_member_gets_nothing(town: Town) -> None:
    maker = town.build("maker")
    url = maker.url(keep(maker.store, content(1)))
    revoked = town.certificates.contexts("revoked").https
    town.certificates.known = {s for s in town.certificates.known if s.node != "revoked"}
    async with town.open():
        async with client(anonymous(town)) as one:
            assert (await one.get(url)).status_code == 401
            assert (await one.get(maker.url("0" * 64))).status_code == 401
        async with client(revoked) as one:
            answer = await one.get(url)
            assert (answer.status_code, answer.json()) == (403, {"error": "revoked is no member"})
        foreign = Certificates().contexts("reader").https
        foreign.check_hostname, foreign.verify_mode = False, ssl.CERT_NONE
        async with client(foreign) as one:
            with pytest.raises(httpx.TransportError):
                await one.get(url)
        assert maker.door.shown_out == 1


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("0" * 64, 404),
        ("0" * 63, 400),
        ("A" * 64, 400),
        ("0" * 64 + "%0a", 404),
        ("..%2f..%2f..%2fnode.key", 400),
        ("incoming%2f" + "0" * 64, 400),
        ("%00", 400),
        ("%c3%a9" * 32, 400),
        ("", 400),
    ],
)
async def test_only_hashes_name_blobs(town: Town, name: str, status: int) -> None:
    maker = town.build("maker")
    secret = town.directory / "maker" / "node.key"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("secret")
    async with town.open(), client(maker.contexts.https) as one:
        answer = await one.get(maker.url(name))
    assert answer.status_code == status
    assert "secret" not in answer.text


async def test_what_is_no_plain_file_is_not_there(town: Town) -> None:
    maker = town.build("maker")
    maker.store.path("a" * 64).mkdir(parents=True)
    async with town.open(), client(maker.contexts.https) as one:
        assert (await one.get(maker.url("a" * 64))).status_code == 404


async def slow_reader(home: Home, sha256: str) -> trio.SSLStream[trio.SocketStream]:
    """Ask for a blob and read nothing of it."""
    plain = await trio.open_tcp_stream("127.0.0.1", home.address.port)
    stream = trio.SSLStream(plain, home.contexts.https)
    await stream.send_all(f"GET /blobs/{sha256} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (await stream.receive_some(12)) == b"HTTP/1.1 200"
    return stream


async def test_whoever_comes_when_all_are_busy_is_asked_to_come_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_routes, "MOST_TRANSFERS", 2)
    maker = town.build("maker")
    sha256 = keep(maker.store, content(1, 30_000_000))
    small = keep(maker.store, b"small")
    async with town.open(), client(maker.contexts.https) as one:
        slow = [await slow_reader(maker, sha256) for _ in range(2)]
        answer = await one.get(maker.url(small))
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        # What is not there is said at once, so that others are asked.
        assert (await one.get(maker.url("0" * 64))).status_code == 404
        assert (await one.head(maker.url(small))).status_code == 200
        await trio.aclose_forcefully(slow[0])
        while (await one.get(maker.url(small))).status_code != 200:
            await trio.sleep(0.01)
        await trio.aclose_forcefully(slow[1])


async def test_whoever_takes_nothing_is_hung_up_on(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_routes, "MOST_TRANSFERS", 1)
    monkeypatch.setattr(blob_routes, "STALLED_S", 0.2)
    maker = town.build("maker")
    sha256 = keep(maker.store, content(1, 30_000_000))
    async with town.open(), client(maker.contexts.https) as one:
        slow = await slow_reader(maker, sha256)
        while (await one.get(maker.url(sha256))).status_code != 200:
            await trio.sleep(0.05)
        await trio.aclose_forcefully(slow)


async def test_whoever_asks_for_a_file_that_shrinks_gets_no_more(town: Town) -> None:
    maker = town.build("maker")
    sha256 = keep(maker.store, content(1, 30_000_000))
    async with town.open(), client(maker.contexts.https) as one:
        with pytest.raises(httpx.TransportError):
            async with one.stream("GET", maker.url(sha256)) as answer:
                os.truncate(maker.store.path(sha256), 20_000_000)
                assert answer.status_code == 200
                async for _ in answer.aiter_raw():
                    pass


@given(st.integers(0, 10**17))
def test_a_range_to_the_end_is_understood(begin: int) -> None:
    assert first_byte(f"bytes={begin}-") == begin


@given(st.text() | st.sampled_from([None, "bytes=-5", "bytes=0-5", "bytes=1-,3-", "bytes=٣-"]))
def test_other_ranges_are_as_if_there_was_none(header: str | None) -> None:
    assert first_byte(header) is None
