"""Links that lose: TCP in the middle, with the lateness that loss is on a stream.

    echo '{"loss": 0.05, "links": [[19001, 18775], …]}' | python benchmarks/relay.py

One port for each directed pair (who dials, whom); bytes go both ways in order. On a stream nothing
is lost, it is late: a packet that is lost comes when it is sent again, and all behind it wait. So
every chunk of up to 1,448 bytes (a segment) is, with the probability `loss`, late by a
retransmission of 200 ms, Linux' shortest; by 400 ms more when that is lost again, and so on. A busy
stream of a kernel would often notice sooner, so this is rather worse than the real thing. Runs
until stdin ends.
"""

import json
import os
import random
import sys
from functools import partial

import trio

SEGMENT_BYTES = 1448
RETRANSMIT_S = 0.2
WINDOW_SEGMENTS = 4_096


def lateness(rng: random.Random, loss: float) -> float:
    """Seconds by which a segment comes late."""
    late, again = 0.0, RETRANSMIT_S
    while rng.random() < loss:
        late, again = late + again, 2 * again
    return late


async def carry(source: trio.SocketStream, sink: trio.SocketStream, loss: float) -> None:
    """Carry one direction to its end."""
    rng = random.Random()
    send, receive = trio.open_memory_channel[tuple[float, bytes]](WINDOW_SEGMENTS)

    async def read() -> None:
        due = 0.0
        async with send:
            while data := await source.receive_some(65_536):
                now = trio.current_time()
                for at in range(0, len(data), SEGMENT_BYTES):
                    due = max(due, now + lateness(rng, loss))
                    await send.send((due, data[at : at + SEGMENT_BYTES]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        async for due, data in receive:
            await trio.sleep_until(due)
            await sink.send_all(data)


async def join(target: int, loss: float, dialled: trio.SocketStream) -> None:
    """Carry a connection until either side ends it."""
    try:
        onward = await trio.open_tcp_stream("127.0.0.1", target)
        async with onward, trio.open_nursery() as nursery:

            async def one_way(source: trio.SocketStream, sink: trio.SocketStream) -> None:
                await carry(source, sink, loss)
                nursery.cancel_scope.cancel()

            nursery.start_soon(one_way, dialled, onward)
            nursery.start_soon(one_way, onward, dialled)
    except* (trio.BrokenResourceError, OSError):
        pass


async def main() -> None:
    async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
        data = await stdin.receive_some(1 << 20)
        wish = json.loads(data)
        async with trio.open_nursery() as nursery:
            for port, target in wish["links"]:
                handler = partial(join, target, wish["loss"])
                serve = partial(trio.serve_tcp, handler, port, host="127.0.0.1")
                await nursery.start(serve)
            print("ready", flush=True)
            while await stdin.receive_some(100):
                pass
            nursery.cancel_scope.cancel()


if __name__ == "__main__":
    sys.exit(trio.run(main))
