"""Proposes for ever on a real disk and prints the index of every acknowledgement: for test_kill."""

import sys
from functools import partial
from pathlib import Path

import trio
from alone import alone
from cluster_support import CONFIG, INCARNATION, SELFPLAY

from ringrift.node.cluster import commands as c
from ringrift.node.consensus.host import Upkeep
from ringrift.node.consensus.session import Session
from ringrift.node.consensus.voter import Limits
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk

ADD = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=3, timeout_s=60)


async def main(directory: str, boot: int) -> None:
    replica = await alone(
        RealDisk(Path(directory)),
        SystemClock(),
        partial(trio.to_thread.run_sync, limiter=trio.CapacityLimiter(1)),
        node_id="n",
        incarnation=INCARNATION,
        limits=Limits(upkeep=Upkeep(entries=40, kept=10), segment_bytes=8_000),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(replica.run)
        session = await Session.open(replica, "n", boot)
        await session.propose(c.SetConfigMode(config=CONFIG, mode="active", by="n"))

        async def work() -> None:
            while True:
                added = (await session.propose(ADD)).index
                print("added", added, flush=True)
                await session.propose(c.CancelWork(item=added, by="n"))
                print("cancelled", added, flush=True)

        for _ in range(3):
            nursery.start_soon(work)


trio.run(main, sys.argv[1], int(sys.argv[2]))
