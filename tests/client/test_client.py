"""The client against a fake node on a real Unix socket, and its parser against chopped bytes."""

import gc
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cockpit
import msgspec
import pytest
from fake_node import FakeNode, fake_node
from hypothesis import given
from hypothesis import strategies as st

from ringrift import client as client_module
from ringrift.client import (
    AddressError,
    AsyncClient,
    Client,
    EventParser,
    NotRunningError,
    RefusedError,
    UnreadableAnswerError,
    socket_of,
)
from ringrift.wire.actions import SetConfigMode


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rr-") as folder:  # tmp_path may exceed 107 bytes
        yield Path(folder)


@pytest.fixture
def node(data: Path) -> Iterator[FakeNode]:
    with fake_node(socket_of(data)) as server:
        yield server


@pytest.fixture
def client(node: FakeNode, data: Path) -> Iterator[Client]:
    with Client(socket_of(data)) as opened:
        yield opened


def test_shows_what_the_node_shows(client: Client) -> None:
    assert client.status() == cockpit.STATUS
    assert client.models() == cockpit.MODELS
    assert [e.seq for e in client.recent_events(limit=2)] == [311, 312]
    assert [e.seq for e in client.recent_events(after=310)] == [311, 312]
    assert [e.seq for e in client.events()] == [310, 311, 312]


def test_acts(client: Client, node: FakeNode) -> None:
    request = SetConfigMode(config="hex8_2p", mode="paused")
    assert client.act(request).index == 1874
    assert node.asked == [request]


def test_a_refusal_is_the_nodes_own_sentence(client: Client, node: FakeNode) -> None:
    node.raw["/models"] = (503, b'{"error": "the node is starting."}')
    with pytest.raises(RefusedError, match=r"^the node is starting\.$"):
        client.models()


def test_a_refusal_without_reason_names_the_status(client: Client, node: FakeNode) -> None:
    node.raw["/status"] = (502, b"<html>")
    with pytest.raises(RefusedError, match="502"):
        client.status()


@pytest.mark.parametrize("body", [b"{", b'{"at": 1}', b"\xff", b"[" * 100_000, b"null"])
def test_an_unreadable_answer_says_which_view(client: Client, node: FakeNode, body: bytes) -> None:
    node.raw["/status"] = (200, body)
    with pytest.raises(UnreadableAnswerError, match="StatusView"):
        client.status()


def test_an_endless_answer_is_cut(
    client: Client, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_BODY_BYTES", 1 << 20)
    node.raw["/status"] = (200, b" " * (2 << 20))
    with pytest.raises(UnreadableAnswerError, match="longer than 1 MiB"):
        client.status()


# httpcore leaves the socket of a failed connect to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_no_node_says_which_command_starts_one(data: Path) -> None:
    with Client(socket_of(data)) as client:
        with pytest.raises(NotRunningError, match="ringrift up"):
            client.status()
        with pytest.raises(NotRunningError, match="ringrift up"):
            next(client.events())
    with Client("http://127.0.0.1:9") as client, pytest.raises(NotRunningError):
        client.status()
    gc.collect()


def test_a_socket_path_that_is_too_long_is_refused() -> None:
    with pytest.raises(AddressError, match="107 bytes"):
        Client(Path("/tmp") / ("x" * 120) / "node.sock")


@pytest.mark.parametrize(
    "address",
    ["", "here", "127.0.0.1:8770", "ftp://127.0.0.1", "http://", "http://[::1", "http://h:x"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(AddressError, match="no address"):
            kind(address)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(AddressError, match="no address"):
        Client("http://127.0.0.1:99999")


async def test_the_async_client_says_the_same(node: FakeNode, data: Path) -> None:
    async with AsyncClient(socket_of(data)) as client:
        assert await client.status() == cockpit.STATUS
        assert await client.models() == cockpit.MODELS
        assert [e.seq for e in await client.recent_events(after=310)] == [311, 312]
        assert [e.seq async for e in client.events()] == [310, 311, 312]
        assert (await client.act(SetConfigMode(config="hex8_2p", mode="active"))).index == 1874
        node.raw["/models"] = (503, b"{}")
        with pytest.raises(RefusedError):
            await client.models()
    async with AsyncClient(data / "other.sock") as client:
        with pytest.raises(NotRunningError):
            await client.status()


@given(cuts=st.lists(st.integers(0, 4000), max_size=12), crlf=st.booleans())
def test_the_parser_does_not_care_how_bytes_arrive(cuts: list[int], crlf: bool) -> None:
    wanted = cockpit.EVENTS[:5]
    end = b"\r\n" if crlf else b"\n"
    text = b": comment" + end + end
    for event in wanted:
        text += b"id: 1" + end + b"data: " + msgspec.json.encode(event) + end + end
    borders = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parser = EventParser()
    found = [e for a, b in pairwise(borders) for e in parser.feed(text[a:b])]
    assert tuple(found) == wanted


def test_the_parser_holds_no_endless_line() -> None:
    parser = EventParser()
    with pytest.raises(UnreadableAnswerError, match="longer than"):
        for _ in range(100):
            parser.feed(b"data: " + b"x" * 1024)
