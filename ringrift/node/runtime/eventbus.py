"""A typed, bounded bus: publishing never waits, and a slow reader loses the oldest, counted."""

from collections import deque
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class Subscription(Generic[T]):
    """One reader's bounded queue; iterate over it. `dropped` counts what came too fast for it."""

    def __init__(self, bus: "EventBus[T]", capacity: int) -> None:
        self._bus = bus
        self._queue: deque[T] = deque(maxlen=capacity)
        self._arrived = trio.Event()
        self.dropped = 0

    def offer(self, event: T) -> bool:
        """Put an event in; return whether another one had to give way."""
        full = len(self._queue) == self._queue.maxlen
        self.dropped += full
        self._queue.append(event)
        self._arrived.set()
        return full

    def __enter__(self) -> "Subscription[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self._bus.leave(self)

    def __aiter__(self) -> "Subscription[T]":
        return self

    async def __anext__(self) -> T:
        while not self._queue:
            self._arrived = trio.Event()
            await self._arrived.wait()
        await trio.lowlevel.checkpoint()
        return self._queue.popleft()


class EventBus(Generic[T]):
    """Every event published goes to every subscription there is at that moment."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._subscriptions: list[Subscription[T]] = []
        self.published = 0
        self.dropped = 0

    @property
    def readers(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    def publish(self, event: T) -> None:
        """Give `event` to every reader, without waiting for any."""
        self.published += 1
        for subscription in self._subscriptions:
            self.dropped += subscription.offer(event)

    def subscribe(self) -> Subscription[T]:
        """Return a new reader's queue; use it as a context manager so that it is left again."""
        subscription = Subscription(self, self._capacity)
        self._subscriptions.append(subscription)
        return subscription

    def leave(self, subscription: Subscription[T]) -> None:
        """Forget a reader."""
        self._subscriptions.remove(subscription)
