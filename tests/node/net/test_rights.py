"""A node speaks for itself only; who belongs to the cluster is for voters."""

from functools import partial

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


def rare(by: str) -> tuple[c.Command, ...]:
    """What decides who belongs here, who leads, and what all go by."""
    return (
        c.CreateToken(token="ab" * 32, role="node", lifetime_s=60, by=by),
        c.ChangeRole(member="m", role="voter", by=by),
        c.RevokeMember(member="x", by=by),
        c.SetTiming(timing="wan", by=by),
        c.TransferLeadership(term=1, by=by),
    )


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
    for command in (*rare("m"), c.ExpireClaim(item=1, claim=1)):
        assert "is for voters" in str(forbidden(state, "m", 0, command))
    for command in (*rare("n"), *rare("token-expiry"), c.ExpireClaim(item=1, claim=1)):
        assert forbidden(state, "n", 0, command) is None
    for command in (c.ChangeVoters(), c.Blank()):
        assert "leader alone" in str(forbidden(state, "n", 0, command))


def test_what_an_operator_wants_is_passed_on_by_whoever_may_be_believed() -> None:
    ledger, _, _ = cluster()
    for number, (person, role) in enumerate({"op": "operator", "look": "viewer"}.items()):
        token = f"{number:064x}"
        made = c.CreateToken(token=token, role=role, lifetime_s=60, by="n")  # type: ignore[arg-type]
        ledger.do(made)
        ledger.do(c.AdmitMember(token=token, member=person, name=person, key=token, by="n"))
    drain = partial(c.SetNodeMode, node="x", mode="draining")
    assert forbidden(ledger.state, "m", 0, drain(by="op")) is None
    assert forbidden(ledger.state, "n", 0, drain(by="op")) is None
    # A node that was broken into cannot invent what an operator would have to want.
    for command in (*rare("op"), *rare("m")):
        assert "ask a voter" in str(forbidden(ledger.state, "m", 0, command))
    for command in rare("op"):
        assert forbidden(ledger.state, "n", 0, command) is None
    for by in ("look", "m"):
        for command in (drain(by=by), *rare(by)):
            assert "for another" in str(forbidden(ledger.state, "n", 0, command))
    for by in ("look", "n", "nobody"):
        assert "for another" in str(forbidden(ledger.state, "m", 0, drain(by=by)))
    ledger.do(c.ChangeRole(member="op", role="viewer", by="n"))
    ledger.do(c.CreateToken(token="f" * 64, role="operator", lifetime_s=60, by="n"))
    assert ledger.state.members.rows["op"].role == "operator", "the last operator stays one"
    ledger.do(c.AdmitMember(token="f" * 64, member="op2", name="op2", key="f" * 64, by="n"))
    ledger.do(c.RevokeMember(member="op", by="op2"))
    for peer in ("m", "n"):
        assert "for another" in str(forbidden(ledger.state, peer, 0, drain(by="op")))


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
