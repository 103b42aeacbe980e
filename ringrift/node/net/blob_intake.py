"""Blobs from nodes that nobody can reach: `PUT /blobs/{sha256}` at the port of their anchors.

What is sent must have the hash that it is sent under, so a node can fill the disk of another, down
to the floor that its operator set, but not change what lies there.
"""

import shutil
from contextlib import aclosing
from functools import partial

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringrift.node.data.blobs import BlobStore
from ringrift.node.data.incoming import Incoming, WrongBytesError
from ringrift.node.net.blob_routes import BLOCK_BYTES, hash_in
from ringrift.node.net.guard import RequestError, error_response, json_response
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock

MOST_AT_ONCE = 4
MOST_BYTES = 1 << 30
BLOCK_S = 30.0
"""How long a block may take to come."""


class BlobIntake:
    """Takes blobs in, as long as `floor_bytes` of the disk stay free."""

    def __init__(
        self,
        store: BlobStore,
        blocking: Blocking,
        clock: Clock,
        floor_bytes: int,
    ) -> None:
        self._store, self._blocking, self._clock = store, blocking, clock
        self._floor_bytes = floor_bytes
        self._under_way: set[str] = set()

    async def put(self, request: Request) -> Response:
        """Answer 201 when the blob was taken, 200 when it was here already."""
        try:
            sha256, size = self._announced(request)
            if await self._blocking(partial(self._store.has, sha256)):
                return json_response({"kept": False})
            await self._require_room(size)
        except RequestError as error:
            return error_response(error.status, str(error))
        self._under_way.add(sha256)
        try:
            await self._take(request, sha256, size)
        except RequestError as error:
            return error_response(error.status, str(error))
        finally:
            self._under_way.discard(sha256)
        return json_response({"kept": True}, 201)

    def _announced(self, request: Request) -> tuple[str, int]:
        """Hash and length of what is to come. Raises RequestError when it is not to come."""
        sha256 = hash_in(request)
        said = request.headers.get("content-length", "")
        if not (said.isascii() and said.isdigit() and len(said) <= 18):
            raise RequestError(411, "say in content-length how long the blob is")
        if int(said) > MOST_BYTES:
            raise RequestError(413, f"a blob may have {MOST_BYTES} bytes")
        if sha256 in self._under_way or len(self._under_way) >= MOST_AT_ONCE:
            raise RequestError(503, "too much is coming in; try again")
        return sha256, int(said)

    async def _require_room(self, size: int) -> None:
        free = (await self._blocking(partial(shutil.disk_usage, self._store.directory))).free
        if free - size < self._floor_bytes:
            raise RequestError(507, f"there is no room here for {size} bytes more")

    async def _take(self, request: Request, sha256: str, size: int) -> None:
        incoming = await self._blocking(partial(Incoming, self._store, sha256, size))
        try:
            await self._receive(request, incoming)
            await self._blocking(incoming.finish)
        except WrongBytesError as error:
            raise RequestError(422, str(error)) from error
        except OSError as error:
            raise RequestError(507, f"it cannot be kept here: {error.strerror}") from error
        finally:
            with trio.CancelScope(shield=True):
                await self._blocking(incoming.discard)

    async def _receive(self, request: Request, incoming: Incoming) -> None:
        block = bytearray()
        async with aclosing(request.stream()) as parts:
            while True:
                part: bytes | None = None
                with self._clock.at_most(BLOCK_S):
                    part = await anext(parts, b"")
                if part is None:
                    raise RequestError(408, "nothing more came")
                block += part
                if len(block) >= BLOCK_BYTES or (not part and block):
                    await self._blocking(partial(incoming.write, bytes(block)))
                    block.clear()
                if not part:
                    return


def with_intake(app: ASGIApp, intake: BlobIntake) -> ASGIApp:
    """An app that also takes blobs in, which are longer than other bodies and take longer to come;
    `app` answers everything else."""
    taking = Starlette(routes=[Route("/blobs/{sha256:path}", intake.put, methods=["PUT"])])

    async def either(scope: Scope, receive: Receive, send: Send) -> None:
        sent = scope["type"] == "http" and scope["method"] == "PUT"
        await (taking if sent and scope["path"].startswith("/blobs/") else app)(
            scope, receive, send
        )

    return either
