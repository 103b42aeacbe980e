"""Nodes with real doors on loopback that hand out blobs, and a node that fetches from them."""

import hashlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio
from cluster_support import Ledger, able, life
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Reach
from ringrift.node.cluster.work import Kind
from ringrift.node.data.blobs import BlobStore
from ringrift.node.data.fetch import Fetcher
from ringrift.node.data.sources import Sources
from ringrift.node.net.blob_intake import BlobIntake, with_intake
from ringrift.node.net.blob_routes import BlobDesk, blob_route
from ringrift.node.net.guard import error_response
from ringrift.node.net.pki import Subject
from ringrift.node.net.tls import Contexts, Door
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.wire.join import Place
from tests.node.net.authority import Certificates


def content(number: int, size: int = 3_000_000) -> bytes:
    """Bytes that do not repeat, so that no part can pass for another."""
    return random.Random(number).randbytes(size)


def sha_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keep(store: BlobStore, data: bytes, sha256: str | None = None) -> str:
    """Put bytes into a store, under a hash that need not be theirs."""
    sha256 = sha256 or sha_of(data)
    path = store.path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return sha256


async def _no_peers(stream: trio.abc.Stream, peer: str) -> None:
    await trio.aclose_forcefully(stream)


class Home:
    """A node with a store and a door; `app` stands in for the desk where a test wants another."""

    def __init__(
        self, name: str, contexts: Contexts, town: "Town", app: ASGIApp | None = None
    ) -> None:
        self.name, self.contexts = name, contexts
        self.store = BlobStore(town.directory / name / "blobs")
        self.desk = BlobDesk(self.store, InThreads(4), SystemClock())
        self.intake = BlobIntake(self.store, InThreads(4), SystemClock(), 0)
        desk = Starlette(routes=[blob_route(self.desk)])
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.door = Door(
            self.listener,
            lambda: contexts,
            SystemClock(),
            knows=town.knows,
            accept=_no_peers,
            app=app or town.admitting(with_intake(desk, self.intake)),
        )

    @property
    def address(self) -> Place:
        return Place(*self.listener.getsockname())

    def url(self, sha256: str) -> str:
        return f"https://127.0.0.1:{self.address.port}/blobs/{sha256}"


@dataclass
class Town:
    """Homes, and the state that names them as members."""

    directory: Path
    certificates: Certificates = field(default_factory=Certificates)
    ledger: Ledger = field(default_factory=Ledger.founded)
    homes: list[Home] = field(default_factory=list[Home])

    def knows(self, subject: Subject) -> bool:
        return subject in self.certificates.known

    def admitting(self, app: ASGIApp) -> ASGIApp:
        """The app behind what stands in for `Admittance`."""

        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            subject = scope["state"]["subject"]
            if subject is None:
                await error_response(401, "this is for members")(scope, receive, send)
            elif not self.knows(subject):
                await error_response(403, f"{subject.node} is no member")(scope, receive, send)
            else:
                await app(scope, receive, send)

        return either

    def build(
        self, name: str, app: ASGIApp | None = None, kinds: tuple[Kind, ...] = ("selfplay",)
    ) -> Home:
        """A node that is a member and has a door."""
        home = Home(name, self.certificates.contexts(name), self, app)
        self.homes.append(home)
        self.joins(name, Reach(addresses=(home.address,)), kinds)
        return home

    def joins(self, name: str, reach: Reach, kinds: tuple[Kind, ...] = ("selfplay",)) -> None:
        said = life(abilities=able(kinds=kinds), reach=reach)
        self.ledger.do(c.JoinMember(node=name, name=name, life=said))

    def made(self, home: Home, data: bytes, *, kept: bytes | None = None) -> str:
        """Have a shard made and registered by a node, and kept there (as it is, or otherwise)."""
        sha256 = keep(home.store, data if kept is None else kept, sha_of(data))
        self.ledger.enter(0, 0, c.OpenSession(owner=home.name, boot=1))
        facts = self._facts(sha256, len(data))
        command = c.RegisterShard(item=4711, claim=1, shard=facts)
        self.ledger.enter(self.ledger.state.index, 1, command)
        assert self.ledger.state.shards.rows[sha256].maker == home.name
        return sha256

    def _facts(self, sha256: str, size: int) -> c.ShardFacts:
        return c.ShardFacts(
            sha256=sha256, bytes=size, config="hex8_2p", run_id=sha256[:32], first_game=0, games=1,
            decisions=9, full_rows=9, steps=9, source="untrained",
        )  # fmt: skip

    def fetcher(self, home: Home, knows: Callable[[Subject], bool] | None = None) -> Fetcher:
        return Fetcher(
            home.store,
            Sources(home.name),
            lambda: self.ledger.state,
            lambda: home.contexts.https,
            knows or self.knows,
            SystemClock(),
            InThreads(4),
            random.Random(1),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """All doors, for as long as a test may take."""
        with trio.fail_after(40):
            async with trio.open_nursery() as nursery:
                for home in self.homes:
                    nursery.start_soon(home.door.run)
                yield
                nursery.cancel_scope.cancel()

    def close(self) -> None:
        for home in self.homes:
            home.listener.close()
