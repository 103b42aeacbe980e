"""Voters in processes of their own, on loopback with mutual TLS and real disks: how fast, how soon.

    .venv/bin/python benchmarks/quorum.py write    [--voters 3] [--seconds 10]
    .venv/bin/python benchmarks/quorum.py claims   [--voters 3] [--seconds 10]
    .venv/bin/python benchmarks/quorum.py kill     [--voters 5] [--times 50]
    .venv/bin/python benchmarks/quorum.py handover [--voters 5] [--times 50]
    .venv/bin/python benchmarks/quorum.py stall    [--voters 5] [--times 3]
    .venv/bin/python benchmarks/quorum.py endure   [--voters 5] [--minutes 30] [--timing lan]
    .venv/bin/python benchmarks/quorum.py snapshot [--voters 3] [--rate 200]

`write`: durable writes one at a time, and as many as go in sessions of 64 outstanding each.
`claims`: work claimed singly, one claim after the other and 64 at once, and in batches, from a
queue of 256 pending items, more than the controllers leave there. What fills the queue anew is not
timed. Both are done once more with a disk that takes 5 ms longer to sync (there nothing is judged),
and tell how many entries share a sync.

`kill`: kill -9 of the leader, and how long until the next write is acknowledged; at the end every
acknowledged write must be in the state. `handover`: from asking until another node leads.

`stall`: the leader is stopped for 10 s. Exactly one other takes its place, and when it wakes, a
read at that very node must not answer what was true before.

`endure`: both cores are kept busy by selfplay, all links lose 5 % (see `relay.py`, which says what
that is on a stream), followers are stopped for 0.05 to 20 s (never so many that no majority runs),
the leader for less than half a second; a client writes and reads linearizably all the time. Nobody
else may come to lead, and no read may be stale.

`snapshot`: a state as full as it gets (94,000 rows, see `state_rows.py`); a voter that was away has
to install a snapshot while others write. No event loop may stand still for more than 50 ms,
less what it waited for a core that others had; a process that only ticks tells how long that is.

Prints the load of the machine with each. Exit status 1 when a bound is broken.
"""

import argparse
import itertools
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import trio
from pulses import Pulses, busy
from state_rows import filled
from voters import (
    INCARNATION,
    Cluster,
    Process,
    cluster,
    names,
    quantile,
    quiet,
    running,
    spread,
)

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Abilities, Life
from ringrift.node.cluster.results import Claimed, Done
from ringrift.node.cluster.work import SelfplayWork
from ringrift.node.consensus.raft.timing import TIMINGS, Profile
from ringrift.node.consensus.replica import NotLeaderError
from ringrift.node.consensus.session import Session
from ringrift.node.consensus.snapshots import Draft
from ringrift.node.consensus.storage import found
from ringrift.node.runtime.disk import RealDisk

WRITE = c.SetConfigMode(config="hex8_2p", mode="active", by="n")
SLOW_SYNC_MS = 5.0
LONGEST_MS = 50.0
CATCH_UP_S = 90.0
WORK = SelfplayWork(64, 32, 32, 32, 8, 8, 4, 0.25)
ADD = c.AddWork(config="hex8_2p", payload=WORK, priority=50, max_attempts=3, timeout_s=7_200)


def judged(bounds: dict[str, bool]) -> int:
    """Tell which bounds are broken; the exit status."""
    for bound, holds in bounds.items():
        print(f"{'held' if holds else 'BROKEN'}: {bound}", flush=True)
    return int(not all(bounds.values()))


def tell_load(when: str) -> None:
    print(f"load of the machine {when}: {', '.join(f'{x:.1f}' for x in os.getloadavg())}")


