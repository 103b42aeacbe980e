"""Work items: what may be queued, how a claim ends, and what a completion brings."""

from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.models import MAX_MODELS, Model
from ringrift.node.cluster.queue import Failure
from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.shards import Shard
from ringrift.node.cluster.transitions.base import Place, Tables, no_model
from ringrift.node.cluster.work import (
    EvaluationOutcome,
    EvaluationWork,
    Item,
    Outcome,
    Payload,
    SelfplayOutcome,
    SelfplayWork,
    TrainingOutcome,
    TrainingWork,
)

SHA256_LENGTH = 64


def add_work(tables: Tables, command: c.AddWork, place: Place) -> Effect:
    if command.config not in tables.configs.rows:
        return Effect(Refused(f"Config {command.config} is not in the cluster."))
    refused = _unfounded(tables, command.config, command.payload) or _unreachable(tables, command)
    if refused is not None:
        return Effect(refused)
    rows = tables.work.rows
    return tables.work.add(
        Item(
            id=place.index,
            config=command.config,
            priority=command.priority,
            max_attempts=command.max_attempts,
            timeout_s=command.timeout_s,
            payload=command.payload,
            state="pending",
            attempts=0,
            claim=None,
            error=None,
            queued_at_ms=place.at_ms,
            ended_at_ms=None,
            needs=command.needs,
            waits_for=tuple(item for item in sorted({*command.depends_on}) if rows[item].live),
            target=command.target,
        )
    )


def _unreachable(tables: Tables, command: c.AddWork) -> Refused | None:
    """Why an item could never be claimed, or None when it could."""
    for other in command.depends_on:
        row = tables.work.rows.get(other)
        if row is None:
            return Refused(f"Work item {other}, which it depends on, is not known (any more).")
        if not row.live and row.state != "completed":
            return Refused(f"Work item {other}, which it depends on, is {row.state}.")
    if command.target is not None:
        member = tables.members.rows.get(command.target)
        if member is None or not member.machine:
            return Refused(f"{command.target}, whom it is meant for, is no node of the cluster.")
    return None


def retry_work(tables: Tables, command: c.RetryWork, place: Place) -> Effect:
    row = tables.work.rows.get(command.item)
    if row is None:
        return Effect(Refused(f"Work item {command.item} is not known (any more)."))
    if row.state not in ("failed", "cancelled"):
        return Effect(
            Refused(f"Work item {row.id} is {row.state}; only what ended badly can be tried again.")
        )
    for other in tables.work.live(row.config, row.kind):
        if other.retry_of == row.id:
            return Effect(Refused(f"Work item {row.id} is tried again as #{other.id} already."))
    refused = _unfounded(tables, row.config, row.payload)
    if refused is not None:
        return Effect(refused)
    return tables.work.add(
        replace(
            row,
            id=place.index,
            state="pending",
            attempts=0,
            error=None,
            queued_at_ms=place.at_ms,
            ended_at_ms=None,
            waits_for=(),
            target=None,
            excluded=(),
            retry_of=row.id,
        )
    )


def _unfounded(tables: Tables, config: str, payload: Payload) -> Refused | None:
    """Why work makes no sense in this state, or None when it does."""
    match payload:
        case SelfplayWork(weights=weights):
            return None if weights is None else no_model(tables, config, weights)
        case TrainingWork(shards=shards, parent=parent):
            for open_item in tables.work.live(config, "training"):
                return Refused(f"{config} has training #{open_item.id} open already.")
            for shard in shards:
                row = tables.shards.rows.get(shard)
                if row is None or row.facts.config != config:
                    return Refused(f"{config} has no shard {shard[:12]}.")
            return None if parent is None else no_model(tables, config, parent)
        case EvaluationWork(candidate=candidate, opponent=opponent):
            refused = no_model(tables, config, candidate)
            if refused is None and len(opponent) == SHA256_LENGTH:
                refused = no_model(tables, config, opponent)
            if refused is not None:
                return refused
            if opponent in tables.models.rows[candidate].matches:
                return Refused(f"{candidate[:12]} has met {opponent[:12]} already.")
            for item in tables.work.live(config, "evaluation"):
                assert isinstance(item.payload, EvaluationWork)
                if (item.payload.candidate, item.payload.opponent) == (candidate, opponent):
                    return Refused(f"Evaluation #{item.id} of that pair is open already.")
            return None


def complete_work(tables: Tables, command: c.CompleteWork, place: Place) -> Effect:
    item = tables.work.rows.get(command.item)
    if (
        item is not None
        and item.state == "completed"
        and item.claim is not None
        and item.claim.index == command.claim
    ):
        return Effect(Done(f"{item.kind} #{item.id} is completed"))
    refused = tables.work.refusal(command.item, command.claim)
    if refused is not None or item is None:
        return Effect(refused or Refused(f"Work item {command.item} is not known."))
    return _complete(tables, item, command.outcome, place)


