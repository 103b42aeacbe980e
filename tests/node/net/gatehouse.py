"""A voter of one with its real door on loopback, and guests of every kind before it."""

import datetime as dt
import hashlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import trio
from alone import alone
from cluster_support import joins
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Reach, Role
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.voter import Voter
from ringrift.node.data.blobs import BlobStore
from ringrift.node.founding import found_cluster
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.net.actions import Operators
from ringrift.node.net.admittance import Admittance
from ringrift.node.net.blob_intake import BlobIntake, with_intake
from ringrift.node.net.blob_routes import BlobDesk, blob_route
from ringrift.node.net.joining import Doorkeeper, join_route
from ringrift.node.net.reissuing import renew_route
from ringrift.node.net.rights import forbidden
from ringrift.node.net.routes import acting_route, guarded, looking_routes
from ringrift.node.net.signing import Signing
from ringrift.node.peers import Peers, Spot
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.paths import NodePaths
from ringrift.node.runtime.settings import PipelineSettings
from ringrift.wire.actions import ActionRequest
from ringrift.wire.views import EventView, Figure
from tests.node.net.authority import NOW
from tests.node.net.test_routes import Fixed
from tests.node.net.test_switchboard import Here

MAX_BODY = 10_000


class Pulse:
    """What a loop reports, for tests to look at."""

    def __init__(self) -> None:
        self.figures: dict[str, Figure] = {}
        self.reason, self.well = "", True

    def ready(self, reason: str = "") -> None:
        self.reason = reason

    def ran(self, figures: dict[str, Figure], reason: str = "", *, well: bool = True) -> None:
        self.figures, self.reason, self.well = figures, reason, well


@dataclass(frozen=True)
class Guest:
    """Somebody with a certificate."""

    id: str
    key: pki.PrivateKey
    chain: bytes
    root: bytes

    def context(self, alpn: str = pki.ALPN_HTTP) -> ssl.SSLContext:
        root = pki.read_certificates(self.root)[0]
        key = pki.key_pem(self.key)
        return pki.tls_context(server=False, root=root, chain=self.chain, key=key, alpn=alpn)

    def keep(self, data: Path) -> Path:
        """Put the credentials where `ringrift join` would."""
        tls = data / "tls"
        tls.mkdir(parents=True)
        own.put(tls / own.ROOT, self.root)
        own.put(tls / own.KEY, pki.key_pem(self.key))
        own.put(tls / own.CHAIN, self.chain)
        return data


