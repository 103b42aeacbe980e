"""Directories written by earlier versions: what was decided then must read the same for ever.

When a format changes, add a directory; never edit one.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cluster_support import CONFIG, INCARNATION, sha

from ringrift.node.consensus.single import SingleReplica
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk

T = TypeVar("T")
DATA = Path(__file__).with_name("data")


async def inline(call: Callable[[], T]) -> T:
    return call()


async def test_format_1_opens_with_snapshot_and_tail(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    shutil.copytree(DATA / "format-1", directory)
    replica = await SingleReplica.open(
        RealDisk(directory), SystemClock(), inline, node_id="n", incarnation=INCARNATION
    )
    assert replica.term == 2
    assert (replica.applied_index, replica.state.digest()) == (
        58,
        "53ed7c3dbce5dc8d89c83f5249dbc3f8f22b94b839de29e71ba5244308f32ac5",
    )
    assert replica.state.configs.rows[CONFIG].champion == sha(5)
