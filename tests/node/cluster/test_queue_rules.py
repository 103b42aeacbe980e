"""Work that waits for other work, is kept from nodes, meant for one, tried again, or too much."""

import pytest
from cluster_support import (
    CONFIG,
    SELFPLAY,
    SELFPLAY_DONE,
    Ledger,
    able,
    joins,
    life,
    sha,
    training,
)

from ringrift.node.cluster import commands as c
from ringrift.node.cluster import queue
from ringrift.node.cluster.results import Claimed, Done, Queued, Refused
from ringrift.node.cluster.work import (
    MAX_EXCLUDED,
    MAX_LIVE_ITEMS,
    MAX_PENDING,
    EvaluationWork,
    Kind,
    Needs,
)
from ringrift.wire.events import WorkFailed, WorkReleased

KINDS: tuple[Kind, ...] = ("selfplay", "training", "evaluation")


def passed_over(ledger: Ledger, node: str = "n") -> dict[str, int]:
    """Claim one item of any kind as `node`; return why the others were passed over."""
    claimed = ledger.do(c.ClaimWork(node=node, boot=1, kinds=KINDS, slots=1))
    assert isinstance(claimed, Claimed)
    return claimed.rejections


def fail(ledger: Ledger, node: str = "n") -> int:
    """Have a node claim one item and fail it; returns the item."""
    claimed = ledger.claim(node=node)
    (item,) = claimed.items
    ledger.do(c.FailWork(item=item, claim=claimed.claim, reason="it stumbled"))
    return item


# Dependencies


def test_an_item_is_claimed_when_all_it_depends_on_is_completed() -> None:
    ledger = Ledger.founded()
    first, second = ledger.add(priority=1), ledger.add(priority=1)
    last = ledger.add(priority=9, after=(second, first, second))
    assert ledger.state.work.rows[last].waits_for == (first, second)
    for item in (first, second):
        claimed = ledger.claim(slots=1)
        assert claimed.items == (item,)
        assert claimed.rejections["waiting"] == 1
        ledger.do(c.CompleteWork(item=item, claim=claimed.claim, outcome=SELFPLAY_DONE))
    assert ledger.claim().items == (last,)
    ended = ledger.add(after=(first,))
    assert ledger.state.work.rows[ended].waits_for == ()


@pytest.mark.parametrize("how", ["failed", "was cancelled"])
def test_what_waits_for_an_item_that_ends_badly_fails_with_it_and_says_why(how: str) -> None:
    ledger = Ledger.founded()
    first = ledger.add(attempts=1)
    second = ledger.add(after=(first,), priority=1)
    third = ledger.add(after=(second, first), priority=1)
    if how == "failed":
        fail(ledger)
    else:
        ledger.do(c.CancelWork(item=first, by="n"))
    rows = ledger.state.work.rows
    assert [rows[item].state for item in (second, third)] == ["failed", "failed"]
    assert rows[second].error == f"it waited for #{first}, which {how}"
    assert rows[third].error == f"it waited for #{first}, which {how}"
    assert rows[third].attempts == 0
    late = c.AddWork(
        config=CONFIG,
        payload=SELFPLAY,
        priority=1,
        max_attempts=1,
        timeout_s=1,
        depends_on=(second,),
    )
    refused = ledger.do(late)
    assert isinstance(refused, Refused) and f"item {second}, which it depends on" in refused.reason


def test_the_longest_chain_there_may_be_fails_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(queue.MAX_PENDING, "selfplay", MAX_LIVE_ITEMS)
    ledger = Ledger.founded()
    chain = [ledger.add(attempts=1)]
    for _ in range(MAX_LIVE_ITEMS - 1):
        chain.append(ledger.add(after=(chain[-1],)))
    claim = ledger.claim().claim
    command = c.FailWork(item=chain[0], claim=claim, reason="it stumbled")
    applied = ledger.apply(command)
    assert [e.item for e in applied.events if isinstance(e, WorkFailed)] == chain
    assert ledger.state.work.rows[chain[-1]].error == f"it waited for #{chain[-2]}, which failed"
    assert ledger.state.work.live_count == 0
    ledger.state.check()


