"""The leader's care of a cluster in which nodes fail, hang, fall silent and stay away, pinned.

`golden/cluster.txt` is meant to be read: each line is what the leader proposed, or what a node did,
and what came of it. After a wanted change, `UPDATE_GOLDEN=1 pytest
tests/node/control/test_cluster_trace.py` writes it anew.
"""

import os
from pathlib import Path

from cluster_support import CONFIG, SELFPLAY, SELFPLAY_DONE, Ledger, joins, sha

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Claimed, Queued, told
from ringrift.node.control import tokens
from ringrift.node.control.leadership import Leadership, Patience

GOLDEN = Path(__file__).with_name("golden") / "cluster.txt"
STEP_S = 10.0


class Town:
    """A leader that is asked every ten seconds, and nodes that do as they are told here."""

    def __init__(self) -> None:
        self.ledger = Ledger.founded()
        patience = Patience(claim_s=30.0, session_s=1e9, overrun_s=20.0, unwanted_s=60.0)
        self.leads = Leadership(patience)
        self.renewing: set[tuple[str, int, int]] = set()
        self.now = 0.0
        self.lines: list[str] = []

    def wait(self, seconds: float) -> None:
        """Let time pass; nodes renew what they hold, the leader decides."""
        until = self.now + seconds
        while self.now < until:
            self.now += STEP_S
            state = self.ledger.state
            for node, item, claim in self.renewing:
                self.leads.renew(1, state, node, [(item, claim)], self.now)
            for decide in (
                self.leads.ended_claims,
                self.leads.overdue_claims,
                self.leads.unwanted_work,
            ):
                for command in decide(1, state, self.now):
                    self.does("leader", command)
            for command in tokens.expired(state, int(self.now * 1000)):
                self.does("leader", command)

    def does(self, who: str, command: c.Command) -> None:
        applied = self.ledger.apply(command)
        said = told(applied.result)
        if isinstance(applied.result, Claimed):
            passed = ", ".join(f"{why} {n}" for why, n in applied.result.rejections.items())
            said = f"items {applied.result.items}, passed over: {passed or 'none'}"
        self.lines.append(f"{self.now:4.0f} s  {who}: {c.described(command)} => {said}")

    def claims(self, node: str) -> tuple[int, int] | None:
        """Have a node claim one item, which it renews until it lets go."""
        command = c.ClaimWork(node=node, boot=1, kinds=("selfplay",), slots=1)
        self.does(node, command)
        held = [i for i in self.ledger.state.work.of(node) if i.claim is not None]
        if not held or held[-1].claim is None:
            return None
        self.renewing.add((node, held[-1].id, held[-1].claim.index))
        return held[-1].id, held[-1].claim.index

    def adds(self, **more: object) -> int:
        command = c.AddWork(
            config=CONFIG, payload=SELFPLAY, priority=50, max_attempts=3, timeout_s=100, **more
        )  # pyright: ignore[reportArgumentType]
        added = self.ledger.do(command)
        assert isinstance(added, Queued)
        self.lines.append(f"{self.now:4.0f} s  #{added.item} is queued {more or ''}")
        return added.item


def test_the_leader_cares_for_a_cluster_as_pinned() -> None:
    town = Town()
    for node in ("m", "o"):
        town.ledger.do(joins(node))
    town.lines.append("-- a node fails an item and another is to have it, but none comes")
    town.adds()
    held = town.claims("m")
    assert held is not None
    town.does("m", c.FailWork(item=held[0], claim=held[1], reason="no memory"))
    town.renewing.clear()
    assert town.claims("m") is None
    town.wait(70)
    held = town.claims("m")
    assert held is not None
    town.does("m", c.CompleteWork(item=held[0], claim=held[1], outcome=SELFPLAY_DONE))
    town.renewing.clear()
    town.lines.append("-- a node falls silent")
    town.adds()
    town.claims("m")
    town.renewing.clear()
    town.wait(40)
    town.lines.append("-- another works on and on")
    held = town.claims("o")
    assert held is not None
    town.wait(140)
    late = c.CompleteWork(item=held[0], claim=held[1], outcome=SELFPLAY_DONE)
    town.does("o", late)
    town.renewing.clear()
    town.does("alice", c.CancelWork(item=held[0], by="alice"))
    town.lines.append("-- work for a node that stays away, and what waits for it")
    first = town.adds(target="o")
    town.adds(depends_on=(first,))
    town.claims("n")
    town.wait(70)
    held = town.claims("n")
    assert held is not None
    town.does("n", c.CompleteWork(item=held[0], claim=held[1], outcome=SELFPLAY_DONE))
    town.renewing.clear()
    town.claims("n")
    town.lines.append("-- a token that nobody uses")
    town.does("alice", c.CreateToken(token=sha(7), role="node", lifetime_s=330, by="alice"))
    town.wait(20)
    trace = "\n".join(town.lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(trace, encoding="utf-8")
    assert trace == GOLDEN.read_text(encoding="utf-8")
