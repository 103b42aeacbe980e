"""`GET /snapshot`: the whole state as a file, for whoever may open the Unix socket."""

from collections.abc import AsyncIterator, Callable, Iterator

import trio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

Picture = Callable[[], Iterator[bytes]]
"""The state as of the call, in chunks that are encoded as they are taken."""


def snapshot_route(picture: Picture) -> Route:
    """The route; its body is what `recovery.backup` reads."""

    async def snapshot(request: Request) -> Response:
        return StreamingResponse(framed(picture()), media_type="application/octet-stream")

    return Route("/snapshot", snapshot, methods=["GET"])


async def framed(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each chunk behind its length in 4 bytes; one is encoded when the one before was taken."""
    for chunk in chunks:
        yield len(chunk).to_bytes(4, "big") + chunk
        await trio.lowlevel.checkpoint()
