"""One stream between two nodes: messages in, messages out, the urgent ones first.

What is to be said waits in a queue a class, each bounded; a full queue takes no more, so that a
slow peer costs bounded memory. Raft repeats what is lost, askers time out, and the feed waits for
room.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from ringrift.node.net.frames import FrameError, FrameReader, pack
from ringrift.node.runtime.clock import Clock
from ringrift.wire import peer as p

RECEIVE_BYTES = 64 * 1024
SEND_BYTES = 256 * 1024
"""About as much is written at once; a more urgent message waits for no more than that."""
ALIVE_EVERY_S = 5.0
HEARD_S = 6.0
"""Within which a peer that lives has said something."""
SILENCE_S = 20.0
"""A peer that says nothing for so long is gone, whatever TCP believes."""
GREETING_S = 10.0


class LinkError(Exception):
    """Why a stream to a peer ended or never began; one sentence."""


@dataclass(slots=True)
class _Queue:
    """Frames of one class that wait to be written; `limit` in bytes, one frame always fits."""

    limit: int
    frames: deque[bytes] = field(default_factory=deque[bytes])
    size: int = 0
    dropped: int = 0

    @property
    def has_room(self) -> bool:
        return self.size == 0 or self.size < self.limit

    def put(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.size += len(frame)

    def take(self) -> bytes:
        frame = self.frames.popleft()
        self.size -= len(frame)
        return frame


_CONSENSUS, _MEMBERSHIP, _FEED, _REST = range(4)
_CLASSES: dict[type[p.PeerMessage], int] = {
    p.Consensus: _CONSENSUS,
    p.Gossip: _MEMBERSHIP,
    p.Fed: _FEED,
    p.FedSnapshot: _FEED,
}


class Link:
    """A stream to a node that has been authenticated as `peer`; `greet` it, then `run`.

    `dialled` tells whether this side opened it.
    """

    def __init__(
        self, stream: trio.abc.Stream, incarnation: bytes, peer: str, clock: Clock, *, dialled: bool
    ) -> None:
        self.peer, self.dialled = peer, dialled
        self.hello: p.Hello | None = None
        self._stream, self._incarnation, self._clock = stream, incarnation, clock
        self._reader = FrameReader(incarnation)
        self._early: list[p.PeerMessage] = []
        self._queues = (_Queue(4 << 20), *(_Queue(1 << 20) for _ in range(3)))
        self._bell = trio.Event()
        self._room = trio.lowlevel.ParkingLot()
        self._heard = clock.now()
        self._scope = trio.CancelScope()

    @property
    def dropped(self) -> int:
        """Messages that found their queue full."""
        return sum(queue.dropped for queue in self._queues)

    @property
    def is_heard(self) -> bool:
        """Whether the peer has said something lately."""
        return self._clock.now() - self._heard < HEARD_S

    def say(self, message: p.PeerMessage) -> bool:
        """Queue a message; False, and counted, when its queue is full."""
        queue = self._queues[_CLASSES.get(type(message), _REST)]
        if not queue.has_room:
            queue.dropped += 1
            return False
        queue.put(pack(self._incarnation, message))
        self._bell.set()
        return True

    async def feed_when_room(self, frame: bytes) -> None:
        """Queue a frame of the feed as soon as there is room; many links may be given the same."""
        queue = self._queues[_FEED]
        while not queue.has_room:
            await self._room.park()
        queue.put(frame)
        self._bell.set()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """End the stream; `run` returns soon."""
        self._scope.cancel()

    async def bury(self) -> None:
        """Close the stream, however it stands; for whoever made the link."""
        await trio.aclose_forcefully(self._stream)

    async def greet(self, me: p.Hello) -> p.Hello:
        """Exchange greetings; raises LinkError when the peer is not who it is known to be."""
        with self._clock.at_most(GREETING_S):
            await self._send(pack(self._incarnation, me))
            messages = await self._receive()
            hello = messages.pop(0)
            self._early = messages
            if not isinstance(hello, p.Hello) or hello.node != self.peer:
                raise LinkError(f"{self.peer} greets as somebody else.")
            self.hello = hello
            return hello
        raise LinkError(f"{self.peer} did not greet within {GREETING_S:.0f} s.")

    async def run(self, receive: Callable[[p.PeerMessage], None]) -> None:
        """Carry messages until either side ends it; raises LinkError, saying why, if not `close`.

        `receive` is called with every message but `Alive`, in order, and must not block.
        """
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._watch)
                    for message in self._early:
                        receive(message)
                    while True:
                        for message in await self._receive():
                            if not isinstance(message, p.Alive):
                                receive(message)
        except* LinkError as errors:
            raise LinkError(str(errors.exceptions[0])) from None
        finally:
            self._room.unpark_all()

    async def _receive(self) -> list[p.PeerMessage]:
        """The next messages, at least one."""
        while True:
            try:
                data = await self._stream.receive_some(RECEIVE_BYTES)
                if not data:
                    raise LinkError(f"{self.peer} hung up.")
                self._heard = self._clock.now()
                messages = self._reader.feed(bytes(data))
            except FrameError as error:
                raise LinkError(f"{self.peer} sent no frame: {error}") from error
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise LinkError(f"The stream to {self.peer} broke.") from error
            if messages:
                return messages

    async def _write(self) -> None:
        while True:
            with self._clock.at_most(ALIVE_EVERY_S) as quiet:
                await self._bell.wait()
            self._bell = trio.Event()
            if quiet.cancelled_caught:
                self._queues[_REST].put(pack(self._incarnation, p.Alive()))
            while data := self._next_bytes():
                await self._send(data)
                self._room.unpark_all()

    async def _send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkError(f"The stream to {self.peer} broke.") from error

    def _next_bytes(self) -> bytes:
        frames: list[bytes] = []
        size = 0
        for queue in self._queues:
            while queue.frames and size < SEND_BYTES:
                frame = queue.take()
                frames.append(frame)
                size += len(frame)
        return b"".join(frames)

    async def _watch(self) -> None:
        while (quiet := self._clock.now() - self._heard) < SILENCE_S:
            await self._clock.sleep(SILENCE_S - quiet)
        raise LinkError(f"{self.peer} has been silent for {SILENCE_S:.0f} s.")
