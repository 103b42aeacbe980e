"""What stands before every route: who may be asked for, how much may be sent, how errors look."""

from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringrift.wire.views import ErrorView

T = TypeVar("T")
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost"})


class RequestError(Exception):
    """A request that is refused with this status and this one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def error_response(status: int, sentence: str) -> Response:
    """Answer with an `ErrorView`."""
    return json_response(ErrorView(error=sentence), status)


def json_response(body: object, status: int = 200) -> Response:
    """Answer with a struct as JSON."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def decoded(decoder: msgspec.json.Decoder[T], body: bytes, what: str) -> T:
    """Read a body; raises `RequestError`, saying that it is no `what`."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RequestError(400, f"the body is no {what}: {reason}") from error


class Guard:
    """Refuses foreign hosts, foreign origins and long bodies before a route sees them.

    A page in a browser can send requests to loopback under a name of its own (DNS rebinding) or
    from its own origin; neither is somebody who was invited here.

    Not `local`, for what is served over mutual TLS: a node is reached there under addresses that it
    need not know, and no browser gets past the handshake under a name of its choice, since no
    certificate of a cluster bears one. So any host will do; an origin is refused whatever it is.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, *, local: bool = True) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            check_head(Headers(scope=scope), self._max_body_bytes, local=self._local)
        except RequestError as error:
            await error_response(error.status, str(error))(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body_bytes:
                raise RequestError(413, _too_long(self._max_body_bytes))
            return message

        await self._app(scope, bounded, send)


def check_head(headers: Headers, max_body_bytes: int, *, local: bool) -> None:
    """Raise `RequestError` for a request whose head alone is reason enough to refuse it."""
    host = headers.get("host", "")
    if local and _name_in(f"//{host}") not in LOCAL_HOSTS:
        raise RequestError(403, f"host {host[:80]!r} is not this node; use 127.0.0.1 or localhost")
    if _name_in(f"//{host}") is None:
        raise RequestError(400, f"host {host[:80]!r} is no address")
    origin = headers.get("origin")
    if origin is not None and not (local and _name_in(origin) in LOCAL_HOSTS):
        raise RequestError(403, f"origin {origin[:80]!r} may not ask this node")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise RequestError(400, f"content-length {length[:20]!r} is no number")
    if int(length) > max_body_bytes:
        raise RequestError(413, _too_long(max_body_bytes))


def one_integer(
    values: Iterable[str], name: str, *, default: int | None, low: int, high: int
) -> int | None:
    """Read a query parameter given at most once; raises `RequestError` naming it."""
    given = list(values)
    if not given:
        return default
    text = given[0]
    if len(given) > 1 or not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise RequestError(400, f"{name} must be one number from {low} to {high}")
    if not low <= int(text) <= high:
        raise RequestError(400, f"{name} must be from {low} to {high}, not {text}")
    return int(text)


def _name_in(url: str) -> str | None:
    """The host that a URL names, None when it names none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no port
    except ValueError:
        return None
    return parts.hostname


def _too_long(max_body_bytes: int) -> str:
    return f"the body is too long; at most {max_body_bytes} bytes are read"
