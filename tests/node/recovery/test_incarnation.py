"""What of the state changes when a new incarnation goes on from it, and that nothing else does."""

import random
from pathlib import Path

import pytest
from cluster_support import Ledger, joins, sha, wander
from hypothesis import given, settings
from hypothesis import strategies as st
from recovery_site import NEW, OLD, Town

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.snapshot import Loader
from ringrift.node.cluster.state import ClusterState
from ringrift.node.recovery.incarnation import (
    INDEX_GAP,
    Founder,
    RecoveryError,
    found_anew,
    founding_entry,
)
from ringrift.wire.log import Entry

ME = Founder("n", "n", None)


def copied(state: ClusterState, incarnation: str) -> ClusterState:
    loader = Loader(incarnation)
    for chunk in state.snapshot(incarnation):
        loader.feed(chunk)
    return ClusterState.restored(loader)


def rows(state: ClusterState) -> dict[str, dict[object, object]]:
    return {name: dict(table) for name, table in state.tables().items()}


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(0, 200))
def test_whatever_was_decided_goes_on(seed: int, steps: int) -> None:
    ledger = Ledger.founded()
    wander(ledger, random.Random(seed), steps)
    state = ledger.state
    state.voters = ("n", "x", "y")
    before, index = rows(state), state.index
    found_anew(state, ME, OLD, NEW, "operator recover", 77)
    assert (state.index, state.voters) == (index + INDEX_GAP, ("n",))
    after = rows(state)
    line = state.audit.rows[state.index]
    assert (line.actor, line.at_ms, line.refused) == ("n", 77, False)
    assert NEW in line.result and f"entry {index} of {OLD}" in line.result
    assert after.pop("tokens") == {} and before.pop("tokens") is not None
    del after["audit"][state.index]
    assert after == before
    # It is a state as good as any other: it can be kept, fed, and goes on.
    copy = copied(state, NEW)
    copy.check()
    assert copy.digest() == state.digest()
    entry = founding_entry(copy, ME, 9, 78)
    copy.apply(entry)
    assert copy.voters == ("n",) and copy.term == 9
    more = c.encode_command(c.OpenSession(owner="n", boot=50))
    copy.apply(Entry(copy.index + 1, 9, 79, 0, 0, more))
    copy.check()


def test_tokens_and_the_wish_for_another_leader_end(tmp_path: Path) -> None:
    state = Town(tmp_path).ledger.state
    assert state.tokens.rows and state.charter.agreed.transfer is not None
    founder = Founder("b", "b", state.members.rows["b"].key)
    roles = {row.id: row.role for row in state.members.rows.values()}
    found_anew(state, founder, OLD, NEW, "operator recover", 1)
    assert not state.tokens.rows and state.charter.agreed.transfer is None
    # The others stay what they were: whoever comes back may vote again.
    assert {row.id: row.role for row in state.members.rows.values()} == roles


def test_a_node_that_had_no_vote_becomes_a_voter(tmp_path: Path) -> None:
    state = Town(tmp_path).ledger.state
    founder = Founder("plain", "plain", state.members.rows["plain"].key)
    found_anew(state, founder, OLD, NEW, "operator snapshot restore", 1)
    assert state.members.rows["plain"].role == "voter" and state.voters == ("plain",)


def test_a_stranger_needs_the_root_key_and_no_other_key_passes(tmp_path: Path) -> None:
    def refused(founder: Founder) -> str:
        state = Town(tmp_path).ledger.state
        with pytest.raises(RecoveryError) as error:
            found_anew(state, founder, OLD, NEW, "operator recover", 1)
        return str(error.value)

    assert "--root" in refused(Founder("new", "new", None))
    assert "--root" in refused(Founder("new", "new", sha(7)))
    assert "another key" in refused(Founder("b", "b", sha(7)))
    assert "another key" in refused(Founder("b", "b", None, vouched=True))
    state = Town(tmp_path).ledger.state
    taken = Founder("new", "new", state.members.rows["b"].key, vouched=True)
    with pytest.raises(RecoveryError, match="another member's"):
        found_anew(state, taken, OLD, NEW, "operator recover", 1)
    state = Town(tmp_path).ledger.state
    found_anew(state, Founder("new", "new", sha(7), vouched=True), OLD, NEW, "operator recover", 1)
    row = state.members.rows["new"]
    assert (row.role, row.key) == ("voter", sha(7))
    state.check()


def test_who_was_turned_away_founds_nothing() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    ledger.do(c.RevokeMember(by="n", member="m"))
    with pytest.raises(RecoveryError, match="no node of this cluster"):
        found_anew(ledger.state, Founder("m", "m", None), OLD, NEW, "operator recover", 1)
    with pytest.raises(RecoveryError, match="no decided entry"):
        found_anew(ClusterState(), ME, OLD, NEW, "operator recover", 1)
