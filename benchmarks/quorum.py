"""Voters in processes of their own, on loopback with mutual TLS and real disks: how fast, how soon.

    .venv/bin/python benchmarks/quorum.py write   [--voters 3] [--seconds 10]
    .venv/bin/python benchmarks/quorum.py kill    [--voters 5] [--times 100]
    .venv/bin/python benchmarks/quorum.py handover [--voters 5] [--times 50]

`write`: durable writes one at a time, and as many as go in sessions of 64 outstanding each.
`kill`: kill -9 of the leader, and how long until the next write is acknowledged; at the end every
acknowledged write must be in the state. `handover`: from asking until another node leads.
"""

import argparse
import datetime as dt
import itertools
import logging
import os
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psutil
import structlog
import trio
from starlette.applications import Starlette

from ringrift.node.cluster import commands as c
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.replica import Proposed
from ringrift.node.consensus.session import Session
from ringrift.node.consensus.voter import Voter
from ringrift.node.control.leases import ClaimKey
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.net.switchboard import Switchboard
from ringrift.node.net.tls import Door, TlsDial
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk
from ringrift.wire import peer as p

INCARNATION = "7" * 32
TIMING = TIMINGS["local"]
PORT = 18_775
LOAD = "load"
WRITE = c.SetConfigMode(config="hex8_2p", mode="active", by="n")


def names(count: int) -> tuple[str, ...]:
    return tuple(f"v{number}" for number in range(1, count + 1))


def places(count: int) -> dict[str, tuple[str, int]]:
    return {name: ("127.0.0.1", PORT + number) for number, name in enumerate(names(count))}


class Here:
    """A voter as its peers may use it; nobody claims anything here."""

    def __init__(self, voter: Voter) -> None:
        self._voter = voter

    @property
    def leader_id(self) -> str | None:
        return self._voter.leader_id

    async def propose(self, session: int, seq: int, command: c.Command) -> Proposed:
        return await self._voter.propose(session, seq, command)

    async def read_barrier(self) -> int:
        return await self._voter.read_barrier()

    def renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]:
        return ()


def board_of(name: str, directory: Path, count: int) -> tuple[Switchboard, own.Credentials]:
    mine = own.read(directory / name)
    assert mine is not None
    contexts = mine.contexts()
    boot = int(time.time() * 1000)
    board = Switchboard(
        p.Hello(name, boot, "0", 1),
        bytes.fromhex(INCARNATION),
        SystemClock(),
        TIMING,
        dial=TlsDial(lambda: contexts, lambda subject: True),
        wanted=lambda: places(count),
        admits=lambda peer: None,
    )
    return board, mine


async def serve(name: str, directory: Path, count: int) -> None:
    """Be one voter until killed; a line "hand over" on stdin asks for just that."""
    board, mine = board_of(name, directory, count)
    contexts = mine.contexts()
    voter = await Voter.open(
        RealDisk(directory / name / "log"),
        SystemClock(),
        InThreads(1),
        random.Random(secrets.randbits(64)),
        board,
        TIMING,
        node_id=name,
        incarnation=INCARNATION,
        founders=names(count),
    )
    board.connect_voter(voter, Here(voter), lambda peer, session, command: None)
    listener = socket.create_server(places(count)[name])
    door = Door(
        listener,
        lambda: contexts,
        SystemClock(),
        knows=lambda subject: True,
        accept=board.mesh.accept,
        app=Starlette(),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(voter.run)
        nursery.start_soon(board.run)
        nursery.start_soon(door.run)
        async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
            while await stdin.receive_some(100):
                began = time.perf_counter()
                heirs = [other for other in voter.voters if other != name]
                done = await voter.hand_over(random.choice(heirs))
                print(f"{done} {1000 * (time.perf_counter() - began):.1f}", flush=True)


class Cluster:
    """Voters as children, and this process as a follower that asks them."""

    def __init__(self, directory: Path, count: int) -> None:
        self.directory, self.count = directory, count
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        now = dt.datetime.now(dt.UTC)
        first, _ = own.found("v1", now)
        assert first.signer is not None
        for name in (*names(count), LOAD):
            key = pki.new_key()
            certificate = pki.issue_node(first.signer, name, key.public_key(), now)
            chain = [certificate, first.signer.certificate]
            own.write(directory / name, own.Credentials(first.root, key, chain))
        self.board, _ = board_of(LOAD, directory, count)
        clock = SystemClock()
        self.follower = Follower(INCARNATION, self.board.gateway, clock, TIMING.patience)
        self.board.connect_follower(self.follower)
        self.propose = Patient(self.board.gateway, clock)

    def start(self, name: str) -> None:
        command = [sys.executable, __file__, "serve", name, str(self.directory), str(self.count)]
        self.children[name] = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    async def leader(self) -> str:
        while (name := self.follower.leader_id) is None:
            await trio.sleep(0.01)
        return name

    def cpu_s(self) -> dict[str, float]:
        spent = {n: psutil.Process(child.pid).cpu_times() for n, child in self.children.items()}
        return {name: times.user + times.system for name, times in spent.items()}


@asynccontextmanager
async def cluster(count: int) -> AsyncIterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="quorum-") as directory:
        made = Cluster(Path(directory), count)
        try:
            for name in names(count):
                made.start(name)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(made.board.run)
                nursery.start_soon(made.follower.run)
                with trio.fail_after(60):
                    await made.leader()
                yield made
                nursery.cancel_scope.cancel()
        finally:
            for child in made.children.values():
                child.kill()
                child.wait()


