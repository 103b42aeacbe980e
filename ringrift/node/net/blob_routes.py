"""Blobs for other nodes: `GET /blobs/{sha256}` at the peers' port, behind `Admittance`.

A file goes out in blocks that are read off the event loop, so it is never in memory as a whole. A
transfer ends when its member leaves, or takes nothing for a while.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from os import fstat
from typing import BinaryIO

import structlog
import trio
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ringrift.node.data.blobs import BlobStore, is_sha256
from ringrift.node.net.guard import RequestError, error_response
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock

MOST_TRANSFERS = 8
"""Blobs that leave at once; whoever comes then is asked to come back."""
RETRY_AFTER_S = 1
BLOCK_BYTES = 256 * 1024
STALLED_S = 30.0
"""A transfer of which not a block was taken for this long is ended: it keeps others waiting."""
MOST_DIGITS = 18

log: structlog.stdlib.BoundLogger = structlog.get_logger("blobs")


@dataclass(slots=True)
class Transfer:
    """One blob on its way out: where it is read, how much of it is to go, and how it is ended."""

    file: BinaryIO
    left: int
    hang_up: Callable[[], Awaitable[None]]


class BlobDesk:
    """Hands out blobs over HTTPS; an ASGI endpoint."""

    def __init__(self, store: BlobStore, blocking: Blocking, clock: Clock) -> None:
        self._store, self._blocking, self._clock = store, blocking, clock
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            with await self._opened(hash_in(request)) as file:
                await self._answer(request, file, receive, send)
        except RequestError as error:
            answer = error_response(error.status, str(error))
            if error.status == 503:
                answer.headers["retry-after"] = str(RETRY_AFTER_S)
            await answer(scope, receive, send)

    async def _opened(self, sha256: str) -> BinaryIO:
        try:
            return await self._blocking(lambda: self._store.path(sha256).open("rb"))
        except OSError as error:
            raise RequestError(404, f"{sha256} is not on this node") from error

    async def _answer(self, request: Request, file: BinaryIO, receive: Receive, send: Send) -> None:
        size = fstat(file.fileno()).st_size
        begin = first_byte(request.headers.get("range"))
        first = begin or 0
        if begin is not None and begin >= size:
            raise RequestError(416, f"there is no byte {begin} in a file of {size}")
        headers = {"accept-ranges": "bytes", "content-length": str(size - first)}
        if begin is not None:
            headers["content-range"] = f"bytes {begin}-{size - 1}/{size}"
        start = {
            "type": "http.response.start",
            "status": 200 if begin is None else 206,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        if request.method == "HEAD":
            await send(start)
            await send({"type": "http.response.body"})
            return
        if self._under_way >= MOST_TRANSFERS:
            raise RequestError(503, f"{MOST_TRANSFERS} transfers are under way; try again")
        self._under_way += 1
        try:
            file.seek(first)
            await send(start)
            transfer = Transfer(file, size - first, request.state.hang_up)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
                nursery.start_soon(self._until_stalled, transfer)
                await self._send_blocks(transfer, send)
                nursery.cancel_scope.cancel()
        finally:
            self._under_way -= 1

    async def _send_blocks(self, transfer: Transfer, send: Send) -> None:
        while transfer.left:
            block = await self._blocking(
                lambda: transfer.file.read(min(BLOCK_BYTES, transfer.left))
            )
            if not block:
                # The length was promised already, so only a broken connection can take it back.
                await transfer.hang_up()
                return
            await send({"type": "http.response.body", "body": block, "more_body": True})
            transfer.left -= len(block)
        await send({"type": "http.response.body"})

    async def _until_stalled(self, transfer: Transfer) -> None:
        left = -1
        while transfer.left != left:
            left = transfer.left
            await self._clock.sleep(STALLED_S)
        log.warning("a transfer stalled", left=left)
        # The server shields what it sends: cancelling alone would not end it.
        await transfer.hang_up()


def hash_in(request: Request) -> str:
    """Which blob is meant. Raises RequestError when none can be."""
    sha256 = str(request.path_params["sha256"])
    if not is_sha256(sha256):
        raise RequestError(400, f"{sha256[:80]!r} is no sha256 of 64 hex digits")
    return sha256


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def first_byte(header: str | None) -> int | None:
    """Where `Range: bytes=N-` begins; None for any other, which is answered as if there was none.

    (A server may ignore ranges; several, or ones with an end, are of no use here.)
    """
    unit, _, rest = (header or "").partition("=")
    digits, dash, end = rest.partition("-")
    fits = digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS
    return int(digits) if unit == "bytes" and dash and not end and fits else None


def blob_route(desk: BlobDesk) -> Route:
    """Where blobs are asked for."""
    return Route("/blobs/{sha256:path}", desk, methods=["GET"])
