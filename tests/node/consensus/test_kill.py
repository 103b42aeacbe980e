"""kill -9 of a real process at random moments: nothing acknowledged is lost."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio
from alone import alone
from cluster_support import INCARNATION

from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk

T = TypeVar("T")
KILLS = 4


async def inline(call: Callable[[], T]) -> T:
    return call()


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    rng = random.Random(3)
    directory = tmp_path / "log"
    added: set[int] = set()
    cancelled: set[int] = set()
    script = Path(__file__).with_name("acknowledging.py")
    support = str(Path(__file__).parents[2])
    for boot in range(1, KILLS + 1):
        with trio.fail_after(60):
            process = await trio.lowlevel.open_process(
                [sys.executable, str(script), str(directory), str(boot)],
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": support},
            )
            assert process.stdout is not None
            said = b""
            wanted = rng.randint(20, 400)
            while said.count(b"\n") < wanted:
                said += await process.stdout.receive_some(4096)
            process.kill()
            while more := await process.stdout.receive_some(65_536):
                said += more
            await process.wait()
            await process.stdout.aclose()
        for line in said.decode().splitlines():
            what, _, index = line.partition(" ")
            (added if what == "added" else cancelled).add(int(index))
        replica = await alone(
            RealDisk(directory), SystemClock(), inline, node_id="n", incarnation=INCARNATION
        )
        rows = replica.state.work.rows
        assert added <= set(rows)
        assert all(rows[index].state == "cancelled" for index in cancelled)
        replica.state.check()
    assert len(added) > 40
