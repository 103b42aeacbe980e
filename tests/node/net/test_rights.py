"""A node speaks for itself only; who belongs to the cluster is for voters."""

import pytest
from cluster_support import SELFPLAY_DONE, Ledger, joins, shard

from ringrift.node.cluster import commands as c
from ringrift.node.net.rights import forbidden


def cluster() -> tuple[Ledger, int, int]:
    """Voter n, nodes m and x; m works on an item."""
    ledger = Ledger.founded()
    for node in ("m", "x"):
        ledger.do(joins(node))
    item = ledger.add()
    return ledger, item, ledger.claim(node="m").claim


@pytest.mark.parametrize("peer", ["n", "m"])
def test_who_may_speak_for_whom(peer: str) -> None:
    state = cluster()[0].state
    other = "x"
    for node, may in ((peer, True), (other, False)):
        for command in (
            c.OpenSession(owner=node, boot=1),
            joins(node),
            c.ClaimWork(node=node, boot=1, kinds=("selfplay",), slots=1),
        ):
            assert (forbidden(state, peer, 0, command) is None) == may


def test_only_who_holds_a_claim_hands_in_but_late_shards_are_kept() -> None:
    ledger, item, claim = cluster()
    hands_in = (
        c.CompleteWork(item=item, claim=claim, outcome=SELFPLAY_DONE),
        c.ReturnWork(item=item, claim=claim, reason="so"),
        c.FailWork(item=item, claim=claim, reason="so"),
    )
    for command in hands_in:
        assert forbidden(ledger.state, "m", 0, command) is None
        assert "for another" in str(forbidden(ledger.state, "x", 0, command))
    late = c.ReturnWork(item=item, claim=claim - 1, reason="so")
    assert forbidden(ledger.state, "x", 0, late) is None


def test_a_node_passes_on_what_operators_do_daily_and_no_more() -> None:
    state = cluster()[0].state
    drain = c.SetNodeMode(node="x", mode="draining", by="m")
    assert forbidden(state, "m", 0, drain) is None
    assert "for another" in str(forbidden(state, "x", 0, drain))
    rare = (
        c.CreateToken(token="ab" * 32, role="node", lifetime_s=60, by="m"),
        c.ChangeRole(member="m", role="voter", by="m"),
        c.RevokeMember(member="x", by="m"),
        c.SetTiming(timing="wan", by="m"),
        c.ExpireClaim(item=1, claim=1),
    )
    for command in rare:
        assert "is for voters" in str(forbidden(state, "m", 0, command))
        assert forbidden(state, "n", 0, command) is None
    for command in (c.ChangeVoters(), c.Blank()):
        assert "leader alone" in str(forbidden(state, "n", 0, command))


def test_who_does_not_belong_here_may_nothing() -> None:
    ledger = cluster()[0]
    ledger.do(c.RevokeMember(member="x", by="n"))
    for peer in ("x", "stranger"):
        assert "no node" in str(forbidden(ledger.state, peer, 0, c.OpenSession(owner=peer, boot=1)))
    assert shard(1).games == 32


def test_nobody_speaks_in_anothers_session() -> None:
    ledger = cluster()[0]
    mine = c.SetNodeMode(node="m", mode="draining", by="m")
    assert "not one of m" in str(forbidden(ledger.state, "m", 1, mine))
    assert forbidden(ledger.state, "m", 99, mine) is None  # apply says that it is lost
