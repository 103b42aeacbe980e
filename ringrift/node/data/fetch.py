"""Drives the fetching of blobs from other nodes: `await fetcher.fetch(sha256)`, and it is here.

Every blob is asked of one node after the other until its bytes have the hash asked for. Who ask for
the same blob at once share one transfer.
"""

import random
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import structlog
import trio

from ringrift.node.cluster.state import ClusterState
from ringrift.node.data.blobs import BlobError, BlobStore, is_sha256
from ringrift.node.data.incoming import Incoming
from ringrift.node.data.receiving import Fault, Receiving, SourceError
from ringrift.node.data.sources import Sources, origin_of
from ringrift.node.net.pki import Subject
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.wire.views import Figure

MOST_AT_ONCE = 4
MOST_BYTES = 1 << 30
"""Longest blob that is taken when nobody knows how long it is."""
CONNECT_S, SILENCE_S, CLOSE_S, PULSE_S = 5.0, 20.0, 1.0, 1.0
AGAIN_S: dict[Fault, float] = {"busy": 120.0, "unreachable": 10.0, "lacks": 0.0, "wrong": 0.0}
"""For how long a blob is asked again of a node that did not send it, by what was wrong."""
AGAIN_PAUSE_S = 1.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("blobs")


@dataclass(slots=True)
class Transfer:
    """A blob on its way: ended without an error it is here, or whoever fetched it was stopped."""

    error: str | None = None
    ended: trio.Event = field(default_factory=trio.Event)


class Fetcher:
    """Fetches what is not here.

    `context` is the TLS of a client that speaks HTTP; `knows(subject)` says whether a certificate
    is that of a member, as with streams of peers.
    """

    def __init__(
        self,
        store: BlobStore,
        sources: Sources,
        state: Callable[[], ClusterState],
        context: Callable[[], ssl.SSLContext],
        knows: Callable[[Subject], bool],
        clock: Clock,
        blocking: Blocking,
        rng: random.Random,
    ) -> None:
        self._store, self._sources, self._state = store, sources, state
        self._context, self._knows = context, knows
        self._clock, self._blocking, self._rng = clock, blocking, rng
        self._room = trio.CapacityLimiter(MOST_AT_ONCE)
        self._clearing, self._cleared = trio.Lock(), False
        self._transfers: dict[str, Transfer] = {}
        self._client: httpx.AsyncClient | None = None
        self._users = 0
        self._counts: Counter[str] = Counter(fetched=0, bytes=0, resumed=0, failed=0)
        self._last_error = ""

    def figures(self) -> dict[str, Figure]:
        """Blobs and bytes that came, connections that broke and were resumed, blobs that failed."""
        return {"under_way": len(self._transfers), **self._counts}

    async def run(self, pulse: Pulse) -> None:
        """Clear what an earlier life left half received, then say how it goes; a loop."""
        await self._clear()
        while True:
            pulse.ran(self.figures(), self._last_error or "fetching what is asked for")
            await self._clock.sleep(PULSE_S)

    async def fetch(self, sha256: str) -> Path:
        """Have a blob here; returns its path.

        Raises `BlobError` when no node sends it, naming how many were asked, or when this node's
        disk does not take it.
        """
        while (transfer := self._transfers.get(sha256)) is not None:
            await transfer.ended.wait()
            if transfer.error is not None:
                raise BlobError(transfer.error)
        transfer = self._transfers[sha256] = Transfer()
        try:
            return await self._bring(sha256)
        except BlobError as error:
            transfer.error = self._last_error = str(error)
            self._counts["failed"] += 1
            raise
        finally:
            del self._transfers[sha256]
            transfer.ended.set()

    async def _bring(self, sha256: str) -> Path:
        if not is_sha256(sha256):
            raise BlobError(f"{sha256[:80]!r} is no sha256 of 64 hex digits")
        await self._clear()
        if await self._blocking(lambda: self._store.has(sha256)):
            return self._store.path(sha256)
        size = origin_of(self._state(), sha256).bytes
        async with self._connected() as client, self._room:
            try:
                return await self._receive(client, sha256, size)
            except OSError as error:
                raise BlobError(f"the file {sha256} cannot be kept: {error.strerror}") from error

    async def _receive(self, client: httpx.AsyncClient, sha256: str, size: int | None) -> Path:
        most = MOST_BYTES if size is None else size
        incoming = await self._blocking(lambda: Incoming(self._store, sha256, most))
        receiving = Receiving(client, self._knows, self._blocking, incoming, sha256, size)
        try:
            path = await self._ask_around(receiving)
        finally:
            self._counts["resumed"] += receiving.resumed
            with trio.CancelScope(shield=True):
                await self._blocking(incoming.discard)
        self._counts["fetched"] += 1
        self._counts["bytes"] += incoming.received
        self._last_error = ""
        return path

    async def _ask_around(self, receiving: Receiving) -> Path:
        """Ask one node after the other, and those that may only need a while again."""
        sha256, begun = receiving.sha256, self._clock.now()
        until: dict[str, float] = {}
        reason = ""
        while True:
            now = self._clock.now()
            for source in self._sources.order(self._state(), sha256, now, self._rng):
                if until.get(source.node, now) < now:
                    continue
                try:
                    return await receiving.from_node(source)
                except SourceError as error:
                    reason = f"{source.node}: {error}"
                    until[source.node] = begun + AGAIN_S[error.fault]
                    self._note(source.node, sha256, error)
            if max(until.values(), default=now) <= self._clock.now():
                break
            await self._clock.sleep(AGAIN_PAUSE_S * self._rng.uniform(0.5, 1.5))
        if not until:
            raise BlobError(f"the file {sha256} is not here, and no node can be asked for it")
        many = "1 node" if len(until) == 1 else f"{len(until)} nodes"
        raise BlobError(f"the file {sha256} did not come from the {many} asked ({reason})")

    def _note(self, node: str, sha256: str, error: SourceError) -> None:
        # Where the maker cannot be asked, most of the others have not got it: that is no news.
        say = log.debug if error.fault in ("lacks", "busy") else log.info
        say("a node sent no blob", node=node, sha256=sha256, reason=str(error))
        if error.fault == "lacks":
            self._sources.lacked(node, sha256, self._clock.now())
        elif error.fault != "busy":
            self._sources.failed(node, self._clock.now())

    async def _clear(self) -> None:
        async with self._clearing:
            if not self._cleared:
                await self._blocking(self._store.clear_arriving)
                self._cleared = True

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """One client for all that is fetched at a time: renewed certificates come with the next."""
        if self._client is None:
            timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S, pool=None)
            self._client = httpx.AsyncClient(
                verify=self._context(), trust_env=False, timeout=timeout
            )
        client = self._client
        self._users += 1
        try:
            yield client
        finally:
            self._users -= 1
            if self._users == 0:
                self._client = None
                with trio.CancelScope(shield=True), self._clock.at_most(CLOSE_S):
                    await client.aclose()
