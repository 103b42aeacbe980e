"""The operator's HTTP client: what a node shows, what may be asked of it, its stream of events.

A node is addressed by its Unix socket (a path; acting is possible), by a loopback URL (looking
only), or as a `Remote` (as whoever its credentials are of). `Client` is for plain programs,
`AsyncClient` is the same under asyncio or trio; everything that decides something is shared between
them. Every failure is a `ClientError` whose text is one sentence for people.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypedDict, TypeVar, Unpack

import httpx
import msgspec

from ringrift.remote import CredentialsError, tls_context
from ringrift.remote import Remote as Remote
from ringrift.wire.actions import ActionReply, ActionRequest
from ringrift.wire.join import JoinReply, JoinRequest, Place, RenewReply, RenewRequest, Token
from ringrift.wire.views import (
    ErrorView,
    EventsView,
    EventView,
    ModelsView,
    SentinelView,
    StatusView,
)

MAX_BODY_BYTES: Final = 16 << 20
MAX_EVENT_BYTES: Final = 64 << 10
MAX_PORT: Final = 65_535
MAX_SOCKET_PATH_BYTES: Final = 107  # sun_path of Linux, less its final zero
SOCKET_NAME: Final = "node.sock"
STREAM_SILENCE_S: Final = 60.0

Address = Path | str | Remote
T = TypeVar("T")
Params = dict[str, str | int]

_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_JOIN_TIMEOUT = httpx.Timeout(15.0, connect=3.0)
_BUSY = (429, 503)
_STREAM_TIMEOUT = httpx.Timeout(5.0, connect=2.0, read=STREAM_SILENCE_S)
_HEADERS = {"accept-encoding": "identity"}  # so that the bound on a body is a bound on memory
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Asked(TypedDict, total=False):
    """What goes with a request, in httpx's words."""

    params: Params
    content: bytes
    timeout: httpx.Timeout


class ClientError(Exception):
    """Talking to a node failed; the text is one sentence that says what to do."""


class AddressError(ClientError):
    """What was given as a node's address cannot be one; nothing was asked."""


class NotRunningError(ClientError):
    """Nothing answers at the address."""


class RefusedError(ClientError):
    """The node understood and refused; the text is its own sentence."""


class UnreadableAnswerError(ClientError):
    """The node answered with something this version cannot read."""


def socket_of(data: Path) -> Path:
    """The Unix socket of the node that lives in this data directory."""
    return data / SOCKET_NAME


def ask_to_join(token: Token, wish: JoinRequest) -> JoinReply:
    """Knock where the token says until a voter answers; see `wire.join`.

    Raises RefusedError with the cluster's own sentence, and NotRunningError when nobody answers.
    """
    context = tls_context()
    context.load_verify_locations(cadata=token.root)
    urls = [url_of(place) for place in token.places]
    return _ask_around(context, urls, "/join", msgspec.json.encode(wish), JoinReply)