# Who may have it


def test_what_needs_a_gpu_or_memory_or_another_kind_is_passed_over_by_name() -> None:
    ledger = Ledger.founded()
    gpu = life(abilities=able(gpu="H100", memory_bytes=64 << 30))
    narrow = life(abilities=able(kinds=("training",)))
    ledger.do(c.JoinMember(node="g", name="g", life=gpu))
    ledger.do(c.JoinMember(node="t", name="t", life=narrow))
    ledger.add(needs=Needs(gpu=True))
    ledger.add(needs=Needs(memory_bytes=32 << 30))
    assert passed_over(ledger) == {"gpu": 1, "memory": 1}
    assert passed_over(ledger, "t") == {"unable": 2}
    assert len(ledger.claim(slots=5, node="g").items) == 2


def test_a_node_that_failed_an_item_gets_it_only_when_nobody_else_can_do_it() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    item = ledger.add()
    assert fail(ledger) == item
    assert ledger.state.work.rows[item].excluded == ("n",)
    assert passed_over(ledger) == {"excluded": 1}
    ledger.do(c.SetNodeMode(node="m", mode="draining", by="n"))
    assert fail(ledger) == item
    ledger.do(c.SetNodeMode(node="m", mode="active", by="n"))
    assert ledger.claim(node="m").items == (item,)


def test_a_member_that_never_started_or_is_revoked_or_cannot_is_nobody_else() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    ledger.do(joins("o"))
    able_to_train = life(2, abilities=able(kinds=("training",)))
    ledger.do(c.JoinMember(node="o", name="o", life=able_to_train))
    item = ledger.add()
    fail(ledger)
    assert passed_over(ledger) == {"excluded": 1}
    ledger.do(c.RevokeMember(member="m", by="n"))
    assert ledger.claim().items == (item,)


def test_an_item_remembers_the_newest_nodes_that_failed_it() -> None:
    ledger = Ledger.founded()
    nodes = [f"n{number}" for number in range(MAX_EXCLUDED + 1)]
    for node in nodes:
        ledger.do(joins(node))
    item = ledger.add(attempts=100)
    for node in (*nodes, "n"):
        fail(ledger, node)
    assert ledger.state.work.rows[item].excluded == (*nodes[2:], "n")


def test_an_item_for_one_node_is_for_all_once_it_is_released() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    item = ledger.add(target="m")
    assert passed_over(ledger) == {"target": 1}
    applied = ledger.apply(c.ReleaseWork(item=item))
    assert applied.events == (WorkReleased(item=item, kind="selfplay", config=CONFIG),)
    assert ledger.apply(c.ReleaseWork(item=item)).events == ()
    assert ledger.claim().items == (item,)
    assert isinstance(ledger.do(c.ReleaseWork(item=item)), Refused)
    stranger = c.AddWork(
        config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1, target="x"
    )
    assert isinstance(ledger.do(stranger), Refused)


def test_a_node_trains_and_measures_one_of_a_config_at_a_time() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    model = ledger.publish(5)
    games = ledger.add(priority=1)
    first, second = (ledger.add(EvaluationWork(model, o, 20, 32)) for o in ("a", "b"))
    fit = ledger.add(training((sha(1),)))
    claimed = ledger.claim(slots=5)
    assert (claimed.items, claimed.rejections) == ((first, fit, games), {"same": 1})
    assert passed_over(ledger) == {"same": 1}
    assert ledger.claim(node="m").items == (second,)


# Ends


def test_a_claim_that_ran_too_long_is_reaped_like_a_failure() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim
    ledger.do(c.ReapClaim(item=item, claim=claim))
    row = ledger.state.work.rows[item]
    assert (row.state, row.attempts, row.excluded) == ("pending", 1, ("n",))
    assert row.error == "it ran for longer than 60 s"
    assert isinstance(ledger.do(c.ReapClaim(item=item, claim=claim)), Refused)


