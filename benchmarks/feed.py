"""What it costs a voter to feed many followers, in CPU time of the process that feeds.

    .venv/bin/python benchmarks/feed.py [--followers 50] [--rate 50] [--seconds 20] [--tls]

A sole voter decides `--rate` commands a second, first without followers, then with them; the
difference is what feeding costs, printed as a ratio of one core. Followers read in a process of
their own over loopback sockets, with the cluster's TLS if asked to; with `--memory` they are
streams in this process that read nothing but the lengths of frames.
"""

import argparse
import datetime as dt
import multiprocessing
import random
import socket
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.charter import SUPPORTED_FORMAT
from ringrift.node.cluster.members import Abilities, Life
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.replica import NotLeaderError, Proposed
from ringrift.node.consensus.transport import Nowhere
from ringrift.node.consensus.voter import Voter
from ringrift.node.net import pki
from ringrift.node.net.feeding import Feeder
from ringrift.node.net.following import Following
from ringrift.node.net.frames import pack
from ringrift.node.net.link import Link, LinkError
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk
from ringrift.wire import peer as p

INCARNATION = "ab" * 16
CLUSTER = bytes.fromhex(INCARNATION)
TIMING = TIMINGS["lan"]
CLOCK = SystemClock()
LIFE = Life(
    boot=1,
    nonce="0" * 32,
    version="1",
    supports=SUPPORTED_FORMAT,
    abilities=Abilities(kinds=("selfplay",), slots=1, cores=1, memory_bytes=0),
)


