"""Who belongs to the cluster: tokens, keys, roles, lives, anchors, and who is indispensable."""

import pytest
from cluster_support import CONFIG, INCARNATION, Ledger, joins, life, sha

from ringrift.node.cluster import charter, members
from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import MAX_ANCHORS, Reach, Role
from ringrift.node.cluster.results import Done, Refused, Result, SessionLost, SessionOpened
from ringrift.wire.events import MemberAdmitted, MemberRevoked, NodeStarted
from ringrift.wire.join import Place
from ringrift.wire.log import Entry

BEHIND = Reach(inbound=False)


def refusal(result: Result) -> str:
    assert isinstance(result, Refused), result
    assert result.reason.endswith(".")
    return result.reason


def token(ledger: Ledger, number: int, role: Role, member: str | None = None) -> str:
    command = c.CreateToken(by="n", token=sha(number), role=role, lifetime_s=900, member=member)
    assert isinstance(ledger.do(command), Done)
    return sha(number)


def admit(ledger: Ledger, secret: str, member: str, key: int) -> Result:
    return ledger.do(c.AdmitMember(by="n", token=secret, member=member, name=member, key=sha(key)))


def closed() -> Ledger:
    """A cluster of a voter "n" and an operator "alice", both known by their keys."""
    ledger = Ledger()
    ledger.enter(0, 0, c.OpenSession(owner="n", boot=1))
    ledger.do(c.JoinMember(node="n", name="n", life=life(), key=sha(500)))
    ledger.do(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
    admit(ledger, token(ledger, 1, "operator"), "alice", 501)
    return ledger


# Coming in


def test_the_first_member_may_vote_and_in_an_open_cluster_whoever_comes_is_a_node() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    assert [row.role for row in ledger.state.members.rows.values()] == ["voter", "node"]
    keyed = c.JoinMember(node="k", name="k", life=life(), key=sha(3))
    assert "needs a token" in refusal(ledger.do(keyed))


def test_a_closed_cluster_takes_only_who_was_admitted_with_the_key_it_was_admitted_with() -> None:
    ledger = closed()
    assert ledger.state.members.rows["n"].key == sha(500)
    assert "needs a token" in refusal(ledger.do(joins("m")))
    secret = token(ledger, 2, "node")
    assert "needs a token" in refusal(ledger.do(joins("m")))
    applied = ledger.apply(c.AdmitMember(by="n", token=secret, member="m", name="m", key=sha(502)))
    assert applied.events == (MemberAdmitted(member="m", role="node"),)
    row = ledger.state.members.rows["m"]
    assert (row.role, row.key, row.life, row.boot, row.works) == ("node", sha(502), None, 0, False)
    assert "another key" in refusal(ledger.do(joins("m")))
    started = ledger.apply(c.JoinMember(node="m", name="m", life=life(), key=sha(502)))
    assert started.events == (NodeStarted(node="m", boot=1),)
    assert ledger.state.members.rows["m"].works


def test_a_token_lets_one_key_in_and_the_same_again_hears_the_same() -> None:
    ledger = closed()
    secret = token(ledger, 2, "voter")
    first = admit(ledger, secret, "m", 502)
    assert isinstance(first, Done)
    assert admit(ledger, secret, "m", 502) == first
    assert "used already" in refusal(admit(ledger, secret, "m", 503))
    assert "used already" in refusal(admit(ledger, secret, "o", 502))
    assert "not known" in refusal(admit(ledger, sha(99), "o", 504))
    ledger.do(c.RevokeMember(member="m", by="alice"))
    assert "used already" in refusal(admit(ledger, secret, "m", 502))
    ledger.do(c.ExpireToken(token=secret, by="token-expiry"))
    assert "not known" in refusal(admit(ledger, secret, "m", 502))


def test_no_id_and_no_key_is_given_twice() -> None:
    ledger = closed()
    secret = token(ledger, 2, "node")
    assert "member already" in refusal(admit(ledger, secret, "alice", 502))
    assert "another member's" in refusal(admit(ledger, secret, "m", 501))
    assert isinstance(admit(ledger, secret, "m", 502), Done)
    again = c.CreateToken(by="n", token=secret, role="voter", lifetime_s=9)
    assert "exists already" in refusal(ledger.do(again))


def test_a_member_without_a_key_gets_one_only_by_a_token_for_its_id() -> None:
    ledger = Ledger.founded()
    anybody = token(ledger, 1, "voter")
    assert "member already" in refusal(admit(ledger, anybody, "n", 500))
    other = token(ledger, 2, "voter", member="m")
    assert "not for n" in refusal(admit(ledger, other, "n", 500))
    viewer = token(ledger, 3, "viewer", member="n")
    assert "is a voter" in refusal(admit(ledger, viewer, "n", 500))
    own = token(ledger, 4, "voter", member="n")
    assert isinstance(admit(ledger, own, "n", 500), Done)
    row = ledger.state.members.rows["n"]
    assert (row.key, row.boot, row.role) == (sha(500), 1, "voter")
    assert not ledger.state.members.is_open


# Lives


def test_a_second_process_in_one_life_is_refused_and_the_first_may_speak_again() -> None:
    ledger = Ledger.founded()
    twin = c.JoinMember(node="n", name="n", life=life(1, nonce=2))
    assert "another process" in refusal(ledger.do(twin))
    moved = life(reach=Reach(addresses=(Place("10.0.0.7", 8775),)))
    again = ledger.apply(c.JoinMember(node="n", name="new name", life=moved))
    assert (again.result, again.events) == (Done("node n is up already"), ())
    assert ledger.state.members.rows["n"].life == moved
    assert ledger.state.members.rows["n"].name == "new name"
    after = c.JoinMember(node="n", name="n", life=life(2, nonce=2))
    assert isinstance(ledger.do(after), Done)
    assert "life 1 is over" in refusal(ledger.do(joins("n")))


def test_people_do_not_join_nor_drain_nor_claim() -> None:
    ledger = closed()
    person = c.JoinMember(node="alice", name="alice", life=life(), key=sha(501))
    wishes = [
        person,
        c.SetNodeMode(node="alice", mode="draining", by="n"),
        c.RestartNode(node="alice", by="n"),
        c.ResetCircuits(node="alice", by="n"),
    ]
    for wish in wishes:
        assert "no node of the cluster" in refusal(ledger.do(wish))
    claim = c.ClaimWork(node="alice", boot=1, kinds=("selfplay",), slots=1)
    assert isinstance(ledger.do(claim), Refused)


# Reach


def test_anchors_are_other_nodes_that_accept_connections_two_of_them_voters() -> None:
    ledger = Ledger.founded()
    for node in ("a", "b", "c"):
        ledger.do(joins(node))
    ledger.do(c.ChangeRole(member="a", role="voter", by="n"))

    def behind(*anchors: str) -> Result:
        reach = Reach(inbound=False, anchors=anchors)
        return ledger.do(c.JoinMember(node="x", name="x", life=life(reach=reach)))

    assert "different nodes" in refusal(behind("a", "a"))
    assert "different nodes" in refusal(behind("a", "n", "x"))
    assert "cannot be an anchor" in refusal(behind("a", "n", "stranger"))
    assert "2 of the anchors of x must be voters" in refusal(behind("a", "b", "c"))
    assert isinstance(behind("a", "n", "c"), Done)
    needless = life(reach=Reach(anchors=("a",)))
    assert "needs no anchors" in refusal(ledger.do(c.JoinMember(node="y", name="y", life=needless)))
    with pytest.raises(c.CommandError):
        behind("a", "n", "c", "b")
    assert MAX_ANCHORS == 3
    ledger.state.check()


def test_who_is_revoked_or_accepts_no_connections_any_more_is_nobodys_anchor() -> None:
    ledger = Ledger.founded()
    for node in ("a", "b"):
        ledger.do(joins(node))
    reach = Reach(inbound=False, anchors=("n", "a", "b"))
    ledger.do(c.JoinMember(node="x", name="x", life=life(reach=reach)))
    ledger.do(c.RevokeMember(member="a", by="n"))
    ledger.do(c.JoinMember(node="b", name="b", life=life(2, reach=BEHIND)))
    row = ledger.state.members.rows["x"]
    assert row.life is not None and row.life.reach.anchors == ("n",)
    ledger.state.check()


# Going out


def test_a_revoked_node_loses_its_sessions_and_claims_and_what_was_meant_for_it() -> None:
    ledger = closed()
    admit(ledger, token(ledger, 2, "node"), "m", 502)
    ledger.do(c.JoinMember(node="m", name="m", life=life(), key=sha(502)))
    opened = ledger.enter(0, 0, c.OpenSession(owner="m", boot=1))
    assert isinstance(opened, SessionOpened)
    held, meant = ledger.add(priority=60), ledger.add(target="m")
    claimed = ledger.claim(node="m")
    assert claimed.items == (held,)
    applied = ledger.apply(c.RevokeMember(member="m", by="alice"))
    assert MemberRevoked(member="m") in applied.events
    rows = ledger.state.work.rows
    assert (rows[held].state, rows[held].attempts, rows[meant].target) == ("pending", 0, None)
    done = c.ReturnWork(item=held, claim=claimed.claim, reason="late")
    assert isinstance(ledger.enter(opened.session, 1, done), SessionLost)
    assert "is revoked" in refusal(ledger.enter(0, 0, c.OpenSession(owner="m", boot=2)))
    again = c.JoinMember(node="m", name="m", life=life(2), key=sha(502))
    assert "is revoked" in refusal(ledger.do(again))
    assert isinstance(
        ledger.do(c.ClaimWork(node="m", boot=1, kinds=("selfplay",), slots=1)), Refused
    )
    assert isinstance(ledger.do(c.RevokeMember(member="m", by="alice")), Done)
    ledger.state.check()


def test_nothing_takes_the_last_voter_the_last_operator_or_one_that_decides() -> None:
    ledger = closed()
    for member, role in (("n", "node"), ("alice", "viewer")):
        assert "is the last" in refusal(ledger.do(c.RevokeMember(member=member, by="n")))
        change = c.ChangeRole(member=member, role=role, by="n")
        assert "is the last" in refusal(ledger.do(change))
    admit(ledger, token(ledger, 2, "voter"), "m", 502)
    admit(ledger, token(ledger, 3, "operator"), "bob", 503)
    voters = c.encode_command(c.ChangeVoters())
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, voters, ("n",)))
    decides = refusal(ledger.do(c.RevokeMember(member="n", by="n")))
    assert "one of the voters" in decides
    assert isinstance(ledger.do(c.RevokeMember(member="m", by="n")), Done)
    assert isinstance(ledger.do(c.ChangeRole(member="alice", role="viewer", by="n")), Done)
    assert "is the last operator" in refusal(ledger.do(c.RevokeMember(member="bob", by="n")))


