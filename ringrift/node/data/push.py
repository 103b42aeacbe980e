"""Sends what this node makes to its anchors, when nobody can come for it."""

import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import httpx
import structlog

from ringrift.node.data.blobs import BlobStore
from ringrift.node.net.discovery.hints import Address
from ringrift.node.net.pki import answering
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.wire.views import Figure

BLOCK_BYTES = 256 * 1024
CONNECT_S, SILENCE_S = 5.0, 40.0
PAUSE_S, PULSE_S = 5.0, 1.0
TAKEN, ABSENT = (200, 201), 404

log: structlog.stdlib.BoundLogger = structlog.get_logger("blobs")


class Pusher:
    """`push` has a blob on one other node at least.

    `anchors()` says to whom and where to send it; `context` is the TLS of a client that speaks
    HTTP.
    """

    def __init__(
        self,
        store: BlobStore,
        anchors: Callable[[], Sequence[tuple[str, Address]]],
        context: Callable[[], ssl.SSLContext],
        clock: Clock,
        blocking: Blocking,
    ) -> None:
        self._store, self._anchors, self._context = store, anchors, context
        self._clock, self._blocking = clock, blocking
        self._counts: Counter[str] = Counter(pushed=0, refused=0)
        self.last_error = ""

    def figures(self) -> dict[str, Figure]:
        """Blobs that were taken, and attempts that were not."""
        return dict(self._counts)

    async def run(self, pulse: Pulse) -> None:
        """Say how it goes, until cancelled; a loop."""
        while True:
            said = self.last_error or "sending what is made here to the anchors"
            pulse.ran(self.figures(), said, well=not self.last_error)
            await self._clock.sleep(PULSE_S)

    async def push(self, sha256: str) -> None:
        """Send a blob to an anchor, trying one after the other for as long as it takes."""
        while True:
            for anchor, (host, port) in self._anchors():
                try:
                    self.last_error = await self._send(sha256, anchor, host, port)
                except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
                    self.last_error = f"{host}:{port} cannot be reached: {error!r}"
                if not self.last_error:
                    self._counts["pushed"] += 1
                    return
                self._counts["refused"] += 1
                log.info("a blob was not taken", sha256=sha256, reason=self.last_error)
            await self._clock.sleep(PAUSE_S)

    async def _send(self, sha256: str, anchor: str, host: str, port: int) -> str:
        """Send a blob to one anchor; return why it was not taken, empty when it was."""
        path = self._store.path(sha256)
        size = (await self._blocking(path.stat)).st_size
        url = httpx.URL(scheme="https", host=host, port=port, path=f"/blobs/{sha256}")
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        context = self._context()
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=timeout) as client:
            # Asked first: who refuses a body that it has not read breaks the connection off.
            answer = await client.head(url)
            subject = answering(answer.extensions)
            if subject is None or subject.node != anchor:
                return f"who answers at {host}:{port} is not {anchor}"
            if answer.status_code == ABSENT:
                answer = await client.put(
                    url, content=self._blocks(sha256), headers={"content-length": str(size)}
                )
        if answer.status_code in TAKEN:
            return ""
        return f"{host}:{port} answers {answer.status_code}: {answer.text[:300]}"

    async def _blocks(self, sha256: str) -> AsyncIterator[bytes]:
        with await self._blocking(partial(self._store.path(sha256).open, "rb")) as file:
            while block := await self._blocking(partial(file.read, BLOCK_BYTES)):
                yield block
