"""A cluster state driven by hand or by a seeded random player, for tests of what stands on it."""

import random

from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Abilities, Life, Reach, Role
from ringrift.node.cluster.models import Verdict
from ringrift.node.cluster.results import Applied, Claimed, Queued, Result
from ringrift.node.cluster.shards import ShardFacts
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.work import (
    EvaluationOutcome,
    EvaluationWork,
    Kind,
    Needs,
    Payload,
    SelfplayOutcome,
    SelfplayWork,
    TrainingOutcome,
    TrainingWork,
)
from ringrift.wire.log import Entry

CONFIG = "hex8_2p"
INCARNATION = "ab" * 16
SELFPLAY = SelfplayWork(64, 32, 32, 32, 8, 8, 4, 0.25)
SELFPLAY_DONE = SelfplayOutcome(games=64, decisions=900, seconds=12.5)


def sha(number: int) -> str:
    """A content hash that tests can tell from others."""
    return f"{number:064x}"


def training(shards: tuple[str, ...], parent: str | None = None, games: int = 0) -> TrainingWork:
    return TrainingWork(
        shards=shards,
        parent=parent,
        new_rows=10,
        games_seen=games,
        rows_seen=games,
        learning_rate=2e-3,
        batch_size=256,
        max_reuse=4.0,
        window_rows=1000,
    )


def trained(model: str) -> TrainingOutcome:
    return TrainingOutcome(
        model=model,
        bytes=1000,
        dataset=sha(99),
        rows=800,
        rows_drawn=3200,
        steps=13,
        reuse=4.0,
        policy_loss=2.5,
        value_loss=0.6,
        holdout_policy_loss=None,
        holdout_value_loss=None,
        parameters_changed=True,
        seconds=3.0,
    )


def match(*histogram: int) -> EvaluationOutcome:
    openings = sum(histogram)
    return EvaluationOutcome(histogram, openings, openings * (len(histogram) - 1), 9.0)


def shard(number: int, *, games: int = 32, run: int | None = None, first: int = 0) -> ShardFacts:
    return ShardFacts(
        sha256=sha(number),
        bytes=5000,
        config=CONFIG,
        run_id=f"{number if run is None else run:032x}",
        first_game=first,
        games=games,
        decisions=games * 15,
        full_rows=games * 5,
        steps=games * 30,
        source="untrained",
    )


ALL_KINDS: tuple[Kind, ...] = ("selfplay", "training", "evaluation")


def able(
    gpu: str | None = None, memory_bytes: int = 8 << 30, kinds: tuple[Kind, ...] = ALL_KINDS
) -> Abilities:
    """A node that does every kind of work, if not said here."""
    return Abilities(kinds=kinds, slots=4, cores=4, memory_bytes=memory_bytes, gpu=gpu)


def life(
    boot: int = 1,
    *,
    supports: int = 1,
    nonce: int = 1,
    abilities: Abilities | None = None,
    reach: Reach | None = None,
) -> Life:
    """What a node says of itself: that it does all, and accepts connections, if not said here."""
    return Life(
        boot=boot,
        nonce=f"{nonce:032x}",
        version="1",
        supports=supports,
        abilities=abilities or able(),
        reach=reach or Reach(),
    )


def joins(node: str, boot: int = 1, *, name: str | None = None) -> c.JoinMember:
    """A node says that it is up."""
    return c.JoinMember(node=node, name=name or node, life=life(boot))