def test_a_machine_never_becomes_a_person_nor_the_reverse() -> None:
    ledger = closed()
    for member, role in (("n", "operator"), ("alice", "node")):
        change = c.ChangeRole(member=member, role=role, by="n")
        assert "cannot become" in refusal(ledger.do(change))
    assert isinstance(ledger.do(c.ChangeRole(member="n", role="voter", by="n")), Done)
    assert "not a member" in refusal(ledger.do(c.ChangeRole(member="x", role="node", by="n")))


def test_who_was_revoked_first_makes_room_and_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = closed()
    for number, member in enumerate(("m", "o")):
        admit(ledger, token(ledger, 10 + number, "node"), member, 510 + number)
    monkeypatch.setattr(members, "MAX_MEMBERS", 4)
    secret = token(ledger, 2, "node")
    assert "4 members" in refusal(admit(ledger, secret, "p", 502))
    for member in ("o", "m"):
        ledger.do(c.RevokeMember(member=member, by="alice"))
    assert isinstance(admit(ledger, secret, "p", 502), Done)
    assert list(ledger.state.members.rows) == ["n", "alice", "m", "p"]
    gone = c.JoinMember(node="o", name="o", life=life(), key=sha(511))
    assert "needs a token" in refusal(ledger.do(gone))


# What all agree on


