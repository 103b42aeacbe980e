"""A node whose copy of the state is odd takes on nothing more, and gives up what it leads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest
import trio
from cluster_support import CONFIG, Ledger, joins
from msgspec.structs import replace
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.state import MARK_EVERY, MARKS_KEPT, ClusterState
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.raft.core import ChangeRefusedError
from ringrift.node.consensus.voter import Voter
from ringrift.node.gossip.softstate import Kept
from ringrift.node.quarantine import Quarantine
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.wire.gossip import SoftState
from tests.node.virtual_clock import VirtualClock

NODES = ("n", "v", "w")


def copies(odd: str) -> dict[str, ClusterState]:
    """The copies of three voters at the first mark; a bit of the odd one's was flipped before."""
    made: dict[str, ClusterState] = {}
    for node in NODES:
        ledger = Ledger.founded()
        for other in NODES[1:]:
            ledger.do(joins(other))
        ledger.state.voters = NODES
        if node == odd:
            rows = ledger.state.configs.rows
            rows[CONFIG] = replace(rows[CONFIG], mode="paused")
        while ledger.state.index < MARK_EVERY:
            ledger.do(c.SetConfigMode(config="square8_2p", mode="active", by="n"))
        made[node] = ledger.state
    return made


def soft(states: Mapping[str, ClusterState]) -> Callable[[], Mapping[str, Kept]]:
    def told() -> Mapping[str, Kept]:
        return {
            node: Kept(1, 1, 0.0, SoftState(mark=max(state.marks.items())))
            for node, state in states.items()
        }

    return told


@dataclass
class FakeVoter:
    """A voter "n" that leads; `heirs` take over when they are asked to."""

    state: ClusterState
    heirs: tuple[str, ...] = ("w",)
    leader_id: str | None = "n"
    voters: tuple[str, ...] = NODES
    asked: list[str] = field(default_factory=list)

    async def hand_over(self, to: str) -> bool:
        self.asked.append(to)
        if to not in self.heirs:
            raise ChangeRefusedError("It is no other voter.")
        self.leader_id = to
        return True


async def judged(
    me: str, replica: object, states: Mapping[str, ClusterState]
) -> tuple[Quarantine, LoopRecord, list[str]]:
    """What a node makes of it within some seconds."""
    record, anew = LoopRecord(), list[str]()
    clock = VirtualClock()
    quarantine = Quarantine(me, cast(Voter, replica), soft(states), clock)
    with trio.move_on_after(10):
        await quarantine.run(Pulse(record, clock, lambda: None), anew.append)
    return quarantine, record, anew


async def test_equal_copies_are_said_to_be_equal(autojump_clock: MockClock) -> None:
    states = copies(odd="nobody")
    quarantine, record, _ = await judged("n", FakeVoter(states["n"]), states)
    assert (quarantine.reason, record.reason) == ("", "equal with 2 others at entry 1000")
    assert record.figures == {"entry": 1000, "equal": 2, "odd": 0} and record.well


async def test_the_others_name_the_odd_one_and_go_on(autojump_clock: MockClock) -> None:
    states = copies(odd="w")
    quarantine, record, _ = await judged("n", FakeVoter(states["n"]), states)
    assert quarantine.reason == "" and not record.well
    assert record.reason == "not the voters' state: w"


@pytest.mark.parametrize("heirs", [("v",), ("w",)])
async def test_an_odd_voter_gives_up_what_it_leads_and_says_how_it_is_mended(
    autojump_clock: MockClock, heirs: tuple[str, ...]
) -> None:
    states = copies(odd="n")
    voter = FakeVoter(states["n"], heirs)
    quarantine, record, anew = await judged("n", voter, states)
    assert quarantine.reason == "its state is not the voters' at entry 1000"
    assert "make n a node, and then a voter again" in record.reason and not record.well
    assert voter.leader_id == heirs[0] and anew == []
    assert "n" not in voter.asked


async def test_an_odd_follower_takes_the_voters_state_in_a_new_life(
    autojump_clock: MockClock,
) -> None:
    states = copies(odd="n")
    follower = Follower.__new__(Follower)
    follower._copy = FakeVoter(states["n"])  # type: ignore[assignment] # pyright: ignore
    _, _, anew = await judged("n", follower, states)
    assert set(anew) == {"its state is not the voters' at entry 1000"}


def test_a_copy_keeps_its_newest_marks_only() -> None:
    ledger = Ledger.founded()
    while ledger.state.index < (MARKS_KEPT + 2) * MARK_EVERY:
        ledger.do(c.SetConfigMode(config="square8_2p", mode="active", by="n"))
    marks = ledger.state.marks
    assert len(marks) == MARKS_KEPT and max(marks) == (MARKS_KEPT + 2) * MARK_EVERY
    assert marks[max(marks)] == ledger.state.digest()
