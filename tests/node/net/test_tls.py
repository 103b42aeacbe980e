"""Real sockets on loopback: peers find each other, strangers are shown out, HTTP is answered."""

import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ringrift.node.net.link import Link, LinkError
from ringrift.node.net.mesh import Mesh
from ringrift.node.net.pki import Subject, pem_of
from ringrift.node.net.tls import Door, TlsDial
from ringrift.node.runtime.clock import SystemClock
from ringrift.wire import peer as p
from ringrift.wire.raft import TimeoutNow
from tests.node.net.authority import NOW, Certificates


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


class Site:
    """One node: its mesh, its door, and what it heard."""

    def __init__(self, name: str, certificates: Certificates, *wanted: "Site") -> None:
        self.name = name
        self.heard: list[tuple[str, p.PeerMessage]] = []
        self.news = trio.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        contexts = certificates.contexts(name)
        self.dial = TlsDial(lambda: contexts, self.knows)
        self.certificates = certificates
        targets = {site.name: [site.address] for site in wanted}
        self.mesh = Mesh(
            p.Hello(name, 1, "0", 1),
            bytes(16),
            SystemClock(),
            dial=self.dial,
            wanted=lambda: targets,
            tried=lambda peer, address, reached: None,
            admits=lambda peer: None,
            receive=self._receive,
            found=lambda peer: None,
            lost=lambda peer: None,
        )
        self.door = Door(
            self.listener,
            lambda: contexts,
            SystemClock(),
            knows=self.knows,
            accept=self.mesh.accept,
            app=Starlette(routes=[Route("/hello", _hello)]),
        )

    @property
    def address(self) -> tuple[str, int]:
        return self.listener.getsockname()

    def knows(self, subject: Subject) -> bool:
        return subject in self.certificates.known

    def _receive(self, link: Link, message: p.PeerMessage) -> None:
        self.heard.append((link.peer, message))
        self.news.set()


@asynccontextmanager
async def running(*sites: Site) -> AsyncIterator[None]:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for site in sites:
                nursery.start_soon(site.door.run)
                nursery.start_soon(site.mesh.run)
            yield
            nursery.cancel_scope.cancel()
    for site in sites:
        site.listener.close()


async def _linked(site: Site, peer: str) -> None:
    while peer not in site.mesh.links:
        await trio.sleep(0.01)


async def test_peers_speak_in_both_directions_over_one_stream() -> None:
    certificates = Certificates()
    voter = Site("v", certificates)
    gpu = Site("gpu-1", certificates, voter)
    async with running(voter, gpu):
        await _linked(voter, "gpu-1")
        await _linked(gpu, "v")
        voter.mesh.send("gpu-1", TimeoutNow(5))
        await gpu.news.wait()
        gpu.mesh.send("v", TimeoutNow(6))
        await voter.news.wait()
    assert gpu.heard == [("v", p.Consensus(TimeoutNow(5)))]
    assert voter.heard == [("gpu-1", p.Consensus(TimeoutNow(6)))]


async def test_a_revoked_key_and_a_wrong_name_are_refused() -> None:
    certificates = Certificates()
    voter = Site("v", certificates)
    late = certificates.contexts("gpu-1")
    certificates.known = {subject for subject in certificates.known if subject.node == "v"}
    async with running(voter):
        stream = await TlsDial(lambda: late, voter.knows)("v", voter.address)
        # TLS 1.3: the client hears of it with its first read.
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            assert await stream.receive_some(1) != b""
        await trio.aclose_forcefully(stream)
        assert voter.door.shown_out == 1
        with pytest.raises(LinkError, match="should be x, but is v"):
            await TlsDial(lambda: late, voter.knows)("x", voter.address)
        with pytest.raises(LinkError, match="not its member's"):
            await TlsDial(lambda: late, lambda subject: False)("v", voter.address)


async def test_an_expired_certificate_and_a_foreign_one_do_not_get_past_the_handshake() -> None:
    certificates = Certificates()
    voter = Site("v", certificates)
    expired = certificates.contexts("gpu-1", NOW - dt.timedelta(days=40))
    foreign = Certificates().contexts("gpu-1")
    async with running(voter):
        with pytest.raises(LinkError, match="certificate verify failed"):
            await TlsDial(lambda: foreign, lambda subject: True)("v", voter.address)
        stream = await TlsDial(lambda: expired, voter.knows)("v", voter.address)
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            assert await stream.receive_some(1) != b""
        await trio.aclose_forcefully(stream)
        while voter.door.shown_out < 2:
            await trio.sleep(0.01)


async def test_a_node_that_is_not_there_is_told_in_one_sentence() -> None:
    certificates = Certificates()
    voter = Site("v", certificates)
    voter.listener.close()
    contexts = certificates.contexts("a")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    with trio.fail_after(20), pytest.raises(LinkError, match="v cannot be reached at"):
        await TlsDial(lambda: contexts, lambda subject: True)("v", address)


async def test_https_is_answered_on_the_same_port() -> None:
    certificates = Certificates()
    voter = Site("v", certificates)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=pem_of(certificates.root.certificate).decode())
    host, port = voter.address
    async with running(voter), httpx.AsyncClient(verify=context) as client:
        answer = await client.get(f"https://{host}:{port}/hello")
        assert (answer.status_code, answer.text) == (200, "hello")
        # Garbage after a good handshake ends that connection only.
        stream = trio.SSLStream(await trio.open_tcp_stream(host, port), context)
        await stream.send_all(b"\x00\xff garbage \r\n\r\n" * 100)
        assert (await client.get(f"https://{host}:{port}/hello")).status_code == 200
        await trio.aclose_forcefully(stream)


async def test_whoever_says_nothing_holds_up_nobody() -> None:
    certificates = Certificates()
    voter = Site("v", certificates)
    gpu = Site("gpu-1", certificates, voter)
    async with running(voter, gpu):
        idle = [await trio.open_tcp_stream(*voter.address) for _ in range(20)]
        await _linked(gpu, "v")
        for stream in idle:
            await stream.aclose()