class Gatehouse:
    """The node, and what a test does to it."""

    def __init__(self, paths: NodePaths, voter: Voter, credentials: own.Credentials) -> None:
        self.voter, self.credentials, self.paths = voter, credentials, paths
        self.propose = Proposer(voter, voter.node_id, 1).propose
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.now: Callable[[], dt.datetime] = lambda: NOW
        self.events: EventBus[EventView] = EventBus(10)
        self.links, self.door = Pulse(), Pulse()
        self.asked: list[tuple[ActionRequest, str | None]] = []

    async def open(self, nursery: trio.Nursery, identity, contexts) -> None:  # type: ignore[no-untyped-def]
        voter, clock = self.voter, SystemClock()
        self.peers = Peers(
            identity, self.credentials, contexts, {}, Spot("127.0.0.1", self.port, Reach()), clock
        )
        self.peers.attach(lambda: voter.state, lambda: voter.leader_id is None)
        self.peers.board.connect_voter(voter, Here(voter), partial(self._forbids))
        store = BlobStore(self.paths.blobs)
        intake = BlobIntake(store, InThreads(4), clock, 0)
        inside = with_intake(self._inside(clock), intake)
        self.app = Admittance(inside, lambda: voter.state, clock)
        await self.propose(replace(joins(voter.node_id), key=self.credentials.subject.fingerprint))
        nursery.start_soon(self.peers.run_links, self.links)
        nursery.start_soon(self.peers.run_door, self.door, self.app)
        while not self.door.figures:
            await trio.sleep(0.01)

    def _forbids(self, peer: str, session: int, command: c.Command) -> str | None:
        return forbidden(self.voter.state, peer, session, command)

    def _inside(self, clock: SystemClock):  # type: ignore[no-untyped-def]
        state, node = (lambda: self.voter.state), self.voter.node_id
        credentials = lambda: self.credentials  # noqa: E731
        now = lambda: self.now()  # noqa: E731
        signing = Signing(node, credentials, now)
        keeper = Doorkeeper(signing, "ab" * 16, state, self.propose)
        desk = BlobDesk(BlobStore(self.paths.blobs), InThreads(4), clock)
        operators = Operators(state, self.propose, node, self._invite, PipelineSettings(), clock)
        looking = looking_routes(Fixed(), self.events, self._recent, CollectorRegistry())
        inside = [
            join_route(keeper, clock.now),
            renew_route(signing, state),
            blob_route(desk),
            *looking,
            acting_route(operators.act),
        ]
        return guarded(inside, MAX_BODY, local=False)

    async def _recent(self, limit: int, after: int | None) -> tuple[EventView, ...]:
        return ()

    def _invite(self) -> tuple[str, str]:
        return secrets.token_hex(32), "rr1.word"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def guest(self, name: str, now: dt.datetime = NOW, *, serves: bool = True) -> Guest:
        """Somebody whom this cluster gave a certificate, and nothing more."""
        assert self.credentials.signer is not None
        signer, key = self.credentials.signer, pki.new_key()
        certificate = pki.issue_node(signer, name, key.public_key(), now, serves=serves)
        chain = pki.pem_of(certificate, signer.certificate)
        return Guest(name, key, chain, pki.pem_of(self.credentials.root))

    async def admit(self, name: str, role: Role, now: dt.datetime = NOW) -> Guest:
        """A member."""
        guest = self.guest(name, now, serves=role in ("node", "voter"))
        token, key = secrets.token_hex(32), pki.fingerprint(guest.key.public_key())
        me = self.voter.node_id
        await self.propose(c.CreateToken(token=token, role=role, lifetime_s=600, by=me))
        await self.propose(c.AdmitMember(token=token, member=name, name=name, key=key, by=me))
        assert self.voter.state.members.rows[name].role == role
        if role in ("node", "voter"):
            # Somebody who is dialled, in vain: there is nobody at its address.
            await self.propose(replace(joins(name), key=key))
        return guest

    async def token(self, role: Role = "node") -> bytes:
        """The secret of a new token."""
        secret = secrets.token_bytes(32)
        digest = hashlib.sha256(secret).hexdigest()
        me = self.voter.node_id
        await self.propose(c.CreateToken(token=digest, role=role, lifetime_s=600, by=me))
        return secret

    def anonymous(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=pki.pem_of(self.credentials.root).decode())
        return context

    @asynccontextmanager
    async def client(self, who: Guest | None) -> AsyncIterator[httpx.AsyncClient]:
        context = self.anonymous() if who is None else who.context()
        async with httpx.AsyncClient(
            verify=context, base_url=self.url, trust_env=False, timeout=20
        ) as one:
            yield one

    async def stream(self, who: Guest | None, alpn: str) -> trio.SSLStream[trio.SocketStream]:
        """A connection after its handshake, to be misused."""
        context = self.anonymous() if who is None else who.context(alpn)
        context.set_alpn_protocols([alpn])
        plain = await trio.open_tcp_stream("127.0.0.1", self.port)
        stream = trio.SSLStream(plain, context)
        await stream.do_handshake()
        return stream

    async def quiet(self) -> None:
        """Wait until nobody is connected any more."""
        await trio.sleep(1.1)  # so that the figures are newer than what the test did
        while self.door.figures["open"] or self.peers.linked() or self.app.under_way:
            await trio.sleep(0.05)


@asynccontextmanager
async def gatehouse(tmp_path: Path, limit_s: float = 60) -> AsyncIterator[Gatehouse]:
    """A founded cluster of one, whose door is open."""
    paths = NodePaths(tmp_path / "first")
    paths.data.mkdir(parents=True)
    identity = found_cluster(
        paths, "first", "local", lambda n: "ab" * (n // 2), NOW, lambda root: None
    )
    credentials = own.read(paths.tls)
    assert credentials is not None
    with trio.fail_after(limit_s):
        async with trio.open_nursery() as nursery:
            voter = await alone(
                RealDisk(paths.log), SystemClock(), InThreads(1),
                node_id=identity.node_id, incarnation=identity.incarnation,
            )  # fmt: skip
            await nursery.start(voter.run)
            here = Gatehouse(paths, voter, credentials)
            await here.open(nursery, identity, credentials.contexts())
            yield here
            nursery.cancel_scope.cancel()