class Sink(trio.abc.Stream):
    """A follower that counts frames and says that it has taken them."""

    def __init__(self, name: str) -> None:
        self._answers = [pack(CLUSTER, p.Hello(name, 1, "0", 1)), pack(CLUSTER, p.Follow(0))]
        self._taken = -1
        self._rest = b""
        self._bell = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        data, place = self._rest + bytes(data), 0
        while place + 4 <= len(data):
            end = place + 4 + int.from_bytes(data[place : place + 4], "big")
            if end > len(data):
                break
            place = end
            self._taken += 1
            if self._taken % (p.FEED_AHEAD // 2) == 0 and self._taken:
                self._answers.append(pack(CLUSTER, p.Taken(self._taken)))
                self._bell.set()
        self._rest = data[place:]

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        while not self._answers:
            await self._bell.wait()
            self._bell = trio.Event()
        await trio.lowlevel.checkpoint()
        return self._answers.pop(0)

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


async def feed(feeder: Feeder, stream: trio.abc.Stream, name: str) -> None:
    """Serve one follower until it ends."""
    link = Link(stream, CLUSTER, name, CLOCK, dialled=False)

    def receive(message: p.PeerMessage) -> None:
        if isinstance(message, p.Follow):
            feeder.asked(link, message)
        elif isinstance(message, p.Taken):
            feeder.taken(link, message)

    try:
        await link.greet(p.Hello("voter", 1, "0", 1))
        await link.run(receive)
    except LinkError:
        pass
    finally:
        feeder.lost(name)
        with trio.CancelScope(shield=True):
            await link.bury()


class Nobody:
    """The gateway of followers that only read."""

    async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
        raise NotLeaderError(None)

    async def barrier(self) -> int:
        raise NotLeaderError(None)


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What the voter and its followers show each other."""
    now = dt.datetime.now(dt.UTC)
    root = pki.found_root(now)
    key = pki.new_key()
    middle = pki.new_key()
    intermediate = pki.issue_intermediate(root, "voter", middle.public_key(), now)
    signer = pki.Authority(middle, intermediate)
    chain = pki.pem_of(pki.issue_node(signer, "n", key.public_key(), now), intermediate)
    server, client = (
        pki.tls_context(server=side, root=root.certificate, chain=chain, key=pki.key_pem(key))
        for side in (True, False)
    )
    return server, client


def follow(port: int, followers: int, context: ssl.SSLContext | None) -> None:
    """The process of the followers."""

    async def one(number: int) -> None:
        plain = await trio.open_tcp_stream("127.0.0.1", port)
        stream = plain if context is None else trio.SSLStream(plain, context)
        name = f"f{number}"
        await plain.send_all(number.to_bytes(2, "big"))
        await plain.receive_some(1)  # the voter measures itself alone first
        link = Link(stream, CLUSTER, "voter", CLOCK, dialled=True)
        follower = Follower(INCARNATION, Nobody(), CLOCK, TIMING.patience)
        following = Following(follower, lambda: [link], CLOCK, TIMING)

        def receive(message: p.PeerMessage) -> None:
            if isinstance(message, p.Fed | p.FedSnapshot):
                following.hear(link, message)

        await link.greet(p.Hello(name, 1, "0", 1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(following.run)
            with suppress(LinkError):
                await link.run(receive)
            nursery.cancel_scope.cancel()

    async def every() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(followers):
                nursery.start_soon(one, number)

    trio.run(every)


@asynccontextmanager
async def voter() -> AsyncIterator[tuple[Voter, Proposer]]:
    with tempfile.TemporaryDirectory(prefix="feed-") as directory:
        replica = await Voter.open(
            RealDisk(Path(directory)),
            CLOCK,
            InThreads(1),
            random.Random(1),
            Nowhere(),
            TIMING,
            node_id="n",
            incarnation=INCARNATION,
            founders=("n",),
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            proposer = Proposer(replica, "n", 1)
            await proposer.propose(c.JoinMember(node="n", name="n", life=LIFE))
            yield replica, proposer
            nursery.cancel_scope.cancel()


async def work(proposer: Proposer, rate: float, seconds: float) -> float:
    """Decide commands at a rate; returns the CPU time it took, a second."""
    began, cpu = time.perf_counter(), time.process_time()
    async with trio.open_nursery() as nursery:
        for number in range(int(rate * seconds)):
            await trio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            nursery.start_soon(proposer.propose, c.RestartNode(node="n", by="n"))
    return (time.process_time() - cpu) / (time.perf_counter() - began)


async def measure(
    options: argparse.Namespace, listener: socket.socket, server: ssl.SSLContext | None
) -> None:
    async def serve(plain: trio.SocketStream) -> None:
        number = int.from_bytes(await plain.receive_some(2), "big")
        await plain.send_all(b"!")
        stream = plain if server is None else trio.SSLStream(plain, server, server_side=True)
        await feed(feeder, stream, f"f{number}")

    async with voter() as (replica, proposer), trio.open_nursery() as nursery:
        alone = await work(proposer, options.rate, options.seconds)
        feeder = Feeder(replica, CLUSTER, CLOCK, TIMING)
        nursery.start_soon(feeder.run)
        if options.memory:
            for number in range(options.followers):
                nursery.start_soon(feed, feeder, Sink(f"f{number}"), f"f{number}")
        else:
            listening = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
            nursery.start_soon(trio.serve_listeners, serve, [listening])
        while len(feeder.followers) < options.followers:
            await trio.sleep(0.1)
        await trio.sleep(2)
        feeding = await work(proposer, options.rate, options.seconds)
        behind = max(replica.applied_index - index for index in feeder.followers.values())
        print(
            f"{options.followers} followers, {options.rate} entries/s: {feeding - alone:.3f} of a "
            f"core for feeding, {alone:.3f} for deciding alone; at the end nobody was told more "
            f"than {behind} entries late"
        )
        nursery.cancel_scope.cancel()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--followers", type=int, default=50)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    server, client = contexts() if options.tls else (None, None)
    with socket.create_server(("127.0.0.1", 0), backlog=options.followers) as listener:
        port = listener.getsockname()[1]
        fork = multiprocessing.get_context("fork")
        reader = fork.Process(target=follow, args=(port, options.followers, client))
        if not options.memory:
            reader.start()
        try:
            trio.run(measure, options, listener, server)
        finally:
            if not options.memory:
                reader.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
