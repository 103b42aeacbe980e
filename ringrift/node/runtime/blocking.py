"""Blocking calls off the event loop: how drivers are handed a place to run them."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import trio

T = TypeVar("T")


class Blocking(Protocol):
    """Runs a blocking function and returns what it returns; exceptions come through.

    A cancelled call still runs to its end, so whatever must be whole belongs in one function.
    """

    async def __call__(self, function: Callable[[], T], /) -> T: ...


class InThreads:
    """Runs functions in worker threads, at most `limit` at a time (1: strictly one by one)."""

    def __init__(self, limit: int) -> None:
        self._limiter = trio.CapacityLimiter(limit)

    async def __call__(self, function: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(function, limiter=self._limiter)