def test_the_format_is_raised_when_all_who_live_or_decide_understand_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = closed()
    admit(ledger, token(ledger, 2, "node"), "m", 502)
    ledger.do(c.JoinMember(node="m", name="m", life=life(), key=sha(502)))
    raised = c.RaiseFormat(format=2, by="alice")
    assert refusal(ledger.do(raised)) == "m, n must be updated or revoked first."
    ledger.do(c.JoinMember(node="n", name="n", life=life(2, supports=2), key=sha(500)))
    assert "m must be" in refusal(ledger.do(raised))
    ledger.do(c.RevokeMember(member="m", by="alice"))
    before = ledger.state.digest()
    with pytest.raises(c.CommandError, match="this version understands 1"):
        ledger.do(raised)
    assert ledger.state.digest() == before
    monkeypatch.setattr(charter, "SUPPORTED_FORMAT", 2)
    assert isinstance(ledger.do(raised), Done)
    assert ledger.state.charter.agreed.format == 2
    assert "has format 2 already" in refusal(ledger.do(raised))
    admit(ledger, token(ledger, 3, "node"), "old", 503)
    late = c.JoinMember(node="old", name="old", life=life(), key=sha(503))
    assert "must be updated first" in refusal(ledger.do(late))


def test_a_voter_that_never_said_what_it_understands_holds_the_format() -> None:
    ledger = closed()
    voters = c.encode_command(c.ChangeVoters())
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, voters, ("n", "z")))
    ledger.do(c.JoinMember(node="n", name="n", life=life(2, supports=9), key=sha(500)))
    assert "z must be" in refusal(ledger.do(c.RaiseFormat(format=2, by="alice")))


