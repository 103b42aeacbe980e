"""The routes over real sockets: who is let in, what is refused, in which one sentence."""

import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from prometheus_client import CollectorRegistry

from ringrift.node.net.guard import RequestError
from ringrift.node.net.probe import ProbeError, get
from ringrift.node.net.routes import looking_routes, node_app
from ringrift.node.net.safe_server import serve
from ringrift.node.net.server import BindError, bind_loopback, bind_unix
from ringrift.node.runtime.eventbus import EventBus
from ringrift.wire.actions import ActionReply, ActionRequest, SetNodeMode
from ringrift.wire.views import EventView, ModelsView, StatusView

EVENT = EventView(seq=7, at=1.0, name="X", config=None, node=None, index=3, text="x happened")


class Fixed:
    """Pictures that never change."""

    status: StatusView | None = None
    models: ModelsView | None = ModelsView(
        at=1.0, anchor="heuristic-1", anchor_elo=1200.0, models=(), baselines={"hex8_2p": {}}
    )


class Site:
    """A served app, on loopback or a Unix socket."""

    def __init__(self, client: httpx.AsyncClient, port: int) -> None:
        self.client = client
        self.port = port
        self.events: EventBus[EventView] = EventBus(10)
        self.asked: list[ActionRequest] = []

    async def act(self, request: ActionRequest, member: str | None) -> ActionReply:
        assert member is None
        self.asked.append(request)
        if isinstance(request, SetNodeMode) and request.node == "nobody":
            raise RequestError(404, "node 'nobody' does not exist")
        return ActionReply(5, "done")

    async def recent(self, limit: int, after: int | None) -> tuple[EventView, ...]:
        return (EVENT,) if limit > 1 else ()


@asynccontextmanager
async def serving(socket_path: Path | None = None) -> AsyncIterator[Site]:
    listener = bind_loopback(0) if socket_path is None else bind_unix(socket_path)
    port = 0 if socket_path is not None else listener.getsockname()[1]
    transport = None
    if socket_path is not None:
        transport = httpx.AsyncHTTPTransport(uds=str(socket_path))
    url = f"http://localhost:{port}" if port else "http://localhost"
    with trio.fail_after(30):
        async with httpx.AsyncClient(base_url=url, transport=transport) as client:
            site = Site(client, port)
            app = node_app(
                looking_routes(Fixed(), site.events, site.recent, CollectorRegistry()),
                site.act if socket_path is not None else None,
                1_000,
            )

            async def run(task_status: trio.TaskStatus[list[str]]) -> None:
                await serve(
                    app,
                    listener,
                    keep_alive_s=5.0,
                    shutdown=trio.sleep_forever,
                    task_status=task_status,
                )

            async with trio.open_nursery() as nursery:
                await nursery.start(run)
                yield site
                nursery.cancel_scope.cancel()


async def read_until(stream: trio.SocketStream, words: bytes) -> bytes:
    got = b""
    while words not in got:
        more = await stream.receive_some(4096)
        assert more, f"the connection ended after {got!r}"
        got += more
    return got


def sentence(response: httpx.Response) -> str:
    """The one sentence of a refusal."""
    body = json.loads(response.text)
    assert body.keys() == {"error"}
    assert "\n" not in body["error"]
    assert "Traceback" not in body["error"]
    return body["error"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "words"),
    [
        ("/nowhere", {}, 404, "GET /nowhere does not exist"),
        ("/status", {}, 503, "starting"),
        ("/models", {"host": "evil.example"}, 403, "host 'evil.example'"),
        ("/models", {"host": "[::1"}, 403, "host"),
        ("/models", {"origin": "https://evil.example"}, 403, "origin 'https://evil.example'"),
        ("/models?config=hex9_2p", {}, 400, "config 'hex9_2p' does not exist; there are"),
        ("/events/recent?limit=0", {}, 400, "limit must be from 1 to 1000"),
        ("/events/recent?limit=many", {}, 400, "limit must be one number"),
        ("/events/recent?limit=1&limit=2", {}, 400, "limit must be one number"),
        ("/events/recent?after=-1", {}, 400, "after must be one number"),
    ],
)
async def test_a_wrong_request_is_refused_in_one_sentence(
    path: str, headers: dict[str, str], status: int, words: str
) -> None:
    async with serving() as site:
        response = await site.client.get(path, headers=headers)
    assert response.status_code == status
    assert words in sentence(response)