def url_of(place: Place) -> str:
    """Where the peers' port of a node is."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return f"https://{host}:{place.port}"


def ask_to_renew(remote: Remote, places: Sequence[Place], wish: RenewRequest) -> RenewReply:
    """Have credentials renewed, by the remote node or at other places; raises ClientError."""
    urls = [remote.url, *map(url_of, places)]
    return _ask_around(_trust(remote), urls, "/renew", msgspec.json.encode(wish), RenewReply)


def _ask_around(
    context: ssl.SSLContext | bool, urls: Sequence[str], path: str, body: bytes, kind: type[T]
) -> T:
    problems: list[str] = []
    with httpx.Client(
        verify=context, timeout=_JOIN_TIMEOUT, headers=_HEADERS, trust_env=False
    ) as http:
        for url in urls:
            try:
                answer = http.post(f"{url}{path}", content=body)
            except httpx.TransportError as error:
                problems.append(f"{url} ({error})")
                continue
            if answer.status_code in _BUSY:
                problems.append(f"{url} (busy, without a leader, or no voter that signs)")
                continue
            return _answer(answer.status_code, answer.content, kind)
    raise NotRunningError(f"No voter answers that now; asked {'; '.join(problems)}.")


class EventParser:
    """Server-sent events, bytes in and `EventView`s out; holds at most one unfinished event."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[EventView]:
        """Take what arrived; return the events it completed. Raises UnreadableAnswerError."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise UnreadableAnswerError(
                f"An event of the node is longer than {MAX_EVENT_BYTES} bytes."
            )
        bodies = (line.rstrip(b"\r")[5:].strip() for line in lines if line.startswith(b"data:"))
        return [_decode(body, EventView) for body in bodies if body]


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except _UNREADABLE as error:
        raise UnreadableAnswerError(
            f"The node's answer is no {kind.__name__} of this version ({error}); "
            "run the same ringrift on both sides."
        ) from error


def _answer(status: int, body: bytes, kind: type[T]) -> T:
    if status < 400:
        return _decode(body, kind)
    try:
        sentence = msgspec.json.decode(body, type=ErrorView).error
    except _UNREADABLE:
        sentence = f"The node answered with HTTP status {status} and no reason."
    raise RefusedError(sentence)


def _failure(error: httpx.TransportError, address: Address) -> ClientError:
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return NotRunningError(f"The node at {address} took the call but did not answer in 5 s.")
    if isinstance(address, Remote):
        if why := address.why(error):
            return ClientError(why)
        if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return ClientError(address.hung_up())
        return NotRunningError(
            f"No node answers at {address}; `ringrift members` says where nodes are."
        )
    return NotRunningError(f"No node answers at {address}; start one with `ringrift up`.")


def _trust(address: Address) -> ssl.SSLContext | bool:
    """What is trusted at an address; raises ClientError without credentials that can be used."""
    if not isinstance(address, Remote):
        return True
    try:
        return address.context()
    except CredentialsError as error:
        raise ClientError(str(error)) from error


def _check_peer(response: httpx.Response, address: Address) -> None:
    if isinstance(address, Remote):
        try:
            address.check(response.extensions["network_stream"].get_extra_info("ssl_object"))
        except CredentialsError as error:
            raise ClientError(str(error)) from error


def _checked(address: Address) -> Address:
    if isinstance(address, Path):
        if len(str(address).encode()) > MAX_SOCKET_PATH_BYTES:
            raise AddressError(
                f"The socket path {address} is longer than {MAX_SOCKET_PATH_BYTES} bytes; "
                "choose a shorter data directory with --data."
            )
    elif not _is_url(str(address)):
        raise AddressError(
            f"{str(address)!r} is no address: give a path, http://127.0.0.1:8770 or https://HOST:8775."
        )
    return address


def _is_url(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and (url.port or 0) <= MAX_PORT


def _base_url(address: Address) -> str:
    return "http://localhost" if isinstance(address, Path) else str(address)


def _grown(body: bytearray, chunk: bytes) -> None:
    body += chunk
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableAnswerError(f"The node's answer is longer than {MAX_BODY_BYTES >> 20} MiB.")


def _events_params(limit: int, after: int | None) -> Params:
    return {"limit": limit} if after is None else {"limit": limit, "after": after}


class Client:
    """A node's operator interface for plain programs; closes with `with` or `close()`."""

    def __init__(self, address: Address) -> None:
        self.address = _checked(address)
        uds = str(address) if isinstance(address, Path) else None
        self._http = httpx.Client(
            base_url=_base_url(address),
            transport=httpx.HTTPTransport(verify=_trust(address), uds=uds),
            timeout=_TIMEOUT,
            headers=_HEADERS,
            trust_env=False,
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def status(self) -> StatusView:
        return self._call("GET", "/status", StatusView)

    def models(self) -> ModelsView:
        return self._call("GET", "/models", ModelsView)

    def recent_events(self, limit: int = 100, after: int | None = None) -> tuple[EventView, ...]:
        """The newest recorded events, oldest first; with `after`, those of a higher seq only."""
        params = _events_params(limit, after)
        return self._call("GET", "/events/recent", EventsView, params=params).events

    def act(self, request: ActionRequest) -> ActionReply:
        """Ask for a change of desired state; needs the Unix socket, or an operator."""
        content = msgspec.json.encode(request)
        return self._call("POST", "/actions", ActionReply, content=content)

    def snapshot(self) -> Iterator[bytes]:
        """The whole state as a snapshot file, piece by piece; needs the Unix socket.

        A node that ends in the middle of it raises NotRunningError.
        """
        with self._stream("GET", "/snapshot", timeout=_STREAM_TIMEOUT) as response:
            if response.status_code >= 400:
                _answer(response.status_code, self._body(response), StatusView)
            yield from response.iter_raw()

    def sentinel(self) -> SentinelView:
        """The sentinel's status; only where the address is the sentinel's own URL."""
        return self._call("GET", "/status", SentinelView)

    def events(self) -> Iterator[EventView]:
        """Events as they happen, until the node closes the stream or is silent for a minute."""
        parser = EventParser()
        with self._stream("GET", "/events", timeout=_STREAM_TIMEOUT) as response:
            if response.status_code >= 400:
                _answer(response.status_code, self._body(response), EventView)
            try:
                for chunk in response.iter_raw():
                    yield from parser.feed(chunk)
            except (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError):
                return

    @contextmanager
    def _stream(self, method: str, path: str, **asked: Unpack[_Asked]) -> Generator[httpx.Response]:
        try:
            with self._http.stream(method, path, **asked) as response:
                _check_peer(response, self.address)
                yield response
        except httpx.TransportError as error:
            raise _failure(error, self.address) from error

    def _call(self, method: str, path: str, kind: type[T], **asked: Unpack[_Asked]) -> T:
        with self._stream(method, path, **asked) as response:
            body = self._body(response)
        return _answer(response.status_code, body, kind)

    def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            _grown(body, chunk)
        return bytes(body)


class AsyncClient:
    """`Client` for asyncio and trio; closes with `async with` or `aclose()`."""

    def __init__(self, address: Address) -> None:
        self.address = _checked(address)
        uds = str(address) if isinstance(address, Path) else None
        self._http = httpx.AsyncClient(
            base_url=_base_url(address),
            transport=httpx.AsyncHTTPTransport(verify=_trust(address), uds=uds),
            timeout=_TIMEOUT,
            headers=_HEADERS,
            trust_env=False,
        )

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def status(self) -> StatusView:
        return await self._call("GET", "/status", StatusView)

    async def models(self) -> ModelsView:
        return await self._call("GET", "/models", ModelsView)

    async def recent_events(
        self, limit: int = 100, after: int | None = None
    ) -> tuple[EventView, ...]:
        """The newest recorded events, oldest first; with `after`, those of a higher seq only."""
        params = _events_params(limit, after)
        return (await self._call("GET", "/events/recent", EventsView, params=params)).events

    async def act(self, request: ActionRequest) -> ActionReply:
        """Ask for a change of desired state; needs the Unix socket, or an operator."""
        content = msgspec.json.encode(request)
        return await self._call("POST", "/actions", ActionReply, content=content)

    async def events(self) -> AsyncIterator[EventView]:
        """Events as they happen, until the node closes the stream or is silent for a minute."""
        parser = EventParser()
        async with self._stream("GET", "/events", timeout=_STREAM_TIMEOUT) as response:
            if response.status_code >= 400:
                _answer(response.status_code, await self._body(response), EventView)
            try:
                async for chunk in response.aiter_raw():
                    for event in parser.feed(chunk):
                        yield event
            except (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError):
                return

    @asynccontextmanager
    async def _stream(
        self, method: str, path: str, **asked: Unpack[_Asked]
    ) -> AsyncGenerator[httpx.Response]:
        try:
            async with self._http.stream(method, path, **asked) as response:
                _check_peer(response, self.address)
                yield response
        except httpx.TransportError as error:
            raise _failure(error, self.address) from error

    async def _call(self, method: str, path: str, kind: type[T], **asked: Unpack[_Asked]) -> T:
        async with self._stream(method, path, **asked) as response:
            body = await self._body(response)
        return _answer(response.status_code, body, kind)

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            _grown(body, chunk)
        return bytes(body)