def test_the_timing_is_one_for_all() -> None:
    ledger = closed()
    assert ledger.state.charter.agreed.timing == "local"
    ledger.do(c.SetTiming(timing="wan", by="alice"))
    assert ledger.state.charter.agreed.timing == "wan"
    assert isinstance(ledger.do(c.SetTiming(timing="wan", by="alice")), Done)


def test_circuits_are_reset_and_deadlines_set_by_the_row_that_the_node_reads() -> None:
    ledger = closed()
    ledger.do(c.ResetCircuits(node="n", by="alice"))
    ledger.do(c.ResetCircuits(node="n", by="alice"))
    assert ledger.state.members.rows["n"].circuits_generation == 2
    ledger.do(c.SetNodeMode(node="n", mode="draining", deadline_s=60, by="alice"))
    assert ledger.state.members.rows["n"].deadline_s == 60
    ledger.do(c.SetNodeMode(node="n", mode="draining", by="alice"))
    assert ledger.state.members.rows["n"].deadline_s is None
    ledger.do(c.SetNodeMode(node="n", mode="active", deadline_s=60, by="alice"))
    assert ledger.state.members.rows["n"].deadline_s is None
    ledger.state.check()


def test_no_secret_and_no_key_but_their_hashes_are_in_the_state() -> None:
    # Whatever a command could carry is a sha256 by its type; anything longer is refused.
    with pytest.raises(c.CommandError):
        c.encode_command(c.CreateToken(by="n", token="5ecret" * 8, role="node", lifetime_s=9))
    with pytest.raises(c.CommandError):
        c.encode_command(
            c.AdmitMember(by="n", token=sha(1), member="m", name="m", key="-----BEGIN PUBLIC KEY")
        )
    chunks = b"".join(closed().state.snapshot(INCARNATION))
    assert sha(1).encode() in chunks and sha(501).encode() in chunks
