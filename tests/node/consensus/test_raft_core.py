"""What no script of tests/simulation/scripts can say: bounds, and calls that come too late."""

import random

import pytest

from ringrift.node.consensus.raft.core import (
    MAX_APPLY,
    MAX_UNDECIDED,
    Draft,
    NotLeadingError,
    Raft,
    Start,
)
from ringrift.node.consensus.raft.ready import HardState, Origin
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.wire.log import NO_SESSION, Entry, Voters
from ringrift.wire.raft import (
    Append,
    AppendReply,
    SnapshotAck,
    SnapshotChunk,
    TimeoutNow,
    VoteReply,
)

DRAFT = Draft(0, NO_SESSION, 0, b"x")


def machine(voters: Voters) -> Raft:
    start = Start(HardState(), Origin(voters=voters), (), b"")
    return Raft("a", TIMINGS["local"], random.Random(1), start, 0.0)


def obey(raft: Raft) -> list[Entry]:
    """Make durable what the machine wants; returns what it applied."""
    applied = list[Entry]()
    while (ready := raft.ready(0.0)) is not None:
        applied += ready.apply
        if ready.writes:
            raft.synced(ready.number, 0.0)
    return applied


def leader() -> Raft:
    """A machine that leads because it is alone."""
    raft = machine(("a",))
    raft.tick(raft.next_tick)
    obey(raft)
    assert raft.may_propose and raft.knows_all
    return raft


def test_a_leader_takes_as_much_as_it_has_room_for() -> None:
    raft = leader()
    assert raft.room == MAX_UNDECIDED
    raft.propose([DRAFT] * MAX_UNDECIDED)
    assert raft.room == 0
    with pytest.raises(AssertionError):
        raft.propose([DRAFT])
    assert len(obey(raft)) == raft.room == MAX_UNDECIDED


def test_entries_are_handed_out_in_bounded_portions_and_each_once() -> None:
    raft = leader()
    first = raft.propose([DRAFT] * (2 * MAX_APPLY + 5))
    ready = raft.ready(0.0)
    assert ready is not None
    raft.synced(ready.number, 0.0)
    portions = list[int]()
    applied = list[int]()
    while (ready := raft.ready(0.0)) is not None:
        portions.append(len(ready.apply))
        applied += [entry.index for entry in ready.apply]
    assert portions == [MAX_APPLY, MAX_APPLY, 5]
    assert applied == list(range(first, first + 2 * MAX_APPLY + 5))


def test_it_is_not_too_late_for_a_single_voter_to_know_what_is_decided() -> None:
    entries = [Entry(1, 1, 0, NO_SESSION, 0, b""), Entry(2, 1, 0, NO_SESSION, 0, b"x")]
    start = Start(HardState(1, "a"), Origin(voters=("a",)), entries, b"")
    raft = Raft("a", TIMINGS["local"], random.Random(1), start, 0.0)
    assert obey(raft) == entries
    assert not raft.knows_all


def test_who_does_not_lead_neither_decides_nor_answers_nor_hears_followers() -> None:
    raft = machine(("a", "b", "c"))
    assert not raft.may_propose and not raft.knows_all
    with pytest.raises(NotLeadingError):
        raft.propose([DRAFT])
    raft.receive("b", AppendReply(0, True, 0, 1, 0), 0.0)
    raft.receive("b", SnapshotAck(0, 5, 1), 0.0)
    raft.receive("b", VoteReply(0, True), 0.0)
    raft.snapshot_ended("b", 5, 0.0)
    raft.acknowledge("b", SnapshotChunk(0, 5, 0, False, b""), 1)
    assert raft.ready(0.0) is None


def test_a_follower_acknowledges_to_who_sent_it_and_leads_still() -> None:
    raft = machine(("a", "b", "c"))
    chunk = SnapshotChunk(0, 5, 0, False, b"")
    raft.receive("b", chunk, 0.1)
    assert raft.heard_leader_at == 0.1
    raft.acknowledge("c", chunk, 1)
    raft.acknowledge("b", SnapshotChunk(1, 5, 0, False, b""), 1)
    raft.acknowledge("b", chunk, 1)
    ready = raft.ready(0.1)
    assert ready is not None
    assert [(one.to, one.message) for one in ready.send] == [("b", SnapshotAck(0, 5, 1))]
    assert not raft.restore(Origin(0, 0, ("a", "b", "c")))


def test_a_leader_believes_no_stranger() -> None:
    raft = leader()
    before = raft.tail.commit
    raft.receive("z", AppendReply(raft.term, True, 99, 99, 99), 0.1)
    raft.snapshot_ended("z", 99, 0.1)
    raft.receive("z", SnapshotChunk(0, 99, 0, True, b""), 0.1)
    assert raft.tail.commit == before
    assert raft.ready(0.1) is None


def test_who_is_no_voter_does_not_campaign_when_told_to() -> None:
    raft = machine(("b", "c"))
    raft.receive("b", TimeoutNow(0), 0.1)
    assert raft.role == "follower"
    assert raft.term == 0


def test_two_leaders_of_one_term_end_the_node_that_notices() -> None:
    raft = leader()
    with pytest.raises(AssertionError):
        raft.receive("b", Append(raft.term, 0, 0, 0, 1), 0.1)


def test_a_candidate_does_not_take_another_write_for_that_of_its_vote() -> None:
    raft = machine(("a",))
    raft.receive("z", AppendReply(5, True, 0, 1, 0), 0.0)
    earlier = raft.ready(0.0)
    raft.tick(raft.next_tick)
    vote = raft.ready(0.0)
    assert earlier is not None and vote is not None
    raft.synced(earlier.number, 0.0)
    assert (raft.role, raft.term) == ("candidate", 6)
    raft.synced(vote.number, 0.0)
    assert raft.role == "leader"
