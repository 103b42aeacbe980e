"""The queue under any order of commands, against a second reading of its rules.

`work_model.Model` says in plain words what each command must answer and what must stand then; it
shares nothing with the state but the commands.
"""

import hypothesis.strategies as st
from cluster_support import SELFPLAY, SELFPLAY_DONE, Ledger, able, life, match, sha, shard
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from work_model import CONFIGS, GPU, NODES, Model

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Claimed, Done, Queued, Refused, ShardKept
from ringrift.node.cluster.work import EvaluationWork, Kind, Needs, Outcome, Payload

ATTEMPTS = 3
ANY = st.integers(0, 10**6)
ENDS = st.sampled_from(["return", "fail", "fail", "expire", "reap"])
KINDS: tuple[Kind, ...] = ("selfplay", "evaluation")


class WorkMachine(RuleBasedStateMachine):
    """Every rule gives one command, often an outdated one, and predicts the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger.founded()
        self.model = Model(ATTEMPTS)
        self.shards, self.games, self.matches = 100, 0, 0
        self.grants: list[tuple[int, int]] = []
        self.candidates: dict[str, str] = {}
        for number, config in enumerate(CONFIGS):
            self.ledger.do(c.SetConfigMode(config=config, mode="active", by="n"))
            self.candidates[config] = self.ledger.publish(10 + number, config=config)
        self.before = set(self.ledger.state.work.rows)
        for node in NODES:
            self._join(node)

    def _join(self, node: str) -> None:
        boot = self.model.boots[node] = self.model.boots[node] + 1
        says = life(boot, abilities=able(gpu="H100" if node == GPU else None))
        assert isinstance(self.ledger.do(c.JoinMember(node=node, name=node, life=says)), Done)

    @rule(
        kind=st.sampled_from(KINDS),
        config=st.sampled_from(CONFIGS),
        priority=st.integers(0, 3),
        gpu=st.sampled_from([False, False, True]),
        depends_on=st.lists(ANY, max_size=2),
        target_node=st.sampled_from([None, None, None, *NODES]),
    )
    def add(
        self,
        kind: Kind,
        config: str,
        priority: int,
        gpu: bool,
        depends_on: list[int],
        target_node: str | None,
    ) -> None:
        depends_on = [item for item in map(self._item, depends_on) if item is not None]
        command = c.AddWork(
            config=config,
            payload=self._payload(kind, config),
            priority=priority,
            max_attempts=ATTEMPTS,
            timeout_s=60,
            needs=Needs(gpu=gpu),
            depends_on=tuple(depends_on),
            target=target_node,
        )
        result = self.ledger.do(command)
        if not self.model.may_depend_on(depends_on):
            assert isinstance(result, Refused)
            return
        assert isinstance(result, Queued)
        self.model.added(
            result.item, (kind, config), priority, gpu=gpu, waits=depends_on, target=target_node
        )

    def _item(self, pick: int) -> int | None:
        """An item there is, or now and then one that there is not."""
        known = sorted(self.model.items)
        return known[pick % len(known)] if known and pick % 20 else None if pick % 3 else 9_999

    def _grant(self, pick: int) -> tuple[int, int] | None:
        """A claim, mostly one that is current."""
        current = [grant for grant in self.grants if self.model.holds(*grant)]
        those = current if current and pick % 5 else self.grants
        return those[pick % len(those)] if those else None

    def _payload(self, kind: Kind, config: str) -> Payload:
        if kind == "selfplay":
            return SELFPLAY
        self.matches += 1
        return EvaluationWork(self.candidates[config], f"opponent-{self.matches}", 20, 32)

    @rule(
        node=st.sampled_from(NODES),
        kinds=st.sampled_from([KINDS, KINDS, KINDS[:1], KINDS[1:]]),
        slots=st.integers(1, 3),
    )
    def claim(self, node: str, kinds: tuple[Kind, ...], slots: int) -> None:
        boot = self.model.boots[node]
        wanted = self.ledger.state.claimable(node, kinds)
        result = self.ledger.do(c.ClaimWork(node=node, boot=boot, kinds=kinds, slots=slots))
        if node in self.model.draining:
            assert isinstance(result, Refused) and wanted == ()
            return
        assert isinstance(result, Claimed)
        granted, rejections, claimable = self.model.claimed(node, kinds, slots, result.claim)
        assert (result.items, result.rejections) == (granted, rejections)
        assert set(wanted) == claimable
        self.grants += [(item, result.claim) for item in granted]

    @rule(node=st.sampled_from(NODES), ends=st.lists(ENDS, min_size=1, max_size=6))
    def work_for_a_while(self, node: str, ends: list[str]) -> None:
        """Claim one item after the other and end each in some way."""
        for how in ends:
            before = len(self.grants)
            self.claim(node, KINDS, 1)
            if len(self.grants) == before:
                return
            self._end(self.grants[-1], how)

    @rule(pick=ANY, twice=st.booleans())
    def complete(self, pick: int, twice: bool) -> None:
        grant = self._grant(pick)
        if grant is None:
            return
        row = self.model.items.get(grant[0])
        evaluation = row is not None and row.kind == "evaluation"
        outcome: Outcome = match(5, 5, 10) if evaluation else SELFPLAY_DONE
        command = c.CompleteWork(item=grant[0], claim=grant[1], outcome=outcome)
        for _ in range(1 + twice):
            assert isinstance(self.ledger.do(command), Done) == self.model.completed(*grant)

    @rule(pick=ANY, how=ENDS)
    def give_back(self, pick: int, how: str) -> None:
        grant = self._grant(pick)
        if grant is not None:
            self._end(grant, how)

    def _end(self, grant: tuple[int, int], how: str) -> None:
        item, claim = grant
        command: c.Command
        match how:
            case "return":
                command = c.ReturnWork(item=item, claim=claim, reason="it drains")
            case "fail":
                command = c.FailWork(item=item, claim=claim, reason="it stumbled")
            case "expire":
                command = c.ExpireClaim(item=item, claim=claim)
            case _:
                command = c.ReapClaim(item=item, claim=claim)
        given_back = self.model.gave_back(item, claim, counts=how != "return")
        assert isinstance(self.ledger.do(command), Done) == given_back

    @rule(pick=ANY)
    def cancel(self, pick: int) -> None:
        item = self._item(pick)
        if item is None:
            return
        cancelled = self.model.cancelled(item)
        assert isinstance(self.ledger.do(c.CancelWork(item=item, by="n")), Done) == cancelled

    @rule(pick=ANY)
    def retry(self, pick: int) -> None:
        item = self._item(pick)
        if item is None:
            return
        result = self.ledger.do(c.RetryWork(item=item, by="n"))
        assert isinstance(result, Queued) == self.model.retried(item, self.ledger.state.index)

    @rule(pick=ANY)
    def release(self, pick: int) -> None:
        item = self._item(pick)
        if item is None:
            return
        released = self.model.released(item)
        assert isinstance(self.ledger.do(c.ReleaseWork(item=item)), Done) == released

    @rule(pick=ANY)
    def evict(self, pick: int) -> None:
        item = self._item(pick)
        if item is None:
            return
        self.ledger.do(c.EvictWork(items=(item,)))
        self.model.evicted(item)

    @rule(node=st.sampled_from(NODES), draining=st.sampled_from([False, False, True]))
    def drain(self, node: str, draining: bool) -> None:
        mode = "draining" if draining else "active"
        self.ledger.do(c.SetNodeMode(node=node, mode=mode, by="n"))
        (self.model.draining.add if draining else self.model.draining.discard)(node)

    @rule(config=st.sampled_from(CONFIGS), paused=st.sampled_from([False, False, True]))
    def pause(self, config: str, paused: bool) -> None:
        mode = "paused" if paused else "active"
        self.ledger.do(c.SetConfigMode(config=config, mode=mode, by="n"))
        (self.model.paused.add if paused else self.model.paused.discard)(config)

    @rule(node=st.sampled_from(NODES))
    def start_anew(self, node: str) -> None:
        self._join(node)
        self.model.started_anew(node)

    @rule(pick=ANY, games=st.integers(1, 40))
    def register(self, pick: int, games: int) -> None:
        grant = self._grant(pick)
        row = self.model.items.get(grant[0]) if grant is not None else None
        if grant is None or row is None or (row.kind, row.config) != ("selfplay", CONFIGS[0]):
            return
        self.shards += 1
        facts = shard(self.shards, games=games)
        command = c.RegisterShard(item=grant[0], claim=grant[1], shard=facts)
        late = not self.model.holds(*grant)
        assert self.ledger.do(command) == ShardKept(sha(self.shards), late)
        assert self.ledger.do(command) == ShardKept(sha(self.shards), late)
        self.games += games

    @invariant()
    def state_is_as_expected(self) -> None:
        state = self.ledger.state
        state.check()
        assert state.shards.of(CONFIGS[0]).games == self.games + 32
        assert set(state.work.rows) - self.before == set(self.model.items)
        for number, expected in self.model.items.items():
            row = state.work.rows[number]
            assert (row.state, row.attempts) == (expected.state, expected.attempts), number
            assert (row.target, row.excluded) == (expected.target, tuple(expected.excluded))
            assert expected.effective <= 1
            if row.state == "claimed":
                assert row.claim is not None
                assert (row.claim.index, row.claim.node) == (expected.claim, expected.owner)
            if row.state == "pending":
                assert set(row.waits_for) == self.model.waits_for(number)


TestWorkMachine = WorkMachine.TestCase
TestWorkMachine.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, derandomize=True
)
