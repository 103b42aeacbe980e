"""Receives a blob from one node over HTTPS, and says in one sentence why it did not come."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import trio

from ringrift.node.data.incoming import Incoming, WrongBytesError
from ringrift.node.data.sources import Source
from ringrift.node.net.pki import Subject, answering
from ringrift.node.runtime.blocking import Blocking
from ringrift.wire.join import Place

BLOCK_BYTES = 1 << 20
MOST_RESUMES = 20
"""Connections to one address that may break in the middle of one blob."""

Fault = Literal["busy", "lacks", "unreachable", "wrong"]


class SourceError(Exception):
    """Why a node did not send a blob: one sentence about "it", and what kind of fault that is."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault: Fault = fault


@dataclass(slots=True)
class Receiving:
    """One blob that is to come: `size` is None when nobody knows it.

    `resumed` counts the connections that broke in the middle, and were gone on with.
    """

    client: httpx.AsyncClient
    knows: Callable[[Subject], bool]
    blocking: Blocking
    incoming: Incoming
    sha256: str
    size: int | None
    resumed: int = 0
    _failure: WrongBytesError | OSError | None = None

    async def from_node(self, source: Source) -> Path:
        """Have the blob in the store, sent by this node alone, so that it answers for every byte.

        Raises `SourceError`, and OSError for this node's disk.
        """
        self._failure = None
        await self.blocking(self.incoming.restart)
        reason = "it has no address"
        for address in source.addresses:
            for _ in range(MOST_RESUMES):
                before = self.incoming.received
                try:
                    await self._from_address(address, source.node)
                    return await self.blocking(self.incoming.finish)
                except WrongBytesError as error:
                    raise SourceError("wrong", str(error)) from error
                except SourceError as error:
                    if error.fault != "unreachable":
                        raise
                    reason = str(error)
                except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
                    reason = f"it cannot be reached at {address.host}:{address.port}: {_why(error)}"
                if self.incoming.received <= before:
                    break
                self.resumed += 1
        raise SourceError("unreachable", reason)

    async def _from_address(self, address: Place, node: str) -> None:
        path = f"/blobs/{self.sha256}"
        url = httpx.URL(scheme="https", host=address.host, port=address.port, path=path)
        # Bytes as they lie there: what is packed could unpack to more than was said.
        headers = {"accept-encoding": "identity"}
        if self.incoming.received:
            headers["range"] = f"bytes={self.incoming.received}-"
        async with self.client.stream("GET", url, headers=headers) as answer:
            self._check_peer(answer, node)
            begin = self._begin(answer)
            said = answer.headers.get("content-length", "no")
            if self.size is not None and said != str(self.size - begin):
                raise SourceError("wrong", f"it offers {said} bytes and not {self.size - begin}")
            if begin < self.incoming.received:
                await self.blocking(self.incoming.restart)
            await self._take(answer)

    def _check_peer(self, answer: httpx.Response, node: str) -> None:
        # The request told it no more than a hash; nothing that it says is looked at before this.
        subject = answering(answer.extensions)
        if subject is None or subject.node != node:
            who = "nobody" if subject is None else subject.node
            raise SourceError("unreachable", f"{answer.url.netloc.decode()} is {who}")
        if not self.knows(subject):
            raise SourceError("wrong", "its key is not its member's")

    def _begin(self, answer: httpx.Response) -> int:
        """Which byte of the blob an answer begins with."""
        received = self.incoming.received
        match answer.status_code:
            case 200:
                return 0
            case 206 if answer.headers.get("content-range", "").startswith(f"bytes {received}-"):
                return received
            case 404:
                raise SourceError("lacks", "it has not got it")
            case 429 | 503:
                raise SourceError("busy", "it is busy")
            case status:
                raise SourceError("wrong", f"it answers with status {status}")

    async def _take(self, answer: httpx.Response) -> None:
        block = bytearray()
        with trio.CancelScope() as scope:
            try:
                async for part in answer.aiter_raw():
                    block += part
                    if len(block) >= BLOCK_BYTES and not scope.cancel_called:
                        full, block = bytes(block), bytearray()
                        # An error in here would leave httpx's generators to the garbage collector:
                        # they end by what happens inside of them, so that is where they are ended.
                        if not await self._write(full):
                            scope.cancel()
            finally:
                # Also of a connection that broke: the next goes on from here.
                await self._write(bytes(block))
        if self._failure is not None:
            raise self._failure

    async def _write(self, block: bytes) -> bool:
        if self._failure is None:
            try:
                with trio.CancelScope(shield=True):
                    await self.blocking(lambda: self.incoming.write(block))
            except (WrongBytesError, OSError) as error:
                self._failure = error
        return self._failure is None


def _why(error: BaseException) -> str:
    """What was wrong in the first place: those who pass it on say nothing, and hide the cause."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__
