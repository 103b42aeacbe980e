"""What operators do leaves a line with who did it and what came of it, and nothing else does."""

import pytest
from cluster_support import CONFIG, INCARNATION, SELFPLAY, Ledger, joins, sha
from test_members import admit, closed, token

from ringrift.node.cluster import audit
from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Refused
from ringrift.node.cluster.snapshot import Loader
from ringrift.node.cluster.state import ClusterState
from ringrift.wire.log import Entry


def lines(ledger: Ledger, after: int = 0) -> list[tuple[str, str, str, bool]]:
    return [
        (line.actor, line.action, line.result, line.refused)
        for _, line in ledger.state.audit.after(after)
    ]


def test_every_operation_is_told_with_its_actor_and_its_result() -> None:
    ledger = Ledger.founded()
    start = ledger.state.index
    item = ledger.add()
    ledger.do(c.CancelWork(item=item, by="alice"))
    ledger.do(c.RetryWork(item=item, by="alice"))
    ledger.do(c.SetNodeMode(node="n", mode="draining", deadline_s=60, by="bob"))
    ledger.do(c.SetNodeMode(node="x", mode="draining", by="bob"))
    ledger.do(c.CreateToken(token=sha(7), role="node", lifetime_s=900, by="bob"))
    assert lines(ledger, start) == [
        ("alice", f"cancel_work item={item}", f"selfplay #{item} is cancelled", False),
        ("alice", f"retry_work item={item}", f"#{item + 2} is queued", False),
        (
            "bob",
            "set_node_mode node=n mode=draining deadline_s=60",
            "node n is now draining",
            False,
        ),
        ("bob", "set_node_mode node=x mode=draining", "Node x is not a member.", True),
        (
            "bob",
            f"create_token token={sha(7)[:12]} role=node lifetime_s=900",
            f"token {sha(7)[:12]} lets one node in",
            False,
        ),
    ]


def test_what_no_operator_asked_for_leaves_no_line_and_a_repeat_leaves_one() -> None:
    ledger = Ledger.founded()
    start = ledger.state.index
    ledger.do(joins("m"))
    ledger.add()
    ledger.claim()
    ledger.state.apply(
        Entry(ledger.state.index + 1, 1, 0, 0, 0, c.encode_command(c.ChangeVoters()), ("n",))
    )
    assert lines(ledger, start) == []
    for _ in range(2):
        ledger.enter(1, 90, c.RestartNode(node="n", by="alice"))
    ledger.enter(777, 1, c.RestartNode(node="n", by="alice"))
    assert len(lines(ledger, start)) == 1
    add = c.AddWork(
        config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=1, timeout_s=1, by="alice"
    )
    ledger.do(add)
    change = c.encode_command(c.ChangeVoters(by="alice"))
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, change, ("n", "m")))
    told = lines(ledger, start)[1:]
    assert [line[1] for line in told] == [
        f"add_work config={CONFIG} payload=selfplay priority=1 max_attempts=1 timeout_s=1",
        "change_voters",
    ]
    assert told[1][2] == "the voters are now n, m"


def test_the_revoked_and_viewers_change_nothing_and_that_is_told() -> None:
    ledger = closed()
    admit(ledger, token(ledger, 2, "viewer"), "eve", 502)
    admit(ledger, token(ledger, 3, "operator"), "bob", 503)
    ledger.do(c.RevokeMember(member="bob", by="alice"))
    start = ledger.state.index
    for actor, words in (("eve", "may only look"), ("bob", "is revoked")):
        refused = ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by=actor))
        assert isinstance(refused, Refused) and words in refused.reason
    assert ledger.state.configs.is_active(CONFIG)
    assert [(line[0], line[3]) for line in lines(ledger, start)] == [("eve", True), ("bob", True)]


def test_the_newest_lines_stay_and_an_archive_takes_the_others_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audit, "MAX_LINES", 5)
    ledger = Ledger.founded()
    archived: list[int] = []
    for _ in range(20):
        ledger.do(c.RestartNode(node="n", by="alice"))
        archived += [index for index, _ in ledger.state.audit.after(max(archived, default=0))]
    kept = [index for index, _ in ledger.state.audit.after(0)]
    assert kept == archived[-5:] == list(ledger.state.audit.rows)
    assert len(archived) == len(set(archived)) == 21
    ledger.state.check()
    loader = Loader(INCARNATION)
    for chunk in ledger.state.snapshot(INCARNATION):
        loader.feed(chunk)
    copy = ClusterState.restored(loader)
    ledger.do(c.RestartNode(node="n", by="alice"))
    copy.apply(ledger.entries[-1])
    assert copy.digest() == ledger.state.digest()
    assert copy.audit.after(0) == ledger.state.audit.after(0)


def test_a_long_action_is_cut() -> None:
    ledger = Ledger.founded()
    many = c.AddWork(
        config=CONFIG,
        payload=SELFPLAY,
        priority=1,
        max_attempts=1,
        timeout_s=1,
        depends_on=tuple(range(2**52, 2**52 + 16)),
        target="x" * 64,
        by="alice",
    )
    ledger.do(many)
    (_, line) = ledger.state.audit.after(0)[-1]
    assert len(line.action) == audit.MAX_TEXT and line.refused