class Ledger:
    """A state and the entries that made it; `do` applies one more command in an open session."""

    def __init__(self) -> None:
        self.state = ClusterState()
        self.entries: list[Entry] = []
        self.seq = 0

    @staticmethod
    def founded() -> "Ledger":
        """Session 1 open, node "n" a member in life 1, hex8_2p active: entries 1 to 3."""
        ledger = Ledger()
        ledger.enter(0, 0, c.OpenSession(owner="n", boot=1))
        ledger.do(joins("n"))
        ledger.do(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
        return ledger

    def enter(self, session: int, seq: int, command: c.Command) -> Result:
        return self._apply(session, seq, command).result

    def _apply(self, session: int, seq: int, command: c.Command) -> Applied:
        entry = Entry(
            self.state.index + 1, 1, 1000 + len(self.entries), session, seq,
            c.encode_command(command),
        )  # fmt: skip
        self.entries.append(entry)
        return self.state.apply(entry)

    def do(self, command: c.Command, session: int = 1) -> Result:
        return self.apply(command, session).result

    def apply(self, command: c.Command, session: int = 1) -> Applied:
        self.seq += 1
        return self._apply(session, self.seq, command)

    def add(
        self,
        payload: Payload = SELFPLAY,
        priority: int = 50,
        attempts: int = 3,
        *,
        config: str = CONFIG,
        needs: Needs | None = None,
        after: tuple[int, ...] = (),
        target: str | None = None,
    ) -> int:
        command = c.AddWork(
            config=config,
            payload=payload,
            priority=priority,
            max_attempts=attempts,
            timeout_s=60,
            needs=needs or Needs(),
            depends_on=after,
            target=target,
        )
        queued = self.do(command)
        assert isinstance(queued, Queued), queued
        return queued.item

    def claim(self, slots: int = 1, node: str = "n", boot: int = 1) -> Claimed:
        kinds = ("selfplay", "training", "evaluation")
        claimed = self.do(c.ClaimWork(node=node, boot=boot, kinds=kinds, slots=slots))
        assert isinstance(claimed, Claimed), claimed
        return claimed

    def register(self, number: int, item: int = 1, claim: int = 1, games: int = 32) -> Result:
        return self.do(c.RegisterShard(item=item, claim=claim, shard=shard(number, games=games)))

    def publish(
        self, model: int, games: int = 0, parent: str | None = None, config: str = CONFIG
    ) -> str:
        """Train and publish a model (from a shard, registered if need be); returns its hash."""
        first = 1 if config == CONFIG else 1_000 + len(self.state.shards.rows)
        if sha(first) not in self.state.shards.rows:
            facts = replace(shard(first), config=config)
            self.do(c.RegisterShard(item=1, claim=1, shard=facts))
        item = self.add(training((sha(first),), parent, games), priority=1000, config=config)
        claimed = self.claim()
        assert claimed.items == (item,)
        self.do(c.CompleteWork(item=item, claim=claimed.claim, outcome=trained(sha(model))))
        return sha(model)

    def record(self, model: str, opponent: str, *histogram: int) -> None:
        """Queue, claim and complete a match."""
        item = self.add(EvaluationWork(model, opponent, 20, 32), priority=1000)
        claimed = self.claim()
        assert claimed.items == (item,)
        self.do(c.CompleteWork(item=item, claim=claimed.claim, outcome=match(*histogram)))


def wander(ledger: Ledger, rng: random.Random, steps: int) -> None:
    """Apply `steps` plausible commands, right and wrong ones, drawn from the state as it stands."""
    for _ in range(steps):
        ledger.do(_wish(ledger, rng))


def _wish(ledger: Ledger, rng: random.Random) -> c.Command:
    state = ledger.state
    items = sorted(state.work.rows)
    claimed = [item.id for item in state.work.claimed()]
    item = rng.choice(items) if items and rng.random() < 0.95 else rng.randint(1, 10_000)
    if claimed and rng.random() < 0.7:
        item = rng.choice(claimed)
    row = state.work.rows.get(item)
    claim = row.claim.index if row is not None and row.claim is not None else rng.randint(1, 500)
    models = [m.sha256 for m in state.models.of(CONFIG)] or [sha(7)]
    number = rng.randint(1, 60)
    shards = sorted(state.shards.rows) or [sha(number)]
    node = f"node-{rng.randint(1, 3)}"
    member = state.members.rows.get(node)
    boot = member.boot if member is not None else 1
    verdict = Verdict(
        decision=rng.choice(["promoted", "rejected", "undecided"]),
        against=state.configs.rows[CONFIG].champion,
        checks=(),
        reason="drawn",
    )
    outcome = (
        trained(sha(rng.randint(1, 40)))
        if row is not None and row.kind == "training"
        else match(*(rng.randint(1, 9) for _ in range(3)))
        if row is not None and row.kind == "evaluation"
        else SELFPLAY_DONE
    )
    payload: Payload = rng.choice(
        [
            SELFPLAY,
            training((rng.choice(shards),), None, state.shards.of(CONFIG).games),
            EvaluationWork(rng.choice(models), rng.choice(["random-1", *models]), 20, 32),
        ]
    )
    games = rng.randint(1, 40)
    newcomer = f"newcomer-{number % 5}"
    role: Role = rng.choice(["node", "voter", "operator", "viewer"])
    options: list[c.Command] = [
        joins(node, boot + rng.randint(0, 1)),
        c.SetNodeMode(node=node, mode=rng.choice(["active", "active", "draining"]), by="n"),
        c.SetConfigMode(config=CONFIG, mode=rng.choice(["active", "active", "paused"]), by="n"),
        c.RestartNode(node=node, by="n"),
        c.AddWork(
            config=CONFIG,
            payload=payload,
            priority=number,
            max_attempts=2,
            timeout_s=9,
            depends_on=(item,) if rng.random() < 0.2 else (),
            target=node if rng.random() < 0.1 else None,
        ),
        c.ClaimWork(node=node, boot=boot, kinds=("selfplay", "training"), slots=2),
        c.ClaimWork(node=node, boot=boot, kinds=("evaluation",), slots=1),
        c.CompleteWork(item=item, claim=claim, outcome=outcome),
        c.CompleteWork(item=item, claim=claim, outcome=outcome),
        c.ReturnWork(item=item, claim=claim, reason="draining"),
        c.FailWork(item=item, claim=claim, reason="crashed"),
        c.ExpireClaim(item=item, claim=claim),
        c.CancelWork(item=item, by="n"),
        c.RetryWork(item=item, by="n"),
        c.ReleaseWork(item=item),
        c.ReapClaim(item=item, claim=claim),
        c.CreateToken(by="n", token=sha(number), role=role, lifetime_s=9, member=newcomer),
        c.AdmitMember(by="n", token=sha(number), member=newcomer, name="x", key=sha(number + 1)),
        c.ExpireToken(by="n", token=sha(rng.randint(1, 60))),
        c.RevokeMember(by="n", member=rng.choice(["node-3", *[newcomer] * 9])),
        c.ChangeRole(by="n", member=rng.choice([node, newcomer]), role=role),
        c.SetTiming(by="n", timing=rng.choice(["local", "lan", "wan"])),
        c.ResetCircuits(by="n", node=node),
        c.EvictWork(items=(item,)),
        c.RegisterShard(
            item=item, claim=claim, shard=shard(number, games=games, run=number // 2, first=number)
        ),
        c.SetGenerator(config=CONFIG, model=rng.choice(models), reason="drawn"),
        c.Promote(config=CONFIG, model=rng.choice(models), verdict=verdict),
        c.Reject(config=CONFIG, model=rng.choice(models), verdict=verdict),
        c.ExpireSession(session=rng.randint(1, 500), last_index=rng.randint(1, 500)),
    ]
    busy = (c.AddWork, c.ClaimWork, c.CompleteWork, c.RegisterShard)
    rare = (c.RevokeMember, c.AdmitMember)
    weights = [8 if isinstance(w, busy) else 1 if isinstance(w, rare) else 2 for w in options]
    return rng.choices(options, weights)[0]