async def test_loopback_looks_and_never_acts() -> None:
    async with serving() as site:
        assert (await site.client.get("/models?config=hex8_2p")).status_code == 200
        assert (await site.client.get("/events/recent")).json()["events"][0]["seq"] == 7
        assert (await site.client.get("/metrics")).status_code == 200
        acted = await site.client.post("/actions", json={})
        posted = await site.client.post("/models", json={})
    assert acted.status_code == 404
    assert posted.status_code == 405
    assert "Unix socket" in sentence(posted)
    assert site.asked == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"action": "set_node_mode", "node": "a", "mode": "asleep"}', 400, "$.mode"),
        (b'{"action": "set_node_mode", "node": "a"}', 400, "mode"),
        (b'{"action": "set_node_mode", "node": "a", "mode": "active", "x": 1}', 400, "x"),
        (b'{"action": "explode"}', 400, "explode"),
        (b'{"action": "cancel_work", "item": 0}', 400, "$.item"),
        (b"{not json", 400, "no action"),
        (b"\xff\xfe", 400, "no action"),
        (b"[" * 900, 400, "no action"),
        (b"{" + b" " * 2_000 + b"}", 413, "at most 1000 bytes"),
        (b'{"action": "set_node_mode", "node": "nobody", "mode": "active"}', 404, "'nobody'"),
    ],
)
async def test_a_wrong_action_is_refused_naming_the_field(
    tmp_path: Path, body: bytes, status: int, words: str
) -> None:
    async with serving(tmp_path / "s") as site:
        response = await site.client.post("/actions", content=body)
    assert response.status_code == status
    assert words in sentence(response)
    assert len(site.asked) == (1 if status == 404 else 0)


async def test_a_body_without_a_length_is_bounded_too(tmp_path: Path) -> None:
    head = b"POST /actions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with (
        serving(tmp_path / "s") as site,
        await trio.open_unix_socket(str(tmp_path / "s")) as stream,
    ):
        await stream.send_all(head)
        for _ in range(11):
            await stream.send_all(b"64\r\n" + b" " * 100 + b"\r\n")
        answer = await read_until(stream, b"}")
    assert b"413" in answer.splitlines()[0]
    assert b"at most 1000 bytes" in answer
    assert site.asked == []


async def test_an_action_is_answered_with_its_index(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as site:
        asked = {"action": "set_node_mode", "node": "a", "mode": "draining"}
        response = await site.client.post("/actions", json=asked)
    assert response.json() == {"index": 5, "text": "done", "token": None}
    assert site.asked == [SetNodeMode(node="a", mode="draining")]
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


async def test_events_are_streamed_as_they_come_and_a_reader_who_leaves_is_forgotten() -> None:
    async with serving() as site:
        async with await trio.open_tcp_stream("127.0.0.1", site.port) as stream:
            await stream.send_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"text/event-stream" in await read_until(stream, b": ringrift events")
            assert site.events.readers == 1
            site.events.publish(EVENT)
            assert b"id: 7\ndata: {" in await read_until(stream, b"x happened")
        while site.events.readers:
            await trio.sleep(0.01)


async def test_garbage_after_an_upgrade_ends_one_connection_and_not_the_process() -> None:
    upgrade = (
        b"GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    hostile = [
        upgrade + b"\xff\xff\xff\xff garbage",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 64,
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 300,
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /actions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]
    async with serving() as site:
        for packet in hostile * 5:
            stream = await trio.open_tcp_stream("127.0.0.1", site.port)
            async with stream:
                await stream.send_all(packet)
                with trio.move_on_after(0.05):
                    while await stream.receive_some(1024):
                        pass
        assert (await site.client.get("/models")).status_code == 200


async def test_the_probe_reads_what_a_node_answers_and_says_why_when_not() -> None:
    async with serving() as site:
        assert b"heuristic-1" in await get(site.port, "/models", 5.0)
        with pytest.raises(ProbeError, match="503"):
            await get(site.port, "/status", 5.0)
    with pytest.raises(ProbeError, match="no connection"):
        await get(site.port, "/models", 5.0)


async def test_a_probe_of_something_silent_ends() -> None:
    with bind_loopback(0) as listener, pytest.raises(ProbeError, match=r"within 0\.1 s"):
        await get(listener.getsockname()[1], "/status", 0.1)


def test_a_taken_port_is_one_sentence_about_its_owner() -> None:
    with bind_loopback(0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BindError) as caught:
            bind_loopback(port)
    assert str(port) in str(caught.value)
    assert "--port-offset" in str(caught.value)
    assert "(pid " in str(caught.value)


def test_a_socket_left_by_an_earlier_life_is_replaced(tmp_path: Path) -> None:
    bind_unix(tmp_path / "s").close()
    with bind_unix(tmp_path / "s"):
        pass