def _complete(tables: Tables, item: Item, outcome: Outcome, place: Place) -> Effect:
    match item.payload, outcome:
        case SelfplayWork(), SelfplayOutcome():
            return tables.work.complete(item, place.at_ms, outcome)
        case TrainingWork() as work, TrainingOutcome():
            return _publish(tables, item, work, outcome, place)
        case EvaluationWork() as work, EvaluationOutcome():
            seats = int(item.config.rpartition("_")[2][:1])
            if len(outcome.histogram) != seats + 1 or not sum(outcome.histogram):
                return Effect(
                    Refused(f"histogram has no games or not {seats + 1} counts, one for 0 wins on.")
                )
            done = tables.work.complete(item, place.at_ms, None)
            recorded = tables.models.record(work.candidate, work.opponent, outcome)
            return Effect(done.result, done.events + recorded)
        case _:
            return Effect(Refused(f"Work item {item.id} is {item.kind}; the outcome is not."))


def _publish(
    tables: Tables, item: Item, work: TrainingWork, outcome: TrainingOutcome, place: Place
) -> Effect:
    assert item.claim is not None, item
    if len(tables.models.rows) >= MAX_MODELS:
        return Effect(Refused(f"The registry holds {MAX_MODELS} models, the most."))
    row = replace(
        tables.configs.rows[item.config],
        games_fitted=work.games_seen,
        rows_fitted=work.rows_seen,
    )
    events = tables.work.complete(item, place.at_ms, None).events
    if outcome.model in tables.models.rows:
        tables.configs.rows[item.config] = row
        return Effect(Done(f"{outcome.model[:12]} is a known model; nothing new was made"), events)
    row = replace(row, generation=row.generation + 1)
    tables.configs.rows[item.config] = row
    published = tables.models.publish(
        Model(
            sha256=outcome.model,
            config=item.config,
            generation=row.generation,
            parent=work.parent,
            index=place.index,
            at_ms=place.at_ms,
            item=item.id,
            maker=item.claim.node,
            games_seen=work.games_seen,
            rows_seen=work.rows_seen,
            training=outcome,
        )
    )
    return Effect(Done(f"{item.config} has generation {row.generation}"), events + published)


def _end_claim(tables: Tables, item: int, claim: int, failure: Failure, place: Place) -> Effect:
    refused = tables.work.refusal(item, claim)
    if refused is not None:
        return Effect(refused)
    return tables.work.release(tables.work.rows[item], place.at_ms, failure)


def return_work(tables: Tables, command: c.ReturnWork, place: Place) -> Effect:
    failure = Failure(command.reason, counts=False)
    return _end_claim(tables, command.item, command.claim, failure, place)


def fail_work(tables: Tables, command: c.FailWork, place: Place) -> Effect:
    failure = Failure(command.reason, counts=True)
    return _end_claim(tables, command.item, command.claim, failure, place)


def expire_claim(tables: Tables, command: c.ExpireClaim, place: Place) -> Effect:
    failure = Failure("its lease ran out", counts=True)
    return _end_claim(tables, command.item, command.claim, failure, place)


def cancel_work(tables: Tables, command: c.CancelWork, place: Place) -> Effect:
    return tables.work.cancel(command.item, place.at_ms)


def reap_claim(tables: Tables, command: c.ReapClaim, place: Place) -> Effect:
    row = tables.work.rows.get(command.item)
    timeout_s = 0 if row is None else row.timeout_s
    failure = Failure(f"it ran for longer than {timeout_s} s", counts=True)
    return _end_claim(tables, command.item, command.claim, failure, place)


def release_work(tables: Tables, command: c.ReleaseWork, place: Place) -> Effect:
    return tables.work.widen(command.item)


def evict_work(tables: Tables, command: c.EvictWork, place: Place) -> Effect:
    return tables.work.evict(command.items)


def register_shard(tables: Tables, command: c.RegisterShard, place: Place) -> Effect:
    facts = command.shard
    item = tables.work.rows.get(command.item)
    if item is not None and (item.config != facts.config or item.kind != "selfplay"):
        return Effect(
            Refused(f"Work item {item.id} is {item.kind} of {item.config}, not its shard's maker.")
        )
    if facts.config not in tables.configs.rows:
        return Effect(Refused(f"Config {facts.config} is not in the cluster."))
    late = tables.work.refusal(command.item, command.claim) is not None
    return tables.shards.register(
        Shard(
            facts=facts,
            index=place.index,
            at_ms=place.at_ms,
            item=command.item,
            late=late,
            maker=place.owner,
        )
    )
