"""Every table has a most, and says so in one sentence instead of growing."""

from functools import partial

import pytest
from cluster_support import (
    CONFIG,
    SELFPLAY,
    SELFPLAY_DONE,
    Ledger,
    joins,
    match,
    sha,
    shard,
    trained,
    training,
)

from ringrift.node.cluster import audit, members, models, queue, sessions, shards, state, tokens
from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done, Refused, SessionOpened, ShardKept
from ringrift.node.cluster.table import row_bytes
from ringrift.node.control import populator
from ringrift.node.control.training import trigger
from ringrift.node.runtime.settings import PipelineSettings


def refused(result: object, about: str) -> None:
    assert isinstance(result, Refused), result
    assert about in result.reason and result.reason.endswith(".")


def test_members_have_a_most(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.founded()
    monkeypatch.setattr(members, "MAX_MEMBERS", 1)
    refused(ledger.do(joins("m")), "1 members")
    again = joins("n", 2)
    assert isinstance(ledger.do(again), Done)


def test_sessions_have_a_most(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.founded()
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 1)
    refused(ledger.enter(0, 0, c.OpenSession(owner="m", boot=1)), "1 sessions")
    # The owner's own earlier session makes room for its next life.
    assert not isinstance(ledger.enter(0, 0, c.OpenSession(owner="n", boot=2)), Refused)


def test_the_queue_has_a_most_live_and_a_most_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.founded()
    items = [ledger.add(), ledger.add()]
    add = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1)
    monkeypatch.setattr(queue, "MAX_LIVE_ITEMS", 2)
    refused(ledger.do(add), "queued or claimed")
    ledger.do(c.CancelWork(item=items[0], by="n"))
    monkeypatch.setattr(queue, "MAX_ITEMS", 2)
    refused(ledger.do(add), "evict some")
    ledger.do(c.EvictWork(items=(items[0],)))
    ledger.add()


def test_the_shard_index_has_a_most_but_knows_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    monkeypatch.setattr(shards, "MAX_SHARDS", 1)
    refused(ledger.register(2), "1 shards")
    assert ledger.register(1) == ShardKept(sha(1), True)


def test_the_registry_has_a_most_and_no_fit_is_started_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger.founded()
    ledger.publish(5)
    item = ledger.add(training((sha(1),)))
    claim = ledger.claim().claim
    monkeypatch.setattr("ringrift.node.cluster.transitions.work.MAX_MODELS", 1)
    done = c.CompleteWork(item=item, claim=claim, outcome=trained(sha(6)))
    refused(ledger.do(done), "1 models")
    assert ledger.state.work.rows[item].state == "claimed"
    ledger.do(c.CancelWork(item=item, by="n"))
    ledger.register(2)
    eager = PipelineSettings(training_min_new_games=1)
    assert trigger(ledger.state, eager) != []
    monkeypatch.setattr("ringrift.node.control.training.MAX_MODELS", 1)
    assert trigger(ledger.state, eager) == []


def test_a_model_keeps_so_many_matches_and_the_first_of_each_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    ledger.record(model, "random-1", 1, 9, 10)
    monkeypatch.setattr(models, "MAX_MATCHES", 1)
    ledger.record(model, "heuristic-1", 5, 5, 10)
    assert ledger.state.models.rows[model].matches == {"random-1": match(1, 9, 10)}


def test_all_tables_together_have_a_most() -> None:
    configs = 12
    most = (
        members.MAX_MEMBERS
        + tokens.MAX_TOKENS
        + sessions.MAX_SESSIONS
        + models.MAX_MODELS
        + shards.MAX_SHARDS
        + queue.MAX_ITEMS
        + audit.MAX_LINES
        + 2 * configs
        + 1
    )
    assert most <= 100_000


def test_tokens_have_a_most(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.founded()
    monkeypatch.setattr(tokens, "MAX_TOKENS", 1)
    make = partial(c.CreateToken, by="n", role="node", lifetime_s=9)
    assert isinstance(ledger.do(make(token=sha(1))), Done)
    refused(ledger.do(make(token=sha(2))), "1 tokens")
    ledger.do(c.ExpireToken(token=sha(1), by="n"))
    assert isinstance(ledger.do(make(token=sha(2))), Done)


def test_a_full_state_takes_nothing_in_but_goes_on_and_can_be_emptied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    item, other = ledger.add(priority=90), ledger.add()
    claim = ledger.claim().claim
    used = ledger.state.size_bytes
    assert used == sum(table.bytes for table in ledger.state.tables().values())
    monkeypatch.setattr(state, "MAX_STATE_BYTES", used + state.RESERVE_BYTES - 1)
    assert ledger.state.full
    for wish in (
        c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1),
        c.RegisterShard(item=item, claim=claim, shard=shard(9)),
        c.CreateToken(by="n", token=sha(1), role="node", lifetime_s=9),
        c.AdmitMember(by="n", token=sha(1), member="m", name="m", key=sha(2)),
        c.RetryWork(item=item, by="n"),
    ):
        refused(ledger.do(wish), "is the most")
    assert populator.Populator(PipelineSettings()).decide(ledger.state, 2) == []
    done = c.CompleteWork(item=item, claim=claim, outcome=SELFPLAY_DONE)
    assert isinstance(ledger.do(done), Done)
    assert ledger.claim().items == (other,)
    assert isinstance(ledger.enter(0, 0, c.OpenSession(owner="m", boot=1)), SessionOpened)
    evicted = tuple(row.id for row in ledger.state.work.rows.values() if not row.live)
    assert isinstance(ledger.do(c.EvictWork(items=evicted)), Done)
    assert ledger.state.models.rows[model].verdict is None


def test_the_bytes_of_a_state_are_those_of_its_rows() -> None:
    ledger = Ledger.founded()
    for _ in range(30):
        ledger.add()
        ledger.claim()
    for table in ledger.state.tables().values():
        assert table.bytes == sum(len(row_bytes(key, row)) for key, row in table.items())
        assert all(table.bytes_of(k) == len(row_bytes(k, row)) for k, row in table.items())


def test_a_config_that_is_not_in_the_cluster_takes_nothing() -> None:
    ledger = Ledger()
    ledger.enter(0, 0, c.OpenSession(owner="n", boot=1))
    ledger.do(joins("n"))
    add = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1)
    refused(ledger.do(add), f"Config {CONFIG} is not in the cluster")
    refused(ledger.register(1), f"Config {CONFIG} is not in the cluster")
    other = c.SetConfigMode(config="square8_2p", mode="active", by="n")
    ledger.do(other)
    item = c.AddWork(config="square8_2p", payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1)
    ledger.do(item)
    ledger.do(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
    refused(ledger.register(1, item=ledger.state.index - 1), "not its shard's maker")
