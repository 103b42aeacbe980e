"""What the leader remembers and ends: leases, overruns, sessions, tokens, unwanted and old work."""

import pytest
from cluster_support import SELFPLAY_DONE, Ledger, sha

from ringrift.node.cluster import commands as c
from ringrift.node.control import eviction, tokens
from ringrift.node.control.leases import IdleSessions, LeaseTable, Overruns, Unwanted


def apply_all(ledger: Ledger, commands: list[c.Command]) -> None:
    for command in commands:
        ledger.do(command)


def test_a_claim_expires_a_term_after_it_was_last_heard_of() -> None:
    ledger = Ledger.founded()
    item, other = ledger.add(), ledger.add()
    claim = ledger.claim(slots=2).claim
    leases = LeaseTable(30.0)
    assert leases.expired(ledger.state, 100.0) == []
    assert leases.renew(ledger.state, "n", [(item, claim)], 120.0) == ()
    assert leases.expired(ledger.state, 129.9) == []
    assert leases.expired(ledger.state, 130.0) == [c.ExpireClaim(item=other, claim=claim)]
    apply_all(ledger, leases.expired(ledger.state, 150.0))
    assert [ledger.state.work.rows[i].state for i in (item, other)] == ["pending", "pending"]
    assert leases.renew(ledger.state, "n", [(item, claim), (999, 1)], 151.0) == (
        (item, claim),
        (999, 1),
    )
    assert leases.expired(ledger.state, 1_000.0) == []


def test_a_new_leader_grants_every_claim_a_full_term() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim
    old, new = LeaseTable(30.0), LeaseTable(30.0)
    old.expired(ledger.state, 0.0)
    assert old.expired(ledger.state, 31.0) != []
    assert new.expired(ledger.state, 31.0) == []
    assert new.expired(ledger.state, 60.9) == []
    assert new.expired(ledger.state, 61.0) == [c.ExpireClaim(item=item, claim=claim)]


def test_a_reclaimed_item_starts_a_new_term_and_strangers_renew_nothing() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    first = ledger.claim().claim
    leases = LeaseTable(30.0)
    leases.expired(ledger.state, 0.0)
    ledger.do(c.ReturnWork(item=item, claim=first, reason="drain"))
    second = ledger.claim().claim
    assert leases.expired(ledger.state, 40.0) == []
    assert leases.renew(ledger.state, "m", [(item, second)], 60.0) == ((item, second),)
    assert leases.renew(ledger.state, "n", [(item, first)], 60.0) == ((item, first),)
    assert leases.expired(ledger.state, 70.0) == [c.ExpireClaim(item=item, claim=second)]


def test_an_idle_session_expires_and_a_used_one_does_not() -> None:
    ledger = Ledger.founded()
    ledger.enter(0, 0, c.OpenSession(owner="gone", boot=1))
    idle = ledger.state.index
    table = IdleSessions(60.0)
    assert table.expired(ledger.state, 0.0) == []
    ledger.do(c.RestartNode(node="n", by="n"))
    expired = table.expired(ledger.state, 60.0)
    assert expired == [c.ExpireSession(session=idle, last_index=idle)]
    apply_all(ledger, expired)
    assert list(ledger.state.sessions.rows) == [1]


def test_a_claim_worked_on_for_too_long_is_reaped_by_whoever_leads_long_enough() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim
    timeout = ledger.state.work.rows[item].timeout_s
    old, new = Overruns(20.0), Overruns(20.0)
    assert old.reaped(ledger.state, 0.0) == []
    assert new.reaped(ledger.state, 70.0) == []
    assert old.reaped(ledger.state, timeout + 19.9) == []
    assert old.reaped(ledger.state, timeout + 20.0) == [c.ReapClaim(item=item, claim=claim)]
    assert new.reaped(ledger.state, timeout + 20.0) == []
    ledger.do(c.ReturnWork(item=item, claim=claim, reason="drain"))
    ledger.claim()
    assert old.reaped(ledger.state, timeout + 21.0) == []


def test_only_work_that_could_be_claimed_but_for_its_preference_is_released() -> None:
    ledger = Ledger.founded()
    first = ledger.add()
    waits = ledger.add(target="n", after=(first,))
    meant = ledger.add(target="n")
    subject = Unwanted(60.0)
    assert subject.released(ledger.state, 0.0) == []
    assert subject.released(ledger.state, 59.9) == []
    released = subject.released(ledger.state, 60.0)
    assert released == [c.ReleaseWork(item=meant)]
    apply_all(ledger, released)
    claimed = ledger.claim()
    assert claimed.items == (first,)
    ledger.do(c.CompleteWork(item=first, claim=claimed.claim, outcome=SELFPLAY_DONE))
    assert subject.released(ledger.state, 100.0) == []
    assert subject.released(ledger.state, 160.0) == [c.ReleaseWork(item=waits)]


def test_a_token_goes_when_its_time_has_come() -> None:
    ledger = Ledger.founded()
    ledger.do(c.CreateToken(token=sha(1), role="node", lifetime_s=60, by="n"))
    made = ledger.state.tokens.rows[sha(1)].created_at_ms
    assert tokens.expired(ledger.state, made + 59_999) == []
    assert tokens.expired(ledger.state, made + 60_000) == [
        c.ExpireToken(token=sha(1), by="token-expiry")
    ]


def test_ended_work_leaves_early_while_it_takes_up_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger.founded()
    items = [ledger.add() for _ in range(4)]
    for item in items[:3]:
        ledger.do(c.CancelWork(item=item, by="n"))
    rows = ledger.state.work.rows
    monkeypatch.setattr(eviction, "KEPT_BYTES", rows.bytes - rows.bytes_of(items[0]) - 1)
    assert eviction.evict(ledger.state, 1e9, 0) == [c.EvictWork(items=(items[0], items[1]))]
    monkeypatch.setattr(eviction, "KEPT_BYTES", rows.bytes)
    assert eviction.evict(ledger.state, 1e9, 0) == []


def test_ended_work_leaves_by_age_and_beyond_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.founded()
    items = [ledger.add() for _ in range(5)]
    for item in items[:4]:
        ledger.do(c.CancelWork(item=item, by="n"))
    ended = [ledger.state.work.rows[item].ended_at_ms or 0 for item in items[:4]]
    assert eviction.evict(ledger.state, 10.0, ended[0] + 9_999) == []
    assert eviction.evict(ledger.state, 10.0, ended[1] + 10_000) == [
        c.EvictWork(items=tuple(items[:2]))
    ]
    monkeypatch.setattr(eviction, "KEPT_ITEMS", 1)
    monkeypatch.setattr(eviction, "BATCH", 2)
    commands = eviction.evict(ledger.state, 10.0, ended[0])
    assert commands == [c.EvictWork(items=tuple(items[:2])), c.EvictWork(items=(items[2],))]
    apply_all(ledger, commands)
    assert sorted(ledger.state.work.rows) == items[3:]
