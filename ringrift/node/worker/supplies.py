"""Has every file that a job needs on this node before its child starts."""

from collections.abc import Awaitable, Callable, Sequence

import trio

from ringrift.node.data.blobs import BlobError

Fetch = Callable[[str], Awaitable[object]]
"""Has the blob of this sha256 on this node, or raises `BlobError`."""


async def fetched_from_here(sha256: str) -> None:
    """How a node that others can reach publishes a blob: it lies where they fetch it."""


async def nothing_else(sha256: str) -> None:
    """The `Fetch` of a node that has nobody to ask."""
    raise BlobError(f"the file {sha256} is not on this node, and no other node is known")


class Supplies:
    """Files on their way here; `on_progress` is told how many have come, of how many."""

    def __init__(
        self, fetch: Fetch, missing: Sequence[str], on_progress: Callable[[int, int], None]
    ) -> None:
        self._fetch, self._missing, self._on_progress = fetch, missing, on_progress
        self._done = 0
        self._scope = trio.CancelScope()

    def stop(self) -> None:
        """Fetch no more; `gather` returns."""
        self._scope.cancel()

    async def gather(self) -> None:
        """Fetch all at once (the fetcher bounds how many really are). Raises `BlobError`."""
        failures: list[BlobError] = []

        async def bring(sha256: str) -> None:
            try:
                await self._fetch(sha256)
            except BlobError as error:
                failures.append(error)
                self.stop()
            else:
                self._done += 1
                self._on_progress(self._done, len(self._missing))

        self._on_progress(0, len(self._missing))
        with self._scope:
            async with trio.open_nursery() as nursery:
                for sha256 in self._missing:
                    nursery.start_soon(bring, sha256)
        if failures:
            raise failures[0]
