"""The next life starts with the vote and the timing that the cluster agreed on."""

from pathlib import Path

import pytest
from cluster_support import INCARNATION, Ledger, joins

from ringrift.node.cluster import commands as c
from ringrift.node.consensus import storage
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.node.standing import as_agreed, stand
from ringrift.wire.log import Entry


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger.founded()
    made.do(joins("m"))
    return made


def who(node: str, *, votes: bool) -> Identity:
    return Identity(node, INCARNATION, 3, votes=votes, timing="lan")


def test_nothing_changes_as_long_as_nothing_is_agreed(ledger: Ledger) -> None:
    for identity in (who("n", votes=True), who("m", votes=False), who("newcomer", votes=True)):
        assert as_agreed(identity, ledger.state) == identity


def test_the_timing_follows_the_charter(ledger: Ledger) -> None:
    ledger.do(c.SetTiming(timing="wan", by="n"))
    assert as_agreed(who("m", votes=False), ledger.state).timing == "wan"


def test_a_vote_comes_with_the_role_and_goes_when_others_decide_without_it(ledger: Ledger) -> None:
    ledger.do(c.ChangeRole(member="m", role="voter", by="n"))
    assert as_agreed(who("m", votes=False), ledger.state).votes
    named = c.encode_command(c.ChangeVoters())
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, named, ("m", "n")))
    ledger.do(c.ChangeRole(member="m", role="node", by="n"))
    assert as_agreed(who("m", votes=True), ledger.state).votes
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, named, ("n",)))
    assert not as_agreed(who("m", votes=True), ledger.state).votes


def test_a_voter_finds_a_log_to_begin_with_and_keeps_the_one_it_has(tmp_path: Path) -> None:
    paths = NodePaths(tmp_path)
    stand(paths, who("m", votes=False))
    assert not paths.log.exists()
    stand(paths, who("m", votes=True))
    assert storage.founded(RealDisk(paths.log))
    before = sorted(path.read_bytes() for path in paths.log.iterdir())
    stand(paths, who("m", votes=True))
    assert sorted(path.read_bytes() for path in paths.log.iterdir()) == before
