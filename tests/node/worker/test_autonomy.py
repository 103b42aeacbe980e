"""A node that nobody leads plays on, within bounds, and hands all of it in when somebody does."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import trio
from cluster_support import CONFIG, Ledger, sha

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import Kind
from ringrift.node.consensus.replica import Proposed
from ringrift.node.data.blobs import BlobStore
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.runtime.settings import PipelineSettings, WorkerSettings
from ringrift.node.worker.admission import Admission
from ringrift.node.worker.autonomy import Autonomy, choices, why_not
from ringrift.node.worker.leftovers import Leftovers
from ringrift.node.worker.slots import Slots
from ringrift.node.worker.worker import Workplace

FAKE = Path(__file__).parents[1] / "fake_child.py"
SETTINGS = WorkerSettings(autonomy_after_s=0.2, stop_grace_s=10.0, heartbeat_timeout_s=20.0)
ALL = Admission(get_args(Kind))


@pytest.mark.parametrize(
    ("leaderless_s", "admitted", "kept", "words"),
    [
        (0.0, ALL, 0, "somebody leads"),
        (59.0, ALL, 0, "no leader for 59 s"),
        (61.0, ALL, 0, None),
        (61.0, Admission((), "draining"), 0, "draining"),
        (61.0, Admission(("training",)), 0, "no selfplay"),
        (61.0, ALL, 10 << 30, "GB wait"),
        (86_461.0, ALL, 0, "24 h"),
    ],
)
def test_a_node_plays_by_itself_within_bounds(
    leaderless_s: float, admitted: Admission, kept: int, words: str | None
) -> None:
    against = why_not(leaderless_s, admitted, kept, WorkerSettings())
    assert (against is None) == (words is None)
    assert words is None or words in str(against)


def test_it_plays_what_is_active_by_the_last_known_generator() -> None:
    ledger = Ledger.founded()
    ledger.do(c.SetConfigMode(config="square8_2p", mode="paused", by="n"))
    ((config, work),) = choices(ledger.state, PipelineSettings())
    assert (config, work.weights) == (CONFIG, None)
    ledger.do(c.SetGenerator(config=CONFIG, model=ledger.publish(5), reason="new"))
    ((_, work),) = choices(ledger.state, PipelineSettings())
    assert work.weights == sha(5)


class Apart:
    """A replica that is led, or not, as the test says."""

    def __init__(self, state: ClusterState) -> None:
        self.state = state
        self.leader_id: str | None = None


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await trio.sleep(0.01)


async def test_what_it_played_is_registered_late_once_somebody_leads(tmp_path: Path) -> None:
    ledger, clock, blocking = Ledger.founded(), SystemClock(), InThreads(4)
    replica, runs = Apart(ledger.state), iter(range(1, 1_000))

    async def propose(command: c.Command) -> Proposed:
        assert replica.leader_id is not None
        return Proposed(ledger.state.index + 1, ledger.do(command))

    place = Workplace(
        node_id="n",
        boot=1,
        directory=tmp_path / "work",
        command=(sys.executable, str(FAKE), "good", "0.01"),
        blobs=BlobStore(tmp_path / "blobs"),
        mint_run_id=lambda: f"{next(runs):032x}",
    )
    slots = Slots(2, 1)
    pipeline = msgspec.structs.replace(
        PipelineSettings(), selfplay_games_per_item=8, games_per_shard=4
    )
    subject = Autonomy(
        place,
        replica,  # type: ignore[arg-type]
        lambda: ALL,
        slots,
        Leftovers(place, SETTINGS, clock, blocking, propose),
        SETTINGS,
        pipeline,
        clock,
        blocking,
    )
    record = LoopRecord()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(subject.run, Pulse(record, clock, lambda: None))
            await _until(lambda: len(list(tmp_path.glob("work/0-*/out/*.shard"))) >= 3)
            assert slots.busy <= 2
            assert ledger.state.shards.of(CONFIG).games == 0
            replica.leader_id = "n"
            await _until(lambda: ledger.state.shards.of(CONFIG).shards >= 3)
            await _until(lambda: slots.busy == 0 and not list(tmp_path.glob("work/*")))
            nursery.cancel_scope.cancel()
    rows = ledger.state.shards.rows.values()
    assert all(row.late and row.item == 0 for row in rows)
    assert all(place.blobs.verify(row.facts.sha256) for row in rows)
    assert record.figures["recovered"] == ledger.state.shards.of(CONFIG).games
