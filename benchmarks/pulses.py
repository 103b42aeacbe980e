"""What the endurance trial of `quorum.py` does to its voters: busy cores, and stops."""

import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import trio
from voters import Cluster

from ringrift.wire.job import SelfplayJob


@contextmanager
def busy(cores: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Children that play for as long as it takes, as a node starts them."""
    with tempfile.TemporaryDirectory(prefix="busy-") as directory:
        children: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(cores):
                job = SelfplayJob(
                    config="hex8_2p",
                    run_id=secrets.token_hex(16),
                    games=10_000_000,
                    out_dir=directory,
                )
                child = subprocess.Popen(
                    [sys.executable, "-m", "ringrift.train.job"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    process_group=0,
                )
                children.append(child)
                assert child.stdin is not None
                child.stdin.write(msgspec.json.encode(job) + b"\n")
                child.stdin.flush()
            yield children
        finally:
            for child in children:
                child.kill()
                child.wait()


class Pulses:
    """Stops voters for a while, never so many that no majority runs."""

    def __init__(self, made: Cluster, rng: random.Random) -> None:
        self._made, self._rng = made, rng
        self._stopped: set[str] = set()
        self.of_leader: list[float] = []
        self.of_followers: list[float] = []

    async def run(self, seconds: float) -> None:
        """Go on for a time, and return when all run again."""
        rng, until = self._rng, trio.current_time() + seconds
        async with trio.open_nursery() as nursery:
            while trio.current_time() < until:
                await trio.sleep(rng.uniform(0.1, 1.5))
                leader = await self._made.leader()
                if len(self._stopped) >= (len(self._made.names) - 1) // 2:
                    continue
                if rng.random() < 0.3:
                    if leader not in self._stopped:
                        nursery.start_soon(self._stop, leader, rng.uniform(0.05, 0.45), True)
                    continue
                running = {*self._made.names} - self._stopped - {leader}
                length = 0.05 * 400 ** rng.random()
                nursery.start_soon(self._stop, rng.choice(sorted(running)), length, False)

    async def _stop(self, name: str, seconds: float, leads: bool) -> None:
        self._stopped.add(name)
        child, began = self._made.children[name], time.perf_counter()
        child.signal(signal.SIGSTOP)
        if leads:
            # Not through the loop of this process: it may be late, and half a second is the most.
            await trio.to_thread.run_sync(time.sleep, seconds)
        else:
            await trio.sleep(seconds)
        child.signal(signal.SIGCONT)
        (self.of_leader if leads else self.of_followers).append(time.perf_counter() - began)
        await trio.sleep(0.5)
        self._stopped.discard(name)
