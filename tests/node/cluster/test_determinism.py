"""The state is a function of the log alone: another process, another hash seed, the same digest."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_support import INCARNATION, Ledger, wander

from ringrift.node.cluster.results import Refused
from ringrift.node.consensus.log import Log
from ringrift.node.runtime.disk import RealDisk

STEPS = 1_500


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    ledger = Ledger.founded()
    wander(ledger, random.Random(20), STEPS)
    return ledger


def test_the_log_alone_gives_the_same_digest_under_any_hash_seed(
    ledger: Ledger, tmp_path: Path
) -> None:
    disk = RealDisk(tmp_path / "log")
    log = Log(disk, bytes.fromhex(INCARNATION))
    log.append(ledger.entries)
    log.sync()
    disk.close()
    script = Path(__file__).with_name("replay_digest.py")
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path / "log"), INCARNATION],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.split() == [str(len(ledger.entries)), ledger.state.digest()]


def test_the_drawn_log_reaches_every_table_and_both_answers(ledger: Ledger) -> None:
    state = ledger.state
    assert all(len(table) >= 1 for table in state.tables().values())
    assert len(state.models.rows) >= 5
    kept = [kept.result for kept in state.sessions.rows[1].kept]
    refused = sum(isinstance(result, Refused) for result in kept)
    assert 0 < refused < len(kept)
