"""The worker against a real replica on a memory disk, with children that are real but play fake."""

import os
import random
import signal
import sys
import typing
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
import trio
from alone import alone
from cluster_support import joins, sha, shard, trained, training

from ringrift.node.cluster.commands import (
    AddWork,
    CancelWork,
    ClaimWork,
    Command,
    CompleteWork,
    FailWork,
    RegisterShard,
    ReturnWork,
    SetConfigMode,
    SetGenerator,
    SetNodeMode,
)
from ringrift.node.cluster.results import Claimed, Queued
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import Item, SelfplayOutcome, SelfplayWork
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.replica import Proposed
from ringrift.node.consensus.voter import Voter
from ringrift.node.data.blobs import BlobError, BlobStore
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.runtime.settings import WorkerSettings
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.sim.disk import MemoryDisk
from ringrift.node.worker import worker as driver
from ringrift.node.worker.admission import admission
from ringrift.node.worker.claims import CHILD_FILE, ChildRecord, Workplace
from ringrift.node.worker.slots import Slots
from ringrift.node.worker.supplies import Fetch, nothing_else
from ringrift.node.worker.worker import (
    MOST_CLAIMED,
    REGISTER_S,
    SICK_AFTER,
    Worker,
    pause_s,
)

FAKE = Path(__file__).parents[1] / "fake_child.py"
NODE = "node-1"
SETTINGS = WorkerSettings(claim_interval_s=0.05, heartbeat_timeout_s=20.0, stop_grace_s=10.0)
T = TypeVar("T")


async def in_line(function: Callable[[], T]) -> T:
    return function()


class Site:
    """One node's replica and worker, and what a test asks of them."""

    def __init__(self, replica: Voter, boot: int, directory: Path) -> None:
        self.replica = replica
        self.boot = boot
        self.directory = directory
        self.propose = Proposer(replica, NODE, boot).propose
        self.record = LoopRecord()
        self.runs = 0
        self.leader_id: str | None = NODE

    async def decide(self, command: Command) -> Proposed:
        """Propose as a worker does: when nobody leads, it waits."""
        if self.leader_id is None:
            await trio.sleep_forever()
        return await self.propose(command)

    def lying_there(self) -> set[str]:
        """The shards that the log is not known to know of."""
        return {path.stem for path in self.directory.glob("work/*/out/*.shard")}

    @property
    def state(self) -> ClusterState:
        return self.replica.state

    def worker(
        self, behaviour: str, pace_s: float, slots: int = 1, fetch: Fetch = nothing_else
    ) -> Worker:
        def mint() -> str:
            self.runs += 1
            return f"{self.boot:016x}{self.runs:016x}"

        def admit():
            row = self.state.members.rows[NODE]
            return admission(
                ("selfplay",),
                active=row.mode == "active",
                hands_in=row.mode != "active",
                tier=None,
                disk_free_bytes=None,
                disk_floor_bytes=0,
            )

        place = Workplace(
            node_id=NODE,
            boot=self.boot,
            directory=self.directory / "work",
            command=(sys.executable, str(FAKE), behaviour, str(pace_s)),
            blobs=BlobStore(self.directory / "blobs"),
            mint_run_id=mint,
        )
        return Worker(
            place,
            self,  # type: ignore[arg-type]
            self.decide,
            admit,
            Slots(slots, 1),
            SETTINGS,
            SystemClock(),
            InThreads(4),
            Wakeup(),
            fetch=fetch,
        )

    async def queue(self, games: int = 8, max_attempts: int = 2) -> int:
        payload = SelfplayWork(
            games=games,
            parallel_games=4,
            games_per_shard=4,
            full_simulations=8,
            full_considered=4,
            cheap_simulations=8,
            cheap_considered=4,
            full_fraction=0.5,
        )
        command = AddWork(
            config="hex8_2p", payload=payload, priority=1, max_attempts=max_attempts, timeout_s=60
        )
        result = (await self.propose(command)).result
        assert isinstance(result, Queued)
        return result.item

    async def generate_with(self, model: str) -> None:
        """Have selfplay use a network that was made, and lies, elsewhere."""
        await self.propose(RegisterShard(item=1, claim=1, shard=shard(1)))
        payload = training((sha(1),))
        add = AddWork(config="hex8_2p", payload=payload, priority=1, max_attempts=1, timeout_s=60)
        queued = (await self.propose(add)).result
        claim = ClaimWork(node=NODE, boot=self.boot, kinds=("training",), slots=1)
        claimed = (await self.propose(claim)).result
        assert isinstance(queued, Queued)
        assert isinstance(claimed, Claimed)
        outcome = trained(model)
        done = CompleteWork(item=queued.item, claim=claimed.claim, outcome=outcome)
        await self.propose(done)
        await self.propose(SetGenerator(config="hex8_2p", model=model, reason="new"))

    def item(self, item: int) -> Item:
        return self.state.work.rows[item]

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await trio.sleep(0.01)

    @asynccontextmanager
    async def working(self, worker: Worker) -> AsyncIterator[None]:
        pulse = Pulse(self.record, SystemClock(), lambda: None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.run, pulse)
            yield
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def site(directory: Path, disk: MemoryDisk | None = None, boot: int = 1):
    replica = await alone(
        disk or MemoryDisk(random.Random(1)),
        SystemClock(),
        in_line,
        node_id=NODE,
        incarnation="0" * 32,
    )
    with trio.fail_after(40):
        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            subject = Site(replica, boot, directory)
            join = joins(NODE, boot)
            await subject.propose(join)
            await subject.propose(SetConfigMode(config="hex8_2p", mode="active", by="n"))
            yield subject
            nursery.cancel_scope.cancel()


