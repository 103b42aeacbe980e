"""What each command does to the tables: the rules that span more than one of them.

Every function takes the tables, its command and where in the log it stands, and returns an Effect.
Whatever is wrong with the wish is a `Refused`; an assertion means that the state itself is broken.
"""

from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.configs import Configs
from ringrift.node.cluster.members import Members
from ringrift.node.cluster.models import MAX_MODELS, Model, Models
from ringrift.node.cluster.queue import Failure, WorkQueue
from ringrift.node.cluster.results import Claimed, Done, Effect, Refused
from ringrift.node.cluster.sessions import Sessions
from ringrift.node.cluster.shards import Shard, Shards
from ringrift.node.cluster.work import (
    Claim,
    EvaluationOutcome,
    EvaluationWork,
    Item,
    Outcome,
    SelfplayOutcome,
    SelfplayWork,
    TrainingOutcome,
    TrainingWork,
)
from ringrift.wire.events import (
    GeneratorChanged,
    ModelPromoted,
    PromotionRejected,
    VotersChanged,
    WorkClaimed,
)
from ringrift.wire.log import Voters

SHA256_LENGTH = 64


class Tables(NamedTuple):
    """Every table of the state."""

    sessions: Sessions
    members: Members
    configs: Configs
    work: WorkQueue
    models: Models
    shards: Shards


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command stands in the log; `at_ms` is only ever stored, never judged.

    `voters` are those whom its entry names.
    """

    index: int
    at_ms: int
    voters: Voters | None


def blank(tables: Tables, command: c.Blank, place: Place) -> Effect:
    return Effect(Done("nothing"))


def change_voters(tables: Tables, command: c.ChangeVoters, place: Place) -> Effect:
    if place.voters is None:
        return Effect(Refused("The entry names no voters; only a leader adds them."))
    done = Done(f"the voters are now {', '.join(place.voters)}")
    return Effect(done, (VotersChanged(voters=", ".join(place.voters)),))


def open_session(tables: Tables, command: c.OpenSession, place: Place) -> Effect:
    return tables.sessions.open(place.index, command.owner, command.boot)


def expire_session(tables: Tables, command: c.ExpireSession, place: Place) -> Effect:
    return tables.sessions.expire(command.session, command.last_index)


def join_member(tables: Tables, command: c.JoinMember, place: Place) -> Effect:
    effect = tables.members.join(
        command.node, command.name, command.boot, command.version, place.at_ms
    )
    if isinstance(effect.result, Refused):
        return effect
    events = list(effect.events)
    for item in list(tables.work.claimed()):
        assert item.claim is not None
        if item.claim.node == command.node and item.claim.boot < command.boot:
            returned = Failure(f"{command.node} started anew", counts=False)
            events += tables.work.release(item, place.at_ms, returned).events
    return Effect(effect.result, tuple(events))


def set_node_mode(tables: Tables, command: c.SetNodeMode, place: Place) -> Effect:
    return tables.members.set_mode(command.node, command.mode)


def restart_node(tables: Tables, command: c.RestartNode, place: Place) -> Effect:
    return tables.members.request_restart(command.node)


def set_config_mode(tables: Tables, command: c.SetConfigMode, place: Place) -> Effect:
    return tables.configs.set_mode(command.config, command.mode)


def add_work(tables: Tables, command: c.AddWork, place: Place) -> Effect:
    if command.config not in tables.configs.rows:
        return Effect(Refused(f"Config {command.config} is not in the cluster."))
    refused = _unfounded(tables, command)
    if refused is not None:
        return Effect(refused)
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
        )
    )


def _unfounded(tables: Tables, command: c.AddWork) -> Refused | None:
    """Why an item makes no sense in this state, or None when it does."""
    match command.payload:
        case SelfplayWork(weights=weights):
            return None if weights is None else _no_model(tables, command.config, weights)
        case TrainingWork(shards=shards, parent=parent):
            for open_item in tables.work.live(command.config, "training"):
                return Refused(f"{command.config} has training #{open_item.id} open already.")
            for shard in shards:
                row = tables.shards.rows.get(shard)
                if row is None or row.facts.config != command.config:
                    return Refused(f"{command.config} has no shard {shard[:12]}.")
            return None if parent is None else _no_model(tables, command.config, parent)
        case EvaluationWork(candidate=candidate, opponent=opponent):
            refused = _no_model(tables, command.config, candidate)
            if refused is None and len(opponent) == SHA256_LENGTH:
                refused = _no_model(tables, command.config, opponent)
            if refused is not None:
                return refused
            if opponent in tables.models.rows[candidate].matches:
                return Refused(f"{candidate[:12]} has met {opponent[:12]} already.")
            for item in tables.work.live(command.config, "evaluation"):
                assert isinstance(item.payload, EvaluationWork)
                if (item.payload.candidate, item.payload.opponent) == (candidate, opponent):
                    return Refused(f"Evaluation #{item.id} of that pair is open already.")
            return None


def _no_model(tables: Tables, config: str, sha256: str) -> Refused | None:
    model = tables.models.rows.get(sha256)
    if model is None or model.config != config:
        return Refused(f"{config} has no model {sha256[:12]}.")
    return None


def claim_work(tables: Tables, command: c.ClaimWork, place: Place) -> Effect:
    member = tables.members.rows.get(command.node)
    if member is None or member.boot != command.boot:
        return Effect(Refused(f"Node {command.node} is not a member in its life {command.boot}."))
    if member.mode != "active":
        return Effect(Refused(f"Node {command.node} is {member.mode} and may claim nothing."))
    claim = Claim(place.index, command.node, command.boot, place.at_ms)
    granted: list[int] = []
    events: list[WorkClaimed] = []
    rejections: dict[str, int] = {}
    for item in list(tables.work.pending()):
        reason = _rejection(tables, command, item, len(granted))
        if reason is not None:
            rejections[reason] = rejections.get(reason, 0) + 1
            continue
        if isinstance(item.payload, SelfplayWork):
            generator = tables.configs.rows[item.config].generator
            item = replace(item, payload=replace(item.payload, weights=generator))
        tables.work.grant(item, claim)
        granted.append(item.id)
        events.append(
            WorkClaimed(
                item=item.id,
                kind=item.kind,
                config=item.config,
                node=command.node,
                claim=place.index,
            )
        )
    return Effect(Claimed(place.index, tuple(granted), rejections), tuple(events))


def _rejection(tables: Tables, command: c.ClaimWork, item: Item, granted: int) -> str | None:
    """Why a pending item is passed over, or None when it is granted."""
    if item.kind not in command.kinds:
        return "kind"
    if not tables.configs.is_active(item.config):
        return "paused"
    if granted >= command.slots:
        return "slots"
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
        Shard(facts=facts, index=place.index, at_ms=place.at_ms, item=command.item, late=late)
    )


def set_generator(tables: Tables, command: c.SetGenerator, place: Place) -> Effect:
    refused = _no_model(tables, command.config, command.model)
    if refused is not None:
        return Effect(refused)
    row = tables.configs.rows[command.config]
    if row.generator == command.model:
        return Effect(Done(f"{command.config} uses {command.model[:12]} already"))
    tables.configs.rows[command.config] = replace(row, generator=command.model)
    event = GeneratorChanged(config=command.config, model=command.model, reason=command.reason)
    return Effect(Done(f"{command.config} now plays with {command.model[:12]}"), (event,))


def promote(tables: Tables, command: c.Promote, place: Place) -> Effect:
    refused = _undecidable(tables, command.config, command.model)
    row = tables.configs.rows.get(command.config)
    if refused is not None or row is None:
        return Effect(refused or Refused(f"Config {command.config} is not in the cluster."))
    verdict = command.verdict
    if verdict.decision != "promoted" or verdict.against != row.champion:
        return Effect(
            Refused(f"The verdict on {command.model[:12]} is not against the champion of now.")
        )
    tables.models.decide(command.model, verdict)
    tables.configs.rows[command.config] = replace(row, champion=command.model)
    event = ModelPromoted(config=command.config, model=command.model, reason=verdict.reason)
    return Effect(Done(f"{command.model[:12]} is champion of {command.config}"), (event,))


def reject(tables: Tables, command: c.Reject, place: Place) -> Effect:
    refused = _undecidable(tables, command.config, command.model)
    if refused is not None:
        return Effect(refused)
    if command.verdict.decision == "promoted":
        return Effect(Refused(f"The verdict on {command.model[:12]} promotes it."))
    tables.models.decide(command.model, command.verdict)
    event = PromotionRejected(
        config=command.config, model=command.model, reason=command.verdict.reason
    )
    return Effect(Done(f"{command.model[:12]} is {command.verdict.decision}"), (event,))


def _undecidable(tables: Tables, config: str, sha256: str) -> Refused | None:
    refused = _no_model(tables, config, sha256)
    if refused is not None:
        return refused
    if tables.models.rows[sha256].verdict is not None:
        return Refused(f"{sha256[:12]} is decided already.")
    return None