class Meter:
    """What the voters spent, and what the leader decided, while it was switched on."""

    def __init__(self, made: Cluster) -> None:
        self._made = made
        self.seconds = 0.0
        self._cpu = dict.fromkeys([*made.children, "client"], 0.0)
        self._entries = self._syncs = 0

    @asynccontextmanager
    async def on(self) -> AsyncIterator[None]:
        child = self._made.children[await self._made.leader()]
        before, cpu, began = await child.ask("stats"), self._made.cpu_s(), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began
        after = await child.ask("stats")
        for name, spent in self._made.cpu_s().items():
            self._cpu[name] += spent - cpu[name]
        self._entries += after["commit"] - before["commit"]
        self._syncs += after["syncs"] - before["syncs"]

    def __str__(self) -> str:
        shares = ", ".join(
            f"{name} {spent / self.seconds:.2f}" for name, spent in self._cpu.items()
        )
        return f"{self._entries / max(1, self._syncs):.1f} entries a sync; cores used: {shares}"


async def write(count: int, seconds: float) -> dict[str, bool]:
    bounds: dict[str, bool] = {}
    for sync_ms in (0.0, SLOW_SYNC_MS):
        label = f"sync {sync_ms:.0f} ms slower" if sync_ms else "disk as it is"
        async with cluster(count, sync_ms=sync_ms) as made:
            session = await Session.open(made.propose, "bench", 1)
            took: list[float] = []
            meter = Meter(made)
            async with meter.on():
                until = time.perf_counter() + seconds
                while (began := time.perf_counter()) < until:
                    await session.propose(WRITE)
                    took.append(1000 * (time.perf_counter() - began))
            spread(f"{label}: durable write, one at a time", took, "ms")
            print(f"    {meter}")
            done, meter = await pour(made, seconds)
            print(f"{label}: 256 at a time: {done:.0f} commands/s; {meter}", flush=True)
            if not sync_ms:
                bounds["a write takes less than 10 ms (p50)"] = quantile(took, 0.5) < 10
                bounds["at least 3,000 commands/s, 256 outstanding"] = done >= 3_000
    return bounds


async def pour(made: Cluster, seconds: float) -> tuple[float, Meter]:
    """Write with 256 outstanding; return the commands in a second, and what that took."""
    sessions = [await Session.open(made.propose, f"bench{n}", 1) for n in range(8)]
    done, meter = 0, Meter(made)
    until = time.perf_counter() + seconds

    async def one(session: Session) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await session.propose(WRITE)
            done += 1

    async with meter.on(), trio.open_nursery() as nursery:
        for session, _ in itertools.product(sessions, range(32)):
            nursery.start_soon(one, session)
    return done / meter.seconds, meter


# Claims.


async def at_once(limit: int, calls: list[Callable[[], Awaitable[None]]]) -> None:
    """Do calls, so many at a time."""
    left = iter(calls)

    async def some() -> None:
        for call in left:
            await call()

    async with trio.open_nursery() as nursery:
        for _ in range(limit):
            nursery.start_soon(some)