async def test_claimed_work_is_done_registered_and_cleared_away(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        items = [await here.queue(), await here.queue()]
        worker = here.worker("good", 0.0, slots=2)
        async with here.working(worker):
            await here.until(lambda: all(here.item(i).state == "completed" for i in items))
            await here.until(lambda: worker.slots.busy == 0)
            # A slot is free as soon as its child is gone, which may be before all is cleared away.
            await here.until(lambda: not list((tmp_path / "work").iterdir()))
        assert here.state.shards.of("hex8_2p").games == 16
        blobs = BlobStore(tmp_path / "blobs")
        assert all(blobs.verify(sha256) for sha256 in here.state.shards.rows)


async def test_slots_bound_what_runs_at_once(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for _ in range(3):
            await here.queue()
        worker = here.worker("good", 0.05)
        async with here.working(worker):
            await here.until(lambda: worker.slots.busy == 1)
            assert len(list(here.state.work.claimed())) == 1
            assert len(list(here.state.work.pending())) == 2


async def test_a_machine_of_more_slots_than_a_claim_may_name_asks_more_than_once(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here:
        item = await here.queue()
        worker = here.worker("good", 0.0, slots=MOST_CLAIMED + 1)
        async with here.working(worker):
            await here.until(lambda: here.item(item).state == "completed")
    bounded = typing.get_type_hints(ClaimWork, include_extras=True)["slots"]
    assert msgspec.convert(MOST_CLAIMED, bounded) == MOST_CLAIMED


async def test_a_drain_hands_in_and_gives_back_without_costing_an_attempt(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        item = await here.queue(games=4_000)
        worker = here.worker("good", 0.05)
        async with here.working(worker):
            await here.until(lambda: here.state.shards.of("hex8_2p").games > 0)
            await here.propose(SetNodeMode(node=NODE, mode="draining", by="n"))
            await here.until(lambda: here.state.node_mode(NODE) == "drained")
            assert (here.item(item).state, here.item(item).attempts) == ("pending", 0)
            await here.until(lambda: worker.slots.busy == 0)
            handed_in = here.state.shards.of("hex8_2p").games
            await here.propose(SetNodeMode(node=NODE, mode="active", by="n"))
            await here.until(lambda: here.state.shards.of("hex8_2p").games > handed_in)


async def test_a_cancelled_item_stops_its_child(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        item = await here.queue(games=4_000)
        worker = here.worker("good", 0.05)
        async with here.working(worker):
            await here.until(lambda: worker.progress() != {})
            await here.propose(CancelWork(item=item, by="n"))
            await here.until(lambda: worker.slots.busy == 0)
        assert here.item(item).state == "cancelled"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("crash", "out of coffee"), ("refuse", "games must be positive"), ("garbage", "no line")],
)
async def test_a_failing_child_costs_attempts_until_the_item_has_failed_for_a_reason(
    tmp_path: Path, behaviour: str, words: str
) -> None:
    async with site(tmp_path) as here:
        item = await here.queue()
        async with here.working(here.worker(behaviour, 0.0)):
            await here.until(lambda: here.item(item).state == "failed")
        assert here.item(item).attempts == 2
        assert words in (here.item(item).error or "")


async def test_children_that_cannot_live_are_not_started_over_and_over(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for _ in range(20):
            await here.queue(max_attempts=1)
        async with here.working(here.worker("crash", 0.0)):
            await here.until(lambda: not here.record.well)
            assert here.runs == SICK_AFTER
            assert "3 children failed in a row, the next starts in" in here.record.reason
            assert "out of coffee" in here.record.reason
            await trio.sleep(1)
            assert here.runs == SICK_AFTER


async def test_a_child_that_finishes_makes_up_for_those_that_failed(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        item = await here.queue()
        worker = here.worker("good", 0.0)
        for _ in range(SICK_AFTER):
            worker.note_end(FailWork(item=item, claim=1, reason="bad luck"))
        worker.note_end(ReturnWork(item=item, claim=1, reason="a drain says nothing"))
        async with here.working(worker):
            await here.until(lambda: not here.record.well)
            worker.note_end(CompleteWork(item=item, claim=1, outcome=SelfplayOutcome(8, 8, 1.0)))
            await here.until(lambda: here.item(item).state == "completed")
            assert here.record.well


def test_pauses_after_failures_double_to_a_minute() -> None:
    assert [pause_s(n) for n in (1, 2, 3, 6, 7, 10_000)] == [1, 2, 4, 32, 60, 60]


async def test_a_killed_child_costs_one_attempt_and_the_work_goes_on(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        item = await here.queue(games=4_000)
        async with here.working(here.worker("good", 0.02)):
            await here.until(lambda: here.state.shards.of("hex8_2p").games > 0)
            claim = here.item(item).claim
            assert claim is not None
            record = tmp_path / "work" / f"{item}-{claim.index}" / CHILD_FILE
            os.kill(msgspec.json.decode(record.read_bytes(), type=ChildRecord).pid, signal.SIGKILL)
            await here.until(lambda: here.item(item).claim not in (None, claim))
            handed_in = here.state.shards.of("hex8_2p").games
            await here.until(lambda: here.state.shards.of("hex8_2p").games > handed_in)
        assert "killed by SIGKILL" in (here.item(item).error or "")


async def test_a_shard_that_a_killed_child_did_not_speak_of_is_found(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        item = await here.queue(max_attempts=1)
        worker = here.worker("unheard", 0.0)
        async with here.working(worker):
            await here.until(lambda: here.item(item).state == "failed" and not worker.claims())
        assert here.state.shards.of("hex8_2p").games == 4


async def test_closing_gives_everything_back(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        items = [await here.queue(games=4_000), await here.queue(games=4_000)]
        worker = here.worker("good", 0.05, slots=2)
        async with here.working(worker):
            await here.until(lambda: worker.slots.busy == 2)
            await worker.close("the node stops")
            assert [here.item(i).state for i in items] == ["pending", "pending"]
            assert [here.item(i).attempts for i in items] == [0, 0]


async def test_closing_ends_though_nobody_leads_and_the_next_life_hands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "UNLED_S", 0.2)
    disk = MemoryDisk(random.Random(1))
    async with site(tmp_path, disk) as before:
        await before.queue(games=4_000)
        worker = before.worker("good", 0.02)
        async with before.working(worker):
            await before.until(lambda: before.state.shards.of("hex8_2p").games > 0)
            before.leader_id = None
            await before.until(lambda: len(before.lying_there()) >= 3)
            with trio.fail_after(REGISTER_S / 2):
                await worker.close("the node stops")
            # What the child said last was not even heard, but all that it wrote is there.
            assert worker.slots.busy == 0 and worker.claims() != ()
        left = before.lying_there()
        assert len(left) >= 3
    async with site(tmp_path, disk, boot=2) as after:
        assert len(left - after.state.shards.rows.keys()) >= 2
        async with after.working(after.worker("good", 0.02)):
            await after.until(lambda: left <= after.state.shards.rows.keys())
            await after.until(lambda: not left & after.lying_there())


async def test_closing_waits_for_children_even_when_nobody_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "UNLED_S", 0.0)
    async with site(tmp_path) as here:
        await here.queue(games=4_000)
        worker = here.worker("good", 0.05)
        async with here.working(worker):
            await here.until(lambda: here.lying_there() != set())
            here.leader_id = None
            # One of those who play on without a leader, which has its slot by itself.
            worker.slots.busy += 1
            with trio.move_on_after(0.5) as waiting:
                await worker.close("the node stops")
            assert waiting.cancelled_caught
            assert worker.slots.busy == 1
            worker.slots.busy -= 1
            await worker.close("the node stops")


async def test_a_child_that_is_gone_leaves_its_slot_though_nobody_takes_what_it_made(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here:
        await here.queue(games=400)
        worker = here.worker("good", 0.02)
        async with here.working(worker):
            await here.until(lambda: here.state.shards.of("hex8_2p").games > 0)
            here.leader_id = None
            await here.until(lambda: len(here.lying_there()) >= 3)
            worker.hand_in("no leader has heard of this claim")
            with trio.fail_after(REGISTER_S / 2):
                await here.until(lambda: worker.slots.busy == 0)
            assert worker.claims() != ()


async def test_what_a_killed_life_left_is_registered_once_and_its_claim_returned(
    tmp_path: Path,
) -> None:
    disk = MemoryDisk(random.Random(1))
    async with site(tmp_path, disk) as before:
        item = await before.queue(games=4_000)
        async with before.working(before.worker("good", 0.02)):
            await before.until(lambda: before.state.shards.of("hex8_2p").shards >= 3)
        acknowledged = set(before.state.shards.rows)
        assert before.item(item).state == "claimed"
    # The child was killed with its worker; a shard may lie there that the log never heard of.
    async with site(tmp_path, disk, boot=2) as after:
        assert (after.item(item).state, after.item(item).attempts) == ("pending", 0)
        worker = after.worker("good", 0.02)
        async with after.working(worker):
            await after.until(lambda: worker.slots.busy == 1)
        kept = after.state.shards.rows
        assert acknowledged <= kept.keys()
        ranges = [(s.facts.run_id, s.facts.first_game) for s in kept.values()]
        assert len(set(ranges)) == len(ranges)


class Elsewhere:
    """Another node's files: they come when the gate is opened, or not at all."""

    def __init__(self, blobs: BlobStore, error: str | None = None) -> None:
        self.asked: list[str] = []
        self.gate = trio.Event()
        self.stopped = 0
        self._blobs, self._error = blobs, error

    async def fetch(self, sha256: str) -> None:
        self.asked.append(sha256)
        try:
            await self.gate.wait()
        except trio.Cancelled:
            self.stopped += 1
            raise
        if self._error is not None:
            raise BlobError(self._error)
        path = self._blobs.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")


async def test_what_a_job_needs_is_fetched_before_its_child_starts(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.generate_with(sha(50))
        item = await here.queue()
        elsewhere = Elsewhere(BlobStore(tmp_path / "blobs"))
        worker = here.worker("good", 0.0, fetch=elsewhere.fetch)
        async with here.working(worker):
            await here.until(lambda: elsewhere.asked == [sha(50)])
            # Its lease is renewed meanwhile, and whoever looks sees what it waits for.
            (key,) = worker.claims()
            said = worker.progress()[key]
            assert (key[0], said.done, said.total, said.unit) == (item, 0, 1, "files fetched")
            elsewhere.gate.set()
            await here.until(lambda: here.item(item).state == "completed")
            again = await here.queue()
            await here.until(lambda: here.item(again).state == "completed")
        assert elsewhere.asked == [sha(50)]
        sources = {row.facts.source for row in here.state.shards.rows.values()}
        assert sha(50) in sources


async def test_a_stop_ends_the_fetching_and_returns_the_claim(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.generate_with(sha(50))
        item = await here.queue()
        elsewhere = Elsewhere(BlobStore(tmp_path / "blobs"))
        worker = here.worker("good", 0.0, fetch=elsewhere.fetch)
        async with here.working(worker):
            await here.until(lambda: elsewhere.asked != [])
            await here.propose(SetNodeMode(node=NODE, mode="draining", by="n"))
            await here.until(lambda: here.state.node_mode(NODE) == "drained")
            assert (here.item(item).state, here.item(item).attempts) == ("pending", 0)
        assert elsewhere.stopped == 1


async def test_a_claim_that_is_lost_while_fetching_is_let_go(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.generate_with(sha(50))
        item = await here.queue()
        elsewhere = Elsewhere(BlobStore(tmp_path / "blobs"))
        worker = here.worker("good", 0.0, fetch=elsewhere.fetch)
        async with here.working(worker):
            await here.until(lambda: elsewhere.asked != [])
            await here.propose(CancelWork(item=item, by="n"))
            await here.until(lambda: worker.slots.busy == 0)
        assert elsewhere.stopped == 1
        assert here.runs == 1


@pytest.mark.parametrize("error", [None, "the file x did not come from the 3 nodes asked (no)"])
async def test_a_file_that_nobody_sends_fails_the_attempt(
    tmp_path: Path, error: str | None
) -> None:
    async with site(tmp_path) as here:
        await here.generate_with(sha(50))
        item = await here.queue(max_attempts=1)
        elsewhere = Elsewhere(BlobStore(tmp_path / "blobs"), error)
        elsewhere.gate.set()
        fetch = nothing_else if error is None else elsewhere.fetch
        async with here.working(here.worker("good", 0.0, fetch=fetch)):
            await here.until(lambda: here.item(item).state == "failed")
        said = f"the file {sha(50)} is not on this node, and no other node is known"
        assert here.item(item).error == (error or said)
        assert here.item(item).excluded == (NODE,)
