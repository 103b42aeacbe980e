"""Which networks stand for a configuration: its generator and its champion."""

from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.transitions.base import Place, Tables, no_model
from ringrift.wire.events import GeneratorChanged, ModelPromoted, PromotionRejected


def set_generator(tables: Tables, command: c.SetGenerator, place: Place) -> Effect:
    refused = no_model(tables, command.config, command.model)
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
    refused = no_model(tables, config, sha256)
    if refused is not None:
        return refused
    if tables.models.rows[sha256].verdict is not None:
        return Refused(f"{sha256[:12]} is decided already.")
    return None