def spread(label: str, values: list[float], unit: str) -> None:
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    middle = statistics.median(ordered)
    print(
        f"{label}: p50 {middle:.1f}, p99 {p99:.1f}, max {ordered[-1]:.1f} {unit} "
        f"over {len(ordered)}"
    )


async def write(count: int, seconds: float) -> None:
    async with cluster(count) as made:
        session = await Session.open(made.propose, "bench", 1)
        took: list[float] = []
        until = time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            await session.propose(WRITE)
            took.append(1000 * (time.perf_counter() - began))
        spread("durable write, one at a time", took, "ms")

        sessions = [await Session.open(made.propose, f"bench{n}", 1) for n in range(8)]
        done, before = 0, made.cpu_s()
        began = time.perf_counter()

        async def pour(session: Session) -> None:
            nonlocal done
            while time.perf_counter() < began + seconds:
                await session.propose(WRITE)
                done += 1

        async with trio.open_nursery() as nursery:
            for session, _ in itertools.product(sessions, range(32)):
                nursery.start_soon(pour, session)
        took_s = time.perf_counter() - began
        spent = {n: (made.cpu_s()[n] - before[n]) / took_s for n in before}
        shares = ", ".join(f"{name} {share:.2f}" for name, share in spent.items())
        print(f"256 at a time: {done / took_s:.0f} commands/s; cores used: {shares}")


async def kill(count: int, times: int) -> None:
    rng = random.Random(1)
    async with cluster(count) as made:
        session = await Session.open(made.propose, "bench", 1)
        took: list[float] = []
        written = 0
        for _ in range(times):
            for _ in range(rng.randint(1, 20)):
                index = (await session.propose(WRITE)).index
                written += 1
            victim = await made.leader()
            made.children[victim].kill()
            began = time.perf_counter()
            index = (await session.propose(WRITE)).index
            written += 1
            took.append(1000 * (time.perf_counter() - began))
            made.children[victim].wait()
            made.start(victim)
            await trio.sleep(rng.uniform(0.8, 1.5))
        spread("first acknowledged write after kill -9 of the leader", took, "ms")
        while made.follower.applied_index < index:
            await trio.sleep(0.01)
        kept = made.follower.state.sessions.rows[session.number]
        assert kept.kept[-1].seq == written and kept.kept[-1].index == index, (kept, written)
        print(f"{written} writes acknowledged, the newest is number {kept.kept[-1].seq}: none lost")


async def handover(count: int, times: int) -> None:
    async with cluster(count) as made:
        took: list[float] = []
        for _ in range(times):
            leader = await made.leader()
            child = made.children[leader]
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(b"hand over\n")
            child.stdin.flush()
            line = await trio.to_thread.run_sync(child.stdout.readline)
            done, _, milliseconds = line.decode().partition(" ")
            if done == "True":
                took.append(float(milliseconds))
            await trio.sleep(0.7)
        spread(f"handing over ({len(took)} of {times} done)", took, "ms")


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if sys.argv[1:2] == ["serve"]:
        name, directory, count = sys.argv[2:]
        trio.run(serve, name, Path(directory), int(count))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["write", "kill", "handover"])
    parser.add_argument("--voters", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--times", type=int, default=50)
    options = parser.parse_args()
    match options.what:
        case "write":
            trio.run(partial(write, options.voters or 3, options.seconds))
        case "kill":
            trio.run(partial(kill, options.voters or 5, options.times))
        case _:
            trio.run(partial(handover, options.voters or 5, options.times))


if __name__ == "__main__":
    main()