class Desk:
    """A queue of pending work, and a node that claims from it."""

    NODE = "w"
    PENDING = 256

    def __init__(self, made: Cluster, session: Session) -> None:
        self.made, self._session = made, session
        self._held: dict[int, int] = {}

    async def set_up(self) -> None:
        """Let the node be a member, and fill the queue: to hand back is not limited, to add is."""
        abilities = Abilities(kinds=("selfplay",), slots=1_024, cores=1, memory_bytes=0)
        life = Life(boot=1, nonce="0" * 32, version="0", supports=1, abilities=abilities)
        join = c.JoinMember(node=self.NODE, name=self.NODE, life=life)
        for command in (WRITE, join):
            result = (await self._session.propose(command)).result
            assert isinstance(result, Done), result
        while len(self._held) < self.PENDING:
            await self._session.propose(ADD)
            await self.claim(1)
        await self.hand_back()

    async def claim(self, slots: int) -> None:
        claim = c.ClaimWork(node=self.NODE, boot=1, kinds=("selfplay",), slots=slots)
        result = (await self._session.propose(claim)).result
        assert isinstance(result, Claimed) and result.items, result
        assert not self._held.keys() & set(result.items), "an item was claimed twice"
        self._held |= dict.fromkeys(result.items, result.claim)

    async def hand_back(self) -> None:
        async def one(item: int, claim: int) -> None:
            back = c.ReturnWork(item=item, claim=claim, reason="again")
            result = (await self._session.propose(back)).result
            assert isinstance(result, Done), result

        await at_once(64, [partial(one, *held) for held in self._held.items()])
        self._held.clear()

    async def rate(self, slots: int, outstanding: int, seconds: float) -> tuple[float, Meter]:
        """Items claimed in a second, so many a claim."""
        items, meter = 0, Meter(self.made)
        while meter.seconds < seconds:
            calls = [partial(self.claim, slots)] * (self.PENDING // slots)
            async with meter.on():
                await at_once(outstanding, calls)
            items += len(self._held)
            await self.hand_back()
        return items / meter.seconds, meter


async def claims(count: int, seconds: float) -> dict[str, bool]:
    bounds: dict[str, bool] = {}
    for sync_ms in (0.0, SLOW_SYNC_MS):
        label = f"sync {sync_ms:.0f} ms slower" if sync_ms else "disk as it is"
        async with cluster(count, sync_ms=sync_ms) as made:
            desk = Desk(made, await Session.open(made.propose, "bench", 1))
            await desk.set_up()
            for slots, outstanding in ((1, 1), (1, 64), (64, 1), (256, 1)):
                rate, meter = await desk.rate(slots, outstanding, seconds)
                what = f"claims of {slots}, {outstanding} at a time"
                print(f"{label}: {what}: {rate:.0f} items/s; {meter}", flush=True)
                if not sync_ms:
                    least = 200 if slots == 1 else 1_000
                    bounds[f"at least {least:,} items/s by {what}"] = rate >= least
    return bounds


# Leaders that go.


async def kill(count: int, times: int) -> dict[str, bool]:
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
            made.children[victim].signal(signal.SIGKILL)
            began = time.perf_counter()
            index = (await session.propose(WRITE)).index
            written += 1
            took.append(1000 * (time.perf_counter() - began))
            made.children[victim].end()
            made.start(victim)
            await trio.sleep(rng.uniform(0.8, 1.5))
        spread("first acknowledged write after kill -9 of the leader", took, "ms")
        while made.follower.applied_index < index:
            await trio.sleep(0.01)
        kept = made.follower.state.sessions.rows[session.number]
        newest = kept.kept[-1]
        print(f"{written} writes acknowledged, the newest is number {newest.seq}")
        return {"no acknowledged write is lost": (newest.seq, newest.index) == (written, index)}


async def handover(count: int, times: int) -> dict[str, bool]:
    async with cluster(count) as made:
        took: list[float] = []
        for _ in range(times):
            answer = await made.children[await made.leader()].ask("hand over")
            if answer["done"]:
                took.append(answer["ms"])
            await trio.sleep(0.7)
        spread(f"handing over ({len(took)} of {times} done)", took, "ms")
    return {}


class Client:
    """Writes and reads all the time, and knows when a read is stale."""

    def __init__(self, made: Cluster, session: Session) -> None:
        self._made, self._session = made, session
        self.acknowledged = 0
        self.writes: list[float] = []
        self.reads: list[float] = []
        self.stale: list[str] = []

    async def write(self) -> None:
        while True:
            began = time.perf_counter()
            index = (await self._session.propose(WRITE)).index
            self.writes.append(1000 * (time.perf_counter() - began))
            self.acknowledged = max(self.acknowledged, index)

    async def read(self) -> None:
        follower = self._made.follower
        while True:
            began, due, count = time.perf_counter(), self.acknowledged, len(self.writes)
            while True:
                try:
                    index = await follower.read_barrier()
                    break
                except NotLeaderError:
                    await trio.sleep(0.05)
            self.reads.append(1000 * (time.perf_counter() - began))
            seen = follower.state.sessions.rows[self._session.number].kept
            if index < due or follower.state.index < due or (count and seen[-1].seq < count):
                self.stale.append(f"a read at {index} when {due} was acknowledged")

    def tell(self) -> None:
        spread("writes", self.writes, "ms")
        spread("linearizable reads", self.reads, "ms")
        for line in self.stale:
            print(line)


async def stall(count: int, times: int, timing: Profile) -> dict[str, bool]:
    changes: list[int] = []
    async with cluster(count, timing=timing) as made:
        client = Client(made, await Session.open(made.propose, "bench", 1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.write)
            nursery.start_soon(client.read)
            for _ in range(times):
                await trio.sleep(3)
                old = await made.leader()
                child, before = made.children[old], await made.led()
                known = client.acknowledged
                place = len(client.writes)
                child.signal(signal.SIGSTOP)
                await trio.sleep(10)
                child.say("read\n" * 50)
                client_knows = client.acknowledged
                child.signal(signal.SIGCONT)
                answers = [msgspec.json.decode(await child.hear())["index"] for _ in range(50)]
                told = [index for index in answers if index is not None]
                client.stale += [f"{old} woke and read at {i}" for i in told if i < client_knows]
                await trio.sleep(5)
                changes.append(len(await made.led() - before))
                print(
                    f"{old} was stopped for 10 s: leaders that came {changes[-1]}, longest write "
                    f"{max(client.writes[place:]):.0f} ms, entries meanwhile "
                    f"{client_knows - known}; of 50 reads at once when it woke it answered "
                    f"{len(told)}",
                    flush=True,
                )
            nursery.cancel_scope.cancel()
        client.tell()
    return {
        "exactly one leader came each time": changes == [1] * times,
        "no read was stale": not client.stale,
        "the others went on": client.acknowledged > 0 and min(client.reads) >= 0,
    }


# What five voters must bear.


async def endure(count: int, minutes: float, timing: Profile) -> dict[str, bool]:
    async with cluster(count, timing=timing, loss=0.05) as made:
        with busy(os.cpu_count() or 2) as children:
            await trio.sleep(20)  # until the children play
            client = Client(made, await Session.open(made.propose, "bench", 1))
            pulses = Pulses(made, random.Random(secrets.randbits(64)))
            before, terms = await made.led(), made.follower.term
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.write)
                nursery.start_soon(client.read)
                await pulses.run(60 * minutes)
                await trio.sleep(5)
                nursery.cancel_scope.cancel()
            after = await made.led()
            client.tell()
            playing = sum(child.poll() is None for child in children)
    print(
        f"{minutes:.0f} minutes: the leader stopped {len(pulses.of_leader)} times (longest "
        f"{max(pulses.of_leader, default=0):.2f} s), followers {len(pulses.of_followers)} times "
        f"(longest {max(pulses.of_followers, default=0):.1f} s); (term, leader) before "
        f"{sorted(before)}, after {sorted(after)}; term of the client {terms}, then "
        f"{made.follower.term}"
    )
    return {
        "nobody else came to lead": len(after) == 1 and after == before,
        "no read was stale": not client.stale,
        "the leader was never stopped for 0.5 s": max(pulses.of_leader, default=0) < 0.5,
        "selfplay kept all cores busy": playing == len(children),
    }


# A voter that was away.


def settle(directory: Path, voters: tuple[str, ...]) -> int:
    """Have every voter's directory hold a state as full as it gets; return how many rows."""
    state = filled(1.0)
    for session in list(state.sessions.rows)[:100]:
        del state.sessions.rows[session]  # room for our own
    state.voters = voters
    parts = list(state.snapshot(INCARNATION))
    for name in voters:
        disk = RealDisk(directory / name / "log")
        found(disk, INCARNATION, name, voters)
        draft = Draft(disk, state.index)
        for part in parts:
            draft.add(part)
        draft.commit()
        disk.close()
    return sum(len(table) for table in state.tables().values())


async def snapshot(count: int, rate: float) -> dict[str, bool]:
    with tempfile.TemporaryDirectory(prefix="quorum-") as directory:
        made = Cluster(Path(directory), count, timing="lan", ticks=True)
        rows = settle(Path(directory), names(count))
        bystander = Process("tick")
        try:
            async with running(made):
                return await installed(made, bystander, rows, rate)
        finally:
            bystander.end()


async def installed(made: Cluster, bystander: Process, rows: int, rate: float) -> dict[str, bool]:
    bounds: dict[str, bool] = {}
    session = await Session.open(made.propose, "bench", 1)

    async def told(when: str, *whom: str) -> None:
        figures = {name: await made.children[name].ask("stats") for name in whom}
        print(f"{when}:")
        for name, its in {**figures, "only ticks": await bystander.ask("stats")}.items():
            print(
                f"    {name}: late p99 {its['late_p99']:.1f}, max {its['late_max']:.1f} ms; less "
                f"waiting for a core {its['stalled_p99']:.1f}, {its['stalled_max']:.1f} ms; "
                f"computed at a stretch up to {its['computed_max']:.1f} ms, collected garbage "
                f"up to {its['collected_max']:.1f} ms",
                flush=True,
            )
        for name, its in figures.items():
            stalled = max(its["stalled_max"], its["computed_max"])
            bounds[f"{when}: {name} stalls for 50 ms at most"] = stalled <= LONGEST_MS

    async def reset() -> None:
        for child in (*made.children.values(), bystander):
            await child.ask("reset")

    async def write() -> None:
        async with trio.open_nursery() as nursery:
            began = time.perf_counter()
            for number in itertools.count():
                await trio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                nursery.start_soon(session.propose, WRITE)

    leader = await made.leader()
    away = next(name for name in made.names if name != leader)
    made.children.pop(away).end()
    await session.propose(WRITE)
    at = made.follower.applied_index
    await reset()
    done, meter = await pour(made, 4)
    while made.follower.applied_index < at + 8_000:
        await pour(made, 1)
    print(f"{rows} rows; {done:.0f} commands/s, 256 outstanding, {meter}")
    await told("the leader pictures its state, 256 writes outstanding", leader)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await trio.sleep(2)
        await reset()
        began = time.perf_counter()
        made.start(away)
        stats: dict[str, object] = {"restored": 0, "applied": 0}
        while time.perf_counter() < began + CATCH_UP_S:
            stats = await made.children[away].ask("stats")
            if stats["restored"] and stats["applied"] >= made.follower.applied_index - 5:
                break
            await trio.sleep(0.05)
        took, behind = time.perf_counter() - began, made.follower.applied_index - stats["applied"]
        print(
            f"{away} installed {stats['restored']} snapshots; {took:.1f} s after its start it is "
            f"{behind} entries behind"
        )
        bounds[f"{away} catches up within {CATCH_UP_S:.0f} s"] = took < CATCH_UP_S
        await trio.sleep(3)
        await told(f"a snapshot is installed, {rate:.0f} writes/s", leader, away)
        nursery.cancel_scope.cancel()
    if await made.leader() != leader:
        print(f"{leader} did not lead to the end")
    return bounds


def main() -> int:
    quiet()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    what = ["write", "claims", "kill", "handover", "stall", "endure", "snapshot"]
    parser.add_argument("what", choices=what)
    parser.add_argument("--voters", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--times", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--timing", choices=list(TIMINGS), default="lan")
    o = parser.parse_args()
    measures: dict[str, Callable[[], Awaitable[dict[str, bool]]]] = {
        "write": partial(write, o.voters or 3, o.seconds),
        "claims": partial(claims, o.voters or 3, o.seconds / 2),
        "kill": partial(kill, o.voters or 5, o.times or 50),
        "handover": partial(handover, o.voters or 5, o.times or 50),
        "stall": partial(stall, o.voters or 5, o.times or 3, o.timing),
        "endure": partial(endure, o.voters or 5, o.minutes, o.timing),
        "snapshot": partial(snapshot, o.voters or 3, o.rate),
    }
    tell_load("before")
    bounds = trio.run(measures[o.what])
    tell_load("after")
    return judged(bounds)


if __name__ == "__main__":
    sys.exit(main())
