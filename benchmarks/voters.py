"""Voters in processes of their own, and this process as a follower that asks them.

What `quorum.py` measures with; not a benchmark by itself. A voter is this file run with a `Seat`.
It takes orders on stdin, one a line, and answers each with a line of JSON:

    stats      what it counted: syncs of its disk, entries, leaders it saw, how late its loop was
    reset      forget how late the loop was
    read       a read barrier at this very node: the index, or null when it cannot prove any
    hand over  give leadership to any other voter: whether, and after how many ms
"""

import datetime as dt
import gc
import os
import random
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import psutil
import structlog
import trio
from starlette.applications import Starlette

from ringrift.node.cluster import commands as c
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.raft.core import ChangeRefusedError
from ringrift.node.consensus.raft.timing import TIMINGS, Profile
from ringrift.node.consensus.replica import NotLeaderError, Proposed
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
PORT = 18_775
RELAY_PORT = 18_800
LOAD = "load"
RELAY = Path(__file__).with_name("relay.py")


def names(count: int) -> tuple[str, ...]:
    return tuple(f"v{number}" for number in range(1, count + 1))


class Seat(msgspec.Struct):
    """What a voter's process is told: who it is, how slow its disk is, where it dials the others.

    `ticks`: measure how late the loop is, every millisecond.
    """

    name: str
    directory: str
    links: dict[str, int]
    timing: Profile = "local"
    sync_ms: float = 0.0
    ticks: bool = False


class CountingDisk(RealDisk):
    """Counts what is made durable, which takes `sync_s` longer than it does."""

    def __init__(self, root: Path, sync_s: float) -> None:
        super().__init__(root)
        self.syncs, self._sync_s = 0, sync_s

    def fsync(self, name: str) -> None:
        self.syncs += 1
        if self._sync_s:
            time.sleep(self._sync_s)
        super().fsync(name)


