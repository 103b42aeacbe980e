"""What a leader judges by its state, it judges only once that holds all that was decided before."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from ringrift.node.cluster.commands import OpenSession
from ringrift.node.cluster.members import Member
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.host import BLANK
from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError
from ringrift.node.consensus.voter import Voter
from ringrift.node.leading import forbids
from ringrift.wire.log import NO_SESSION, Entry

OPEN = OpenSession(owner="n", boot=1)


@dataclass
class Fresh:
    """A voter "v" that leads in `term` since a moment ago, and recovers its state from its log."""

    leader_id: str | None = "v"
    node_id: str = "v"
    term: int = 5
    state: ClusterState = field(default_factory=ClusterState)

    def apply(self, term: int) -> None:
        self.state.members.rows["n"] = Member(id="n", name="n", role="node", key=None)
        self.state.apply(Entry(self.state.index + 1, term, 0, NO_SESSION, 0, BLANK, None))


def test_a_new_leader_turns_nobody_away_before_it_knows_who_belongs_here() -> None:
    fresh = Fresh()
    voter = cast(Voter, fresh)
    with pytest.raises(OutcomeUnknownError):
        forbids(voter, "n", 0, OPEN)
    fresh.apply(4)
    with pytest.raises(OutcomeUnknownError):
        forbids(voter, "n", 0, OPEN)
    fresh.apply(5)
    assert forbids(voter, "n", 0, OPEN) is None
    assert forbids(voter, "m", 0, OPEN) == "m is no node of this cluster."


def test_who_does_not_lead_names_the_leader_and_judges_nothing() -> None:
    with pytest.raises(NotLeaderError) as told:
        forbids(cast(Voter, Fresh(leader_id="w")), "n", 0, OPEN)
    assert told.value.leader_id == "w"
