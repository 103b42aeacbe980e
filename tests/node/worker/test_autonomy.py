"""A node that nobody leads plays on, within bounds, and hands all of it in when somebody does."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import trio
from cluster_support import CONFIG, Ledger, joins, sha

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
from ringrift.node.worker.claims import Workplace
from ringrift.node.worker.leftovers import Leftovers
from ringrift.node.worker.slots import Slots

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
    assert played(ledger) == [(CONFIG, None)]
    ledger.do(c.SetGenerator(config=CONFIG, model=ledger.publish(5), reason="new"))
    assert played(ledger) == [(CONFIG, sha(5))]


def played(ledger: Ledger) -> list[tuple[str, str | None]]:
    able = choices(ledger.state, "n", PipelineSettings())
    assert not isinstance(able, str), able
    return [(config, work.weights) for config, work in able]


def test_who_cannot_play_says_why() -> None:
    ledger, settings = Ledger.founded(), PipelineSettings()
    assert "knows neither members nor generators" in choices(ClusterState(), "n", settings)
    assert "knows neither members nor generators" in choices(ledger.state, "stranger", settings)
    ledger.do(c.SetNodeMode(node="n", mode="draining", by="n"))
    assert choices(ledger.state, "n", settings) == "draining"
    ledger.do(c.SetNodeMode(node="n", mode="active", by="n"))
    ledger.do(joins("m"))
    ledger.do(c.RevokeMember(member="m", by="n"))
    assert choices(ledger.state, "m", settings) == "this node is no member that works"
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert choices(ledger.state, "n", settings) == "no configuration is active"


class Apart:
    """A replica that is led, or not, as the test says; it knows nothing, its log all."""

    def __init__(self, state: ClusterState) -> None:
        self.log = state
        self.applied_index = 0
        self.leader_id: str | None = None

    async def foreseen(self) -> ClusterState:
        return self.log


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():
        await trio.sleep(0.01)


class Site:
    """A node that plays by itself, and what a test asks of it."""

    def __init__(self, directory: Path) -> None:
        self.ledger, self.directory = Ledger.founded(), directory
        self.replica, self.slots = Apart(self.ledger.state), Slots(2, 1)
        self.blobs, self.record = BlobStore(directory / "blobs"), LoopRecord()
        self.decides = True

    async def propose(self, command: c.Command) -> Proposed:
        while self.replica.leader_id is None or not self.decides:
            await trio.sleep(0.01)
        return Proposed(self.ledger.state.index + 1, self.ledger.do(command))

    def kept(self) -> list[Path]:
        """The shards that wait to be registered."""
        return list(self.directory.glob("work/0-*/out/*.shard"))

    async def says(self, words: str) -> None:
        await _until(lambda: words in self.record.reason)

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        clock, blocking, runs = SystemClock(), InThreads(4), iter(range(1, 1_000))
        place = Workplace(
            node_id="n",
            boot=1,
            directory=self.directory / "work",
            command=(sys.executable, str(FAKE), "good", "0.01"),
            blobs=self.blobs,
            mint_run_id=lambda: f"{next(runs):032x}",
        )
        pipeline = msgspec.structs.replace(
            PipelineSettings(), selfplay_games_per_item=8, games_per_shard=4
        )
        subject = Autonomy(
            place,
            self.replica,  # type: ignore[arg-type]
            lambda: ALL,
            self.slots,
            Leftovers(place, SETTINGS, clock, blocking, self.propose),
            SETTINGS,
            pipeline,
            clock,
            blocking,
        )
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(subject.run, Pulse(self.record, clock, lambda: None))
                yield
                nursery.cancel_scope.cancel()


async def test_what_it_played_is_registered_late_once_somebody_leads(tmp_path: Path) -> None:
    here = Site(tmp_path)
    shards = here.ledger.state.shards
    async with here.playing():
        await _until(lambda: len(here.kept()) >= 3)
        assert here.slots.busy <= 2
        assert here.record.reason == f"nobody leads: playing on ({CONFIG})"
        assert shards.of(CONFIG).games == 0
        here.replica.leader_id = "n"
        await _until(lambda: shards.of(CONFIG).shards >= 3)
        await _until(lambda: here.slots.busy == 0 and not list(tmp_path.glob("work/*")))
        await _until(lambda: here.record.figures["recovered"] == shards.of(CONFIG).games)
    assert all(row.late and row.item == 0 for row in shards.rows.values())
    assert all(here.blobs.verify(row.facts.sha256) for row in shards.rows.values())


async def test_a_leader_that_goes_before_all_is_handed_over_stops_nothing(tmp_path: Path) -> None:
    here = Site(tmp_path)
    async with here.playing():
        await _until(lambda: here.kept() != [])
        here.decides, here.replica.leader_id = False, "n"
        await _until(lambda: here.slots.busy == 0)
        await here.says("somebody leads")
        kept = set(here.kept())
        here.replica.leader_id = None
        await _until(lambda: len(set(here.kept()) - kept) >= 3)
        here.decides, here.replica.leader_id = True, "n"
        await _until(lambda: here.slots.busy == 0 and not list(tmp_path.glob("work/*")))
        await _until(
            lambda: here.record.figures["recovered"] == here.ledger.state.shards.of(CONFIG).games
        )


async def test_it_plays_by_weights_that_are_here_and_says_when_they_are_not(tmp_path: Path) -> None:
    here = Site(tmp_path)
    model = here.ledger.publish(5)
    here.ledger.do(c.SetGenerator(config=CONFIG, model=model, reason="new"))
    async with here.playing():
        await here.says("the weights of no generator are here")
        assert here.slots.busy == 0
        here.blobs.path(model).parent.mkdir(parents=True)
        here.blobs.path(model).write_bytes(b"weights")
        await _until(lambda: here.kept() != [])
        await here.says("playing on")


async def test_a_node_that_was_told_nothing_yet_says_so_and_plays_once_it_was(
    tmp_path: Path,
) -> None:
    here = Site(tmp_path)
    here.replica.log = ClusterState()
    async with here.playing():
        await here.says("knows neither members nor generators")
        assert here.slots.busy == 0
        here.replica.log, here.replica.applied_index = here.ledger.state, 3
        await _until(lambda: here.kept() != [])