class Ticker:
    """How much later than a millisecond the loop comes round, and why.

    `late`: in all. `stalled`: less what its thread waited for a core (Linux tells that), so what no
    other process is to blame for. `computed`: the thread's own time on a core meanwhile, of which
    `collected` went into collections of garbage.
    """

    def __init__(self) -> None:
        self.late: list[float] = []
        self.stalled: list[float] = []
        self.computed: list[float] = []
        self.collected: list[float] = []
        self._collecting = 0.0
        self._schedule = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        gc.callbacks.append(self._collect)

    def _collect(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self.collected.append(1000 * (time.thread_time() - self._collecting))

    def _waited_s(self) -> float:
        return int(os.pread(self._schedule, 100, 0).split()[1]) / 1e9

    async def run(self) -> None:
        while True:
            began, cpu, waited = time.perf_counter(), time.thread_time(), self._waited_s()
            await trio.sleep(0.001)
            late = time.perf_counter() - began - 0.001
            self.late.append(1000 * late)
            self.stalled.append(1000 * max(0.0, late - self._waited_s() + waited))
            self.computed.append(1000 * (time.thread_time() - cpu))

    def stats(self) -> dict[str, float]:
        if not self.late:
            return {}
        return {
            "late_p99": quantile(self.late, 0.99),
            "late_max": max(self.late),
            "stalled_p99": quantile(self.stalled, 0.99),
            "stalled_max": max(self.stalled),
            "computed_max": max(self.computed),
            "collected_max": max(self.collected, default=0.0),
        }

    def reset(self) -> None:
        self.late, self.stalled, self.computed, self.collected = [], [], [], []


class Here:
    """A voter as its peers may use it; nobody renews claims here."""

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


def board_of(seat: Seat) -> tuple[Switchboard, own.Credentials]:
    mine = own.read(Path(seat.directory) / seat.name)
    assert mine is not None
    contexts = mine.contexts()
    places = {name: [("127.0.0.1", port)] for name, port in seat.links.items()}
    board = Switchboard(
        p.Hello(seat.name, int(time.time() * 1000), "0", 1),
        bytes.fromhex(INCARNATION),
        SystemClock(),
        TIMINGS[seat.timing],
        dial=TlsDial(lambda: contexts, lambda subject: True),
        wanted=lambda: places,
        admits=lambda peer: None,
    )
    return board, mine


class Office:
    """One voter at its seat, and its answers."""

    def __init__(self, seat: Seat, voter: Voter, disk: CountingDisk) -> None:
        self._seat, self._voter, self._disk = seat, voter, disk
        self._state = id(voter.state)
        self._restored = 0
        self._led: dict[tuple[int, str], None] = {}
        self.ticker = Ticker()

    async def watch(self) -> None:
        """Note who leads, and how often a snapshot took the state's place."""
        while True:
            if (leader := self._voter.leader_id) is not None:
                self._led[self._voter.term, leader] = None
            self._restored += id(self._voter.state) != self._state
            self._state = id(self._voter.state)
            await trio.sleep(0.01)

    async def obey(self) -> None:
        async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
            rest = b""
            while data := await stdin.receive_some(4096):
                *orders, rest = (rest + data).split(b"\n")
                for order in orders:
                    answer = await self._answer(order)
                    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
                    sys.stdout.flush()

    async def _answer(self, order: bytes) -> object:
        voter = self._voter
        match order:
            case b"stats":
                return {
                    "syncs": self._disk.syncs,
                    "commit": voter.commit_index,
                    "applied": voter.applied_index,
                    "restored": self._restored,
                    "led": list(self._led),
                    **self.ticker.stats(),
                }
            case b"reset":
                self.ticker.reset()
                return {}
            case b"read":
                try:
                    return {"index": await voter.read_barrier()}
                except NotLeaderError:
                    return {"index": None}
            case _:
                began = time.perf_counter()
                heirs = [other for other in voter.voters if other != self._seat.name]
                try:
                    done = await voter.hand_over(random.choice(heirs))
                except (NotLeaderError, ChangeRefusedError):
                    done = False
                return {"done": done, "ms": 1000 * (time.perf_counter() - began)}


async def serve(seat: Seat) -> None:
    """Be one voter until killed."""
    board, mine = board_of(seat)
    contexts = mine.contexts()
    disk = CountingDisk(Path(seat.directory) / seat.name / "log", seat.sync_ms / 1000)
    voter = await Voter.open(
        disk,
        SystemClock(),
        InThreads(1),
        random.Random(secrets.randbits(64)),
        board,
        TIMINGS[seat.timing],
        node_id=seat.name,
        incarnation=INCARNATION,
        founders=tuple(sorted({seat.name, *seat.links})),
    )
    board.connect_voter(voter, Here(voter), lambda peer, session, command: None)
    listener = socket.create_server(("127.0.0.1", port_of(seat.name)))
    door = Door(
        listener,
        lambda: contexts,
        SystemClock(),
        knows=lambda subject: True,
        accept=board.mesh.accept,
        app=Starlette(),
    )
    office = Office(seat, voter, disk)
    async with trio.open_nursery() as nursery:
        for task in (voter.run, board.run, door.run, office.watch):
            nursery.start_soon(task)
        if seat.ticks:
            nursery.start_soon(office.ticker.run)
        await office.obey()
        nursery.cancel_scope.cancel()


async def stand_by() -> None:
    """Only tick, and answer "stats" and "reset": what the machine does to whoever is idle."""
    ticker = Ticker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ticker.run)
        async with trio.lowlevel.FdStream(os.dup(0)) as stdin:
            while order := await stdin.receive_some(100):
                answer = ticker.stats() if order == b"stats\n" else {}
                if order == b"reset\n":
                    ticker.reset()
                print(msgspec.json.encode(answer).decode(), flush=True)
        nursery.cancel_scope.cancel()


def port_of(name: str) -> int:
    return PORT + int(name[1:])