def test_what_ended_badly_is_tried_again_from_the_start_and_once_at_a_time() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    before = ledger.add()
    item = ledger.add(attempts=1, after=(before,), target="m")
    assert isinstance(ledger.do(c.RetryWork(item=item, by="n")), Refused)
    ledger.do(c.CancelWork(item=before, by="n"))
    again = ledger.do(c.RetryWork(item=item, by="n"))
    assert isinstance(again, Queued)
    row = ledger.state.work.rows[again.item]
    assert (row.retry_of, row.waits_for, row.target, row.attempts) == (item, (), None, 0)
    twice = ledger.do(c.RetryWork(item=item, by="n"))
    assert isinstance(twice, Refused) and f"as #{again.item} already" in twice.reason
    assert fail(ledger) == again.item
    assert isinstance(ledger.do(c.RetryWork(item=item, by="n")), Queued)
    assert isinstance(ledger.do(c.RetryWork(item=4711, by="n")), Refused)


def test_a_retry_is_refused_for_what_adding_it_would_be() -> None:
    ledger = Ledger.founded()
    ledger.register(1)
    item = ledger.add(training((sha(1),)))
    ledger.do(c.CancelWork(item=item, by="n"))
    ledger.add(training((sha(1),)))
    refused = ledger.do(c.RetryWork(item=item, by="n"))
    assert isinstance(refused, Refused) and "has training" in refused.reason


# Bounds


def test_each_kind_may_have_so_many_pending_and_what_comes_back_is_always_taken() -> None:
    ledger = Ledger.founded()
    for _ in range(MAX_PENDING["selfplay"]):
        ledger.add()
    add = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1)
    full = ledger.do(add)
    assert full == Refused("100 selfplay items are pending, the most of that kind.")
    model = ledger.publish(5)
    ledger.add(EvaluationWork(model, "random-1", 20, 32))
    claimed = ledger.claim(slots=10)
    assert len(claimed.items) == 10
    for _ in range(9):
        ledger.add()
    for item in claimed.items:
        ledger.do(c.ReturnWork(item=item, claim=claimed.claim, reason="it drains"))
    assert ledger.state.work.pending_counts["selfplay"] == 109
    assert ledger.do(add) == full
    ledger.state.check()


def test_every_pending_item_is_granted_or_counted_under_one_reason() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("m"))
    ledger.do(c.SetConfigMode(config="hex8_3p", mode="active", by="n"))
    first = ledger.add(attempts=9)
    fail(ledger)
    ledger.add(config="hex8_3p")
    ledger.add(after=(first,))
    ledger.add(target="m")
    ledger.add(needs=Needs(gpu=True))
    ledger.add(needs=Needs(memory_bytes=2**50))
    for _ in range(3):
        ledger.add()
    ledger.do(c.SetConfigMode(config="hex8_3p", mode="paused", by="n"))
    claimed = ledger.claim(slots=2)
    assert claimed.rejections == {
        "excluded": 1,
        "paused": 1,
        "waiting": 1,
        "target": 1,
        "gpu": 1,
        "memory": 1,
        "slots": 1,
    }
    assert len(claimed.items) + sum(claimed.rejections.values()) == 9


def test_a_node_sees_what_a_claim_would_bring_without_making_one() -> None:
    ledger = Ledger.founded()
    assert ledger.state.claimable("n", KINDS) == ()
    ledger.add(target="n")
    ledger.do(joins("m"))
    assert ledger.state.claimable("n", KINDS) == ("selfplay",)
    assert ledger.state.claimable("n", ("training",)) == ()
    assert ledger.state.claimable("m", KINDS) == ()
    assert ledger.state.claimable("nobody", KINDS) == ()
    assert isinstance(ledger.do(c.SetNodeMode(node="n", mode="draining", by="n")), Done)
    assert ledger.state.claimable("n", KINDS) == ()
