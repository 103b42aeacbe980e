"""The queue under any order of claims, completions, expiries and drains, against a plain model."""

from dataclasses import dataclass

import hypothesis.strategies as st
from cluster_support import SELFPLAY_DONE, Ledger, joins, sha, shard
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Claimed, Done, Refused, ShardKept

NODES = ("n", "m")
ATTEMPTS = 2


@dataclass
class Expected:
    """What a plain reading of the rules says of an item."""

    state: str = "pending"
    attempts: int = 0
    claim: int | None = None
    effective: int = 0


class WorkMachine(RuleBasedStateMachine):
    """Every rule gives one command with a current or an outdated claim and predicts the answer."""

    items = Bundle("items")
    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger.founded()
        self.boots = {"n": 1, "m": 1}
        self.ledger.do(joins("m"))
        self.expected: dict[int, Expected] = {}
        self.owner: dict[tuple[int, int], str] = {}
        self.draining: set[str] = set()
        self.games = 0
        self.shards = 0

    @rule(target=items, priority=st.integers(0, 3))
    def add(self, priority: int) -> int:
        item = self.ledger.add(priority=priority, attempts=ATTEMPTS)
        self.expected[item] = Expected()
        return item

    @rule(target=grants, node=st.sampled_from(NODES), slots=st.integers(1, 2))
    def claim(self, node: str, slots: int) -> tuple[int, int] | None:
        command = c.ClaimWork(node=node, boot=self.boots[node], kinds=("selfplay",), slots=slots)
        result = self.ledger.do(command)
        if node in self.draining:
            assert isinstance(result, Refused)
            return None
        assert isinstance(result, Claimed)
        pending = [i for i, e in self.expected.items() if e.state == "pending"]
        assert len(result.items) == min(slots, len(pending))
        for item in result.items:
            expected = self.expected[item]
            assert expected.state == "pending"
            expected.state, expected.claim = "claimed", result.claim
            expected.attempts += 1
            self.owner[item, result.claim] = node
        return (result.items[-1], result.claim) if result.items else None

    @rule(grant=grants, twice=st.booleans())
    def complete(self, grant: tuple[int, int] | None, twice: bool) -> None:
        if grant is None:
            return
        command = c.CompleteWork(item=grant[0], claim=grant[1], outcome=SELFPLAY_DONE)
        for _ in range(1 + twice):
            result = self.ledger.do(command)
            expected = self.expected.get(grant[0])
            if expected is None:
                assert isinstance(result, Refused)
            elif expected.claim == grant[1] and expected.state in ("claimed", "completed"):
                assert isinstance(result, Done)
                expected.effective += expected.state == "claimed"
                expected.state = "completed"
            else:
                assert isinstance(result, Refused)

    @rule(grant=grants, how=st.sampled_from(["return", "fail", "expire"]))
    def give_back(self, grant: tuple[int, int] | None, how: str) -> None:
        if grant is None:
            return
        item, claim = grant
        command: c.Command = c.ExpireClaim(item=item, claim=claim)
        if how != "expire":
            kind = c.ReturnWork if how == "return" else c.FailWork
            command = kind(item=item, claim=claim, reason=how)
        result = self.ledger.do(command)
        expected = self.expected.get(item)
        if expected is None or (expected.state, expected.claim) != ("claimed", claim):
            assert isinstance(result, Refused)
            return
        assert isinstance(result, Done)
        expected.attempts -= how == "return"
        spent = how != "return" and expected.attempts == ATTEMPTS
        expected.state, expected.claim = ("failed" if spent else "pending"), None

    @rule(item=items)
    def cancel(self, item: int) -> None:
        result = self.ledger.do(c.CancelWork(item=item, by="n"))
        expected = self.expected.get(item)
        if expected is None or expected.state in ("completed", "failed"):
            assert isinstance(result, Refused)
            return
        assert isinstance(result, Done)
        expected.state, expected.claim = "cancelled", None

    @rule(item=consumes(items))
    def evict(self, item: int) -> None:
        self.ledger.do(c.EvictWork(items=(item,)))
        if self.expected[item].state in ("completed", "failed", "cancelled"):
            del self.expected[item]

    @rule(node=st.sampled_from(NODES), draining=st.booleans())
    def drain(self, node: str, draining: bool) -> None:
        self.ledger.do(c.SetNodeMode(node=node, mode="draining" if draining else "active", by="n"))
        (self.draining.add if draining else self.draining.discard)(node)

    @rule(node=st.sampled_from(NODES))
    def start_anew(self, node: str) -> None:
        self.boots[node] += 1
        self.ledger.do(joins(node, self.boots[node]))
        for item, expected in self.expected.items():
            held = expected.state == "claimed" and expected.claim is not None
            if held and self.owner[item, expected.claim or 0] == node:
                expected.state, expected.claim = "pending", None
                expected.attempts -= 1

    @rule(grant=grants, games=st.integers(1, 40))
    def register(self, grant: tuple[int, int] | None, games: int) -> None:
        if grant is None:
            return
        self.shards += 1
        facts = shard(self.shards, games=games)
        command = c.RegisterShard(item=grant[0], claim=grant[1], shard=facts)
        expected = self.expected.get(grant[0])
        current = expected is not None and (expected.state, expected.claim) == (
            "claimed",
            grant[1],
        )
        assert self.ledger.do(command) == ShardKept(sha(self.shards), not current)
        assert self.ledger.do(command) == ShardKept(sha(self.shards), not current)
        self.games += games

    @invariant()
    def state_is_as_expected(self) -> None:
        state = self.ledger.state
        state.check()
        assert state.shards.of("hex8_2p").games == self.games
        assert set(state.work.rows) == set(self.expected)
        for item, expected in self.expected.items():
            row = state.work.rows[item]
            assert (row.state, row.attempts) == (expected.state, expected.attempts)
            assert expected.effective <= 1
            if row.state == "claimed":
                assert row.claim is not None and row.claim.index == expected.claim


TestWorkMachine = WorkMachine.TestCase
TestWorkMachine.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, derandomize=True
)