class Process:
    """A child that takes orders."""

    def __init__(self, *arguments: str, file: Path = Path(__file__)) -> None:
        self._child = subprocess.Popen(
            [sys.executable, str(file), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self._child.pid

    def say(self, text: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(text.encode())
        self._child.stdin.flush()

    async def hear(self) -> str:
        assert self._child.stdout is not None
        return (await trio.to_thread.run_sync(self._child.stdout.readline)).decode()

    async def ask(self, order: str) -> dict[str, object]:
        self.say(order + "\n")
        return msgspec.json.decode(await self.hear())

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def end(self) -> None:
        self._child.kill()
        self._child.wait()

    def cpu_s(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system


class Cluster:
    """Voters as children, and this process as a follower that asks them."""

    def __init__(
        self,
        directory: Path,
        count: int,
        timing: Profile = "local",
        sync_ms: float = 0.0,
        ticks: bool = False,
        loss: float | None = None,
    ) -> None:
        self.directory, self.names = directory, names(count)
        self._timing, self._sync_ms, self._ticks = timing, sync_ms, ticks
        self.loss = loss
        self.children: dict[str, Process] = {}
        now = dt.datetime.now(dt.UTC)
        first, _ = own.found("v1", now)
        assert first.signer is not None
        for name in (*self.names, LOAD):
            key = pki.new_key()
            certificate = pki.issue_node(first.signer, name, key.public_key(), now)
            chain = [certificate, first.signer.certificate]
            own.write(directory / name, own.Credentials(first.root, key, chain))
        self.board, _ = board_of(self.seat(LOAD))
        clock = SystemClock()
        patience = TIMINGS[timing].patience
        self.follower = Follower(INCARNATION, self.board.gateway, clock, patience)
        self.board.connect_follower(self.follower)
        self.propose = Patient(self.board.gateway, clock)

    def seat(self, name: str) -> Seat:
        links = {
            other: port_of(other) if self.loss is None else self._relay_port(name, other)
            for other in self.names
            if other != name
        }
        return Seat(name, str(self.directory), links, self._timing, self._sync_ms, self._ticks)

    def _relay_port(self, dials: str, other: str) -> int:
        everybody = [*self.names, LOAD]
        return RELAY_PORT + 10 * everybody.index(dials) + everybody.index(other)

    def relayed(self) -> str:
        """What the relay is told."""
        pairs = [(d, o) for d in (*self.names, LOAD) for o in self.names if d != o]
        links = [(self._relay_port(d, o), port_of(o)) for d, o in pairs]
        return msgspec.json.encode({"loss": self.loss, "links": links}).decode()

    def start(self, name: str) -> None:
        self.children[name] = Process("serve", msgspec.json.encode(self.seat(name)).decode())

    async def leader(self) -> str:
        while (name := self.follower.leader_id) is None:
            await trio.sleep(0.01)
        return name

    async def stats(self) -> dict[str, dict[str, object]]:
        return {name: await child.ask("stats") for name, child in self.children.items()}

    async def led(self) -> set[tuple[int, str]]:
        """Who led, in which term, by what any voter saw."""
        told = await self.stats()
        return {(term, leader) for stats in told.values() for term, leader in stats["led"]}

    def cpu_s(self) -> dict[str, float]:
        """Of the voters, and of this process."""
        spent = {name: child.cpu_s() for name, child in self.children.items()}
        return {**spent, "client": time.process_time()}


@asynccontextmanager
async def running(made: Cluster) -> AsyncIterator[Cluster]:
    """Have all voters run, and know their leader."""
    relay: Process | None = None
    try:
        if made.loss is not None:
            relay = Process(file=RELAY)
            relay.say(made.relayed())
            assert await relay.hear() == "ready\n"
        for name in made.names:
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
            child.end()
        if relay is not None:
            relay.end()


@asynccontextmanager
async def cluster(count: int, **options: object) -> AsyncIterator[Cluster]:
    """Found a cluster and have it run; see `Cluster` for the options."""
    with tempfile.TemporaryDirectory(prefix="quorum-") as directory:
        async with running(Cluster(Path(directory), count, **options)) as made:  # type: ignore[arg-type]
            yield made


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(label: str, values: list[float], unit: str) -> None:
    print(
        f"{label}: p50 {statistics.median(values):.1f}, p99 {quantile(values, 0.99):.1f}, "
        f"max {max(values):.1f} {unit} over {len(values)}",
        flush=True,
    )


def quiet() -> None:
    """Let only errors be told."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))


if __name__ == "__main__":
    quiet()
    gc.collect()
    gc.freeze()  # as a node does
    if sys.argv[1] == "serve":
        trio.run(serve, msgspec.json.decode(sys.argv[2], type=Seat))
    else:
        trio.run(stand_by)
