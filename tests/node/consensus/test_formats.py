"""Directories written by earlier versions: what was decided then must read the same for ever.

When a format changes after the first release, add a directory (see `make_format.py`); never edit
one.
"""

import shutil
from pathlib import Path

from cluster_support import CONFIG, INCARNATION, sha

from ringrift.node.consensus.raft.ready import HardState, Origin
from ringrift.node.consensus.storage import Storage
from ringrift.node.runtime.disk import RealDisk

DATA = Path(__file__).with_name("data")


def test_format_1_opens_with_snapshot_and_tail(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    shutil.copytree(DATA / "format-1", directory)
    _, found = Storage.recover(RealDisk(directory), INCARNATION, "n")
    assert found.hard_state == HardState(2, "n")
    assert found.origin == Origin(40, 1, ("m", "n", "o"))
    for entry in found.entries:
        found.state.apply(entry)
    assert (found.state.index, found.state.digest()) == (
        58,
        "16e58d2ac59e7c77dcced5da7bd4c02681ecd4a205ccfa4748b6619bcb358e8e",
    )
    assert found.state.configs.rows[CONFIG].champion == sha(5)
