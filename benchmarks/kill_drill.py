"""Kill a node at work, with real jobs, at random moments; count every game afterwards.

    .venv/bin/python benchmarks/kill_drill.py [--kills 10] [--seed 1] [--port-offset 500]

Victims are a compute child, the node under its sentinel, and sentinel and node together. After each
kill the node must come back with at least the games it had acknowledged, and go on. At the end the
log alone is replayed and every registered shard is read back: each game (run id, n) exactly once.
Prints one line a kill and a summary; exit status 1 when anything was lost or counted twice.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import trio

from ringrift.client import Client, ClientError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.transport import Nowhere
from ringrift.node.consensus.voter import Voter
from ringrift.node.data.blobs import BlobStore
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import next_life
from ringrift.node.runtime.paths import NodePaths
from ringrift.train.records import read_shard
from ringrift.wire.views import StatusView

PROFILE = """
[pipeline]
configs = ["hex8_2p"]
selfplay_games_per_item = 32
games_per_shard = 4
parallel_games = 16
training_min_new_games = 64
"""
DEADLINE_S = 240.0


class Drill:
    """One data directory and whoever runs on it."""

    def __init__(self, directory: Path, offset: int) -> None:
        profile = directory / "drill.toml"
        profile.write_text(PROFILE)
        self.data = directory / "d"
        self.command = [
            *(sys.executable, "-m", "ringrift.node.sentinel", "--profile", str(profile)),
            *("--data", str(self.data), "--port-offset", str(offset)),
        ]
        self.client = Client(self.data / "node.sock")
        self.words = directory / "words.log"
        self.sentinel = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with self.words.open("ab") as words:
            return subprocess.Popen(self.command, stdout=words, stderr=words)

    def until(self, holds: Callable[[StatusView], bool]) -> StatusView:
        deadline = time.monotonic() + DEADLINE_S
        status = None
        while time.monotonic() < deadline:
            try:
                status = self.client.status()
                if holds(status):
                    return status
            except ClientError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"nothing came back within {DEADLINE_S:.0f} s; last seen: {status}")


def games(status: StatusView) -> int:
    return sum(config.games for config in status.configs)


def jobs(node: int) -> list[psutil.Process]:
    return [p for p in psutil.Process(node).children() if "ringrift.train.job" in p.cmdline()]


def kill(drill: Drill, victim: str, status: StatusView, rng: random.Random) -> None:
    if victim == "child":
        rng.choice(jobs(status.pid)).kill()
    elif victim == "node":
        os.kill(status.pid, signal.SIGKILL)
    else:
        drill.sentinel.kill()
        os.kill(status.pid, signal.SIGKILL)
        drill.sentinel.wait()
        drill.sentinel = drill.start()


def one_kill(drill: Drill, number: int, rng: random.Random) -> None:
    status = drill.until(lambda s: s.work_counts.get("claimed", 0) > 0 and bool(jobs(s.pid)))
    time.sleep(rng.uniform(0.0, 12.0))
    status = drill.until(lambda s: bool(jobs(s.pid)))
    before = {item.id: item for item in status.work if item.state == "claimed"}
    victim = rng.choice(["child", "node", "sentinel and node"])
    kill(drill, victim, status, rng)
    killed = time.monotonic()
    after = drill.until(
        lambda s: (victim == "child" or s.pid != status.pid) and games(s) > games(status)
    )
    back = time.monotonic() - killed
    print(
        f"kill {number}: {victim}, {games(status)} games acknowledged before, "
        f"{games(after)} after {back:.1f} s, items at work were {sorted(before)}",
        flush=True,
    )


def replayed(data: Path) -> ClusterState:
    """The state that the log of the stopped node holds."""

    async def run() -> ClusterState:
        async def in_line(function: Callable[[], object]) -> object:
            return function()

        identity = next_life(NodePaths(data), "drill", lambda n: "0" * n)
        replica = await Voter.open(
            RealDisk(data / "log"),
            SystemClock(),
            in_line,  # type: ignore[arg-type]
            random.Random(0),
            Nowhere(),
            TIMINGS["local"],
            node_id=identity.node_id,
            incarnation=identity.incarnation,
        )
        return replica.state

    return trio.run(run)


def count(data: Path) -> tuple[int, int, int, int]:
    """(shards, games by the index, games read back, distinct game ids)."""
    state = replayed(data)
    blobs = BlobStore(data / "blobs")
    seen: set[tuple[str, int]] = set()
    read = 0
    for shard in state.shards.rows.values():
        header, records = read_shard(blobs.verify(shard.facts.sha256))
        read += len(records)
        seen |= {(header.run_id, record.number) for record in records}
    return len(state.shards.rows), state.shards.of("hex8_2p").games, read, len(seen)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a node at random and count its games.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port-offset", type=int, default=500)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="drill-") as directory:
        drill = Drill(Path(directory), options.port_offset)
        try:
            for number in range(1, options.kills + 1):
                one_kill(drill, number, rng)
            acknowledged = games(drill.until(lambda s: True))
        finally:
            drill.sentinel.send_signal(signal.SIGINT)
            drill.sentinel.wait()
        shards, indexed, read, distinct = count(drill.data)
    print(f"{shards} shards: {indexed} games in the index, {read} read back, {distinct} distinct;")
    print(f"{acknowledged} had been acknowledged before the end.")
    return int(not (indexed == read == distinct >= acknowledged))


if __name__ == "__main__":
    sys.exit(main())
