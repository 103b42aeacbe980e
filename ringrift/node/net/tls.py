"""Streams to and from other machines: mutual TLS for peers, HTTPS for operators and those who join.

One port serves both; the protocol is agreed in the handshake (ALPN). A peer without a certificate
of this cluster does not get past it; whether the one it has still counts, the member record says.
"""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import cast

import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework
from starlette.types import ASGIApp

from ringrift.node.net.link import LinkError
from ringrift.node.net.mesh import Address
from ringrift.node.net.pki import ALPN_PEER, Subject, subject_in
from ringrift.node.net.safe_server import SafeTCPServer, quiet_config
from ringrift.node.runtime.clock import Clock

HANDSHAKE_S = 10.0
MAX_CONNECTIONS = 512
"""Streams that may be open at once, those in their handshake included."""

TlsStream = trio.SSLStream[trio.SocketStream]
log: structlog.stdlib.BoundLogger = structlog.get_logger("tls")


@dataclass(frozen=True, slots=True)
class Contexts:
    """What this node shows and asks for: as a server, as a client of peers, as one of HTTPS.

    The last is a context of its own, since httpx writes its protocols into whatever it is given.
    """

    server: ssl.SSLContext
    client: ssl.SSLContext
    https: ssl.SSLContext


class TlsDial:
    """Dials peers; renewed certificates take effect with the next stream."""

    def __init__(self, contexts: Callable[[], Contexts], knows: Callable[[Subject], bool]) -> None:
        self._contexts, self._knows = contexts, knows

    async def __call__(self, peer: str, address: Address, /) -> trio.abc.Stream:
        """See `mesh.Dial`."""
        stream, subject = await self._open(peer, address)
        if subject.node != peer:
            await trio.aclose_forcefully(stream)
            host, port = address
            raise LinkError(f"{host}:{port} should be {peer}, but is {subject.node}.")
        return stream

    async def who(self, address: Address) -> str:
        """The node of this cluster at an address; raises LinkError when there is none."""
        stream, subject = await self._open("whoever is there", address)
        await trio.aclose_forcefully(stream)
        return subject.node

    async def _open(self, peer: str, address: Address) -> tuple[TlsStream, Subject]:
        """Reach a node of this cluster."""
        host, port = address
        try:
            plain = await trio.open_tcp_stream(host, port)
        except OSError as error:
            raise LinkError(f"{peer} cannot be reached at {host}:{port}: {error}") from error
        stream: TlsStream = trio.SSLStream(plain, self._contexts().client)
        try:
            await stream.do_handshake()
            return stream, self._known(stream, f"{host}:{port}")
        except trio.BrokenResourceError as error:
            await trio.aclose_forcefully(plain)
            raise LinkError(
                f"{peer} at {host}:{port} does not shake hands: {error.__cause__ or error}"
            ) from error
        except BaseException:
            await trio.aclose_forcefully(plain)
            raise

    def _known(self, stream: TlsStream, place: str) -> Subject:
        subject = _subject(stream)
        if subject is None:
            raise LinkError(f"{place} shows a certificate that names no node.")
        if not self._knows(subject):
            raise LinkError(f"{subject.node} at {place} has a key that is not its member's.")
        if stream.selected_alpn_protocol() != ALPN_PEER:
            raise LinkError(f"{subject.node} at {place} does not speak {ALPN_PEER}.")
        return subject


class Door:
    """Accepts streams on a bound, listening socket.

    `accept(stream, peer)` takes those of peers that `knows` their certificate's subject, `app`
    answers HTTP. Everybody else is shown out. The app finds in `request.state` the `subject` of the
    verified certificate (None without one), and `hang_up`, which ends the connection at once.
    """

    def __init__(
        self,
        listener: socket,
        contexts: Callable[[], Contexts],
        clock: Clock,
        *,
        knows: Callable[[Subject], bool],
        accept: Callable[[trio.abc.Stream, str], Awaitable[None]],
        app: ASGIApp,
    ) -> None:
        self.open = self.shown_out = 0
        self._listener, self._contexts, self._clock = listener, contexts, clock
        self._knows, self._accept = knows, accept
        self._app = ASGIWrapper(cast("ASGIFramework", app))
        self._config = quiet_config()

    async def run(self) -> None:
        """Accept until cancelled."""
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._listener))
        await trio.serve_listeners(self._serve, [listener])

    async def _serve(self, plain: trio.SocketStream) -> None:
        self.open += 1
        try:
            if self.open > MAX_CONNECTIONS:
                self.shown_out += 1
                await trio.aclose_forcefully(plain)
                return
            stream: TlsStream = trio.SSLStream(plain, self._contexts().server, server_side=True)
            if not await self._shake_hands(stream):
                self.shown_out += 1
                await trio.aclose_forcefully(stream)
                return
            await self._let_in(stream)
        finally:
            self.open -= 1

    async def _shake_hands(self, stream: TlsStream) -> bool:
        with self._clock.at_most(HANDSHAKE_S):
            try:
                await stream.do_handshake()
            except (trio.BrokenResourceError, OSError) as error:
                log.debug("a handshake failed", reason=str(error.__cause__ or error)[:300])
                return False
            return True
        return False

    async def _let_in(self, stream: TlsStream) -> None:
        subject = _subject(stream)
        if stream.selected_alpn_protocol() != ALPN_PEER:
            state = {"subject": subject, "hang_up": partial(trio.aclose_forcefully, stream)}
            await SafeTCPServer(self._app, self._config, WorkerContext(None), state, stream).run()
            return
        if subject is None or not self._knows(subject):
            self.shown_out += 1
            await trio.aclose_forcefully(stream)
            return
        await self._accept(stream, subject.node)


def _subject(stream: TlsStream) -> Subject | None:
    return subject_in(stream.getpeercert(binary_form=True))
