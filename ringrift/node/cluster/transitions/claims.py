"""Who may claim what: the rules in their order, each with a name under which it is counted."""

from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Member
from ringrift.node.cluster.results import Claimed, Effect, Refused
from ringrift.node.cluster.transitions.base import Place, Tables
from ringrift.node.cluster.work import Claim, Item, Kind, SelfplayWork
from ringrift.wire.events import WorkClaimed

ONE_AT_A_TIME: tuple[Kind, ...] = ("training", "evaluation")
"""Kinds of which a node does one of a configuration at a time, so that others take their share."""

Rejection = Literal[
    "kind", "unable", "gpu", "memory", "same", "excluded", "target", "paused", "waiting", "slots"
]
"""Why a pending item is passed over:

    kind      the claim does not ask for that kind
    unable    the node never said that it does that kind
    gpu       it needs a GPU, which the node has not
    memory    it needs more memory than the node has
    same      the node does one of that kind and configuration already
    excluded  the node failed it, and another member could do it
    target    it is meant for another node
    paused    its configuration is paused
    waiting   something it depends on is not completed
    slots     nothing is wrong with it, but the claim is full
"""


@dataclass(slots=True)
class Claimant:
    """A node that asks for work, and what it has of the kinds done one at a time."""

    member: Member
    kinds: tuple[Kind, ...]
    busy: set[tuple[str, Kind]] = field(default_factory=set)

    def took(self, item: Item) -> None:
        """The node has this item."""
        if item.kind in ONE_AT_A_TIME:
            self.busy.add((item.config, item.kind))


def claimant(tables: Tables, member: Member, kinds: tuple[Kind, ...]) -> Claimant:
    """A member as one that asks for these kinds."""
    asking = Claimant(member, kinds)
    for item in tables.work.of(member.id):
        asking.took(item)
    return asking


def claim_work(tables: Tables, command: c.ClaimWork, place: Place) -> Effect:
    node = command.node
    member = tables.members.rows.get(node)
    if member is None or not member.machine or member.boot != command.boot:
        return Effect(Refused(f"Node {node} is not a member in its life {command.boot}."))
    if not member.works:
        return Effect(Refused(f"Node {node} is {member.mode} and may claim nothing."))
    asking = claimant(tables, member, command.kinds)
    claim = Claim(place.index, node, command.boot, place.at_ms)
    granted: list[int] = []
    events: list[WorkClaimed] = []
    rejections: dict[str, int] = {}
    for item in list(tables.work.pending()):
        reason = rejection(tables, asking, item)
        if reason is None and len(granted) >= command.slots:
            reason = "slots"
        if reason is not None:
            rejections[reason] = rejections.get(reason, 0) + 1
            continue
        asking.took(_granted(tables, item, claim))
        granted.append(item.id)
        event = WorkClaimed(
            item=item.id, kind=item.kind, config=item.config, node=node, claim=place.index
        )
        events.append(event)
    return Effect(Claimed(place.index, tuple(granted), rejections), tuple(events))


def _granted(tables: Tables, item: Item, claim: Claim) -> Item:
    if isinstance(item.payload, SelfplayWork):
        generator = tables.configs.rows[item.config].generator
        item = replace(item, payload=replace(item.payload, weights=generator))
    return tables.work.grant(item, claim)


def rejection(tables: Tables, asking: Claimant, item: Item) -> Rejection | None:
    """Why a node may not have a pending item, None when it may."""
    if item.kind not in asking.kinds:
        return "kind"
    lacking = _lacking(asking.member, item)
    if lacking is not None:
        return lacking
    node = asking.member.id
    if item.kind in ONE_AT_A_TIME and (item.config, item.kind) in asking.busy:
        return "same"
    if node in item.excluded and _another_can(tables, item):
        return "excluded"
    if item.target not in (None, node):
        return "target"
    if not tables.configs.is_active(item.config):
        return "paused"
    return "waiting" if item.waits_for else None


def _lacking(member: Member, item: Item) -> Literal["unable", "gpu", "memory"] | None:
    assert member.life is not None, member
    able = member.life.abilities
    if item.kind not in able.kinds:
        return "unable"
    if item.needs.gpu and able.gpu is None:
        return "gpu"
    return "memory" if item.needs.memory_bytes > able.memory_bytes else None


def _another_can(tables: Tables, item: Item) -> bool:
    return any(
        row.works and row.id not in item.excluded and _lacking(row, item) is None
        for row in tables.members.rows.values()
    )
