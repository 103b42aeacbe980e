"""Members: who belongs to the cluster, what each may do, and what is wanted of each.

Machines (nodes, and nodes that may become voters) join with every life; people (operators and
viewers) are only admitted. A member is known by its key once it was let in by a token; a cluster
none of whose members has a key is open, and takes whoever joins: that of a laptop.

A revoked member keeps its row, so that screens tell why it is turned away, until the table is full.
Then the one revoked first makes room: whoever is not known is turned away just the same.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.table import Table
from ringrift.node.cluster.work import Kind
from ringrift.wire.events import (
    MemberAdmitted,
    MemberRevoked,
    MemberRoleChanged,
    NodeCircuitsReset,
    NodeModeChanged,
    NodeRestartRequested,
    NodeStarted,
)
from ringrift.wire.job import RunId, Sha256
from ringrift.wire.join import Place

MAX_MEMBERS = 1_000
"""Most members of one cluster."""
MAX_ANCHORS = 3
"""Most nodes that one without inbound connections is reached through."""

Mode = Literal["active", "draining"]
Role = Literal["node", "voter", "operator", "viewer"]

MACHINES: tuple[Role, ...] = ("node", "voter")

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How a node is reached: at its addresses, or through the anchors that it keeps streams to.

    A node that accepts connections has no anchors.
    """

    inbound: bool = True
    addresses: Annotated[tuple[Place, ...], msgspec.Meta(max_length=8)] = ()
    anchors: Annotated[tuple[_Id, ...], msgspec.Meta(max_length=MAX_ANCHORS)] = ()


NOWHERE = Reach(inbound=False)


class Abilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What work a node can do, how many items at a time (`slots`), and with what. `gpu` is its
    name, None without one."""

    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(max_length=8)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=1_024)]
    cores: Annotated[int, msgspec.Meta(ge=1, le=65_536)]
    memory_bytes: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    gpu: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class Life(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a node says of itself when it starts.

    `boot` counts its lives; `nonce` is drawn in each, so that two processes with one identity and
    the same count are told apart. `supports` is the newest format of the state it understands.
    """

    boot: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    nonce: RunId
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    supports: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    abilities: Abilities
    reach: Reach = Reach()


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One member.

    `key` is the sha256 of the public key (SPKI) that it is known by. `revoked` is the entry that
    turned it away, None while it belongs to the cluster. `life` is the newest life of a machine,
    begun at `joined_at_ms`; None before its first. `mode`, `deadline_s` and the
    generations are desired state: it drains while its `mode` is "draining", ends when it sees a
    restart generation above the one it started with, and closes its circuit breakers when it sees
    another circuit generation.
    """

    id: str
    name: str
    role: Role
    key: Sha256 | None = None
    revoked: int | None = None
    life: Life | None = None
    joined_at_ms: int | None = None
    mode: Mode = "active"
    deadline_s: int | None = None
    restart_generation: int = 0
    circuits_generation: int = 0

    @property
    def boot(self) -> int:
        """The number of its newest life, 0 before the first."""
        return 0 if self.life is None else self.life.boot

    @property
    def reach(self) -> Reach:
        """How it is reached in its newest life; before the first nobody reaches it."""
        return NOWHERE if self.life is None else self.life.reach

    @property
    def machine(self) -> bool:
        """Whether it is a node that belongs to the cluster."""
        return self.role in MACHINES and self.revoked is None

    @property
    def works(self) -> bool:
        """Whether it may be given work."""
        return self.machine and self.life is not None and self.mode == "active"


class Members:
    """Members by id."""

    def __init__(self) -> None:
        self.rows: Table[str, Member] = Table("members")

    @property
    def is_open(self) -> bool:
        """Whether whoever joins is taken, since nobody is known by a key."""
        return all(row.key is None for row in self.rows.values())

    def machines(self) -> Iterator[Member]:
        """Nodes that belong to the cluster, in no order that counts."""
        return (row for row in self.rows.values() if row.machine)

    def active(self, role: Role) -> int:
        """How many have a role and are not revoked."""
        return sum(row.role == role and row.revoked is None for row in self.rows.values())

    def join(self, node: str, name: str, key: Sha256 | None, life: Life, at_ms: int) -> Effect:
        """Begin a machine's life, or take what it says anew of the one it is in."""
        row = self.rows.get(node)
        refused = (
            self._may_not_join(node, row, key, life)
            or self._may_not_anchor(node, life.reach)
            or self._too_few_voters(node, life.reach)
        )
        if refused is not None:
            return Effect(refused)
        if row is None:
            role: Role = "node" if self.rows else "voter"
            self._make_room()
            row = Member(id=node, name=name, role=role, key=key)
        if row.life is not None and row.life.boot == life.boot:
            self.rows[node] = replace(row, name=name, life=life)
            effect = Effect(Done(f"node {node} is up already"))
        else:
            self.rows[node] = replace(row, name=name, life=life, joined_at_ms=at_ms)
            event = NodeStarted(node=node, boot=life.boot)
            effect = Effect(Done(f"node {node} started"), (event,))
        if not life.reach.inbound:
            self._no_anchor(node)
        return effect

    def _may_not_join(
        self, node: str, row: Member | None, key: Sha256 | None, life: Life
    ) -> Refused | None:
        if row is None:
            if self.rows and not (self.is_open and key is None):
                return Refused(f"Node {node} was never admitted; it needs a token.")
            return self._no_room()
        if not row.machine:
            return Refused(f"{node} is {_standing(row)} and no node of the cluster.")
        if row.key != key:
            return Refused(f"Node {node} was admitted with another key.")
        if life.boot < row.boot:
            return Refused(
                f"Node {node} is in its life {row.boot}; life {life.boot} is over or a copy."
            )
        if row.life is not None and life.boot == row.boot and life.nonce != row.life.nonce:
            return Refused(f"Node {node} lives already, in another process: one of them is a copy.")
        return None

    def _may_not_anchor(self, node: str, reach: Reach) -> Refused | None:
        """Why these cannot be the anchors of a node, None when they can."""
        if reach.inbound and reach.anchors:
            return Refused(f"Node {node} accepts connections and needs no anchors.")
        if len(set(reach.anchors)) < len(reach.anchors) or node in reach.anchors:
            return Refused(f"The anchors of {node} must be different nodes, and others than it.")
        for anchor in reach.anchors:
            row = self.rows.get(anchor)
            if row is None or not (row.machine and row.reach.inbound):
                return Refused(f"{anchor} cannot be an anchor: it accepts no connections here.")
        return None

    def _too_few_voters(self, node: str, reach: Reach) -> Refused | None:
        """A node behind anchors must hear of the quorum through more than one of it, if it can."""
        voters = {r.id for r in self.machines() if r.role == "voter" and r.reach.inbound} - {node}
        wanted = min(2, len(voters), len(reach.anchors))
        if len(voters.intersection(reach.anchors)) >= wanted:
            return None
        return Refused(f"{wanted} of the anchors of {node} must be voters.")

    def admit(self, member: str, name: str, role: Role, key: Sha256) -> Effect:
        """Take a member in under its key, or give one that has none its key."""
        row = self.rows.get(member)
        if row is None:
            refused = self._no_room()
            if refused is not None:
                return Effect(refused)
            self._make_room()
            row = Member(id=member, name=name, role=role)
        if row.key is not None or row.revoked is not None:
            return Effect(Refused(f"{member} is {_standing(row)} already; choose another id."))
        if row.role != role:
            return Effect(Refused(f"{member} is a {row.role}, but the token is for a {role}."))
        if any(other.key == key for other in self.rows.values()):
            return Effect(Refused(f"The key of {member} is another member's already."))
        self.rows[member] = replace(row, name=name, key=key)
        event = MemberAdmitted(member=member, role=role)
        return Effect(Done(f"{member} is admitted as {role}"), (event,))

    def revoke(self, member: str, index: int) -> Effect:
        """Turn a member away; the caller has made sure that it may be."""
        self.rows[member] = replace(self.rows[member], revoked=index)
        self._no_anchor(member)
        return Effect(Done(f"{member} is revoked"), (MemberRevoked(member=member),))

    def change_role(self, member: str, role: Role) -> Effect:
        """Give a member another role; the caller has made sure that it may have it."""
        self.rows[member] = replace(self.rows[member], role=role)
        event = MemberRoleChanged(member=member, role=role)
        return Effect(Done(f"{member} is now {role}"), (event,))

    def set_mode(self, node: str, mode: Mode, deadline_s: int | None) -> Effect:
        row = self._machine(node)
        if isinstance(row, Refused):
            return Effect(row)
        deadline_s = deadline_s if mode == "draining" else None
        if (row.mode, row.deadline_s) == (mode, deadline_s):
            return Effect(Done(f"node {node} is {mode} already"))
        self.rows[node] = replace(row, mode=mode, deadline_s=deadline_s)
        return Effect(Done(f"node {node} is now {mode}"), (NodeModeChanged(node=node, mode=mode),))

    def request_restart(self, node: str) -> Effect:
        row = self._machine(node)
        if isinstance(row, Refused):
            return Effect(row)
        generation = row.restart_generation + 1
        self.rows[node] = replace(row, restart_generation=generation)
        return Effect(
            Done(f"node {node} will restart (generation {generation})"),
            (NodeRestartRequested(node=node, generation=generation),),
        )

    def reset_circuits(self, node: str) -> Effect:
        row = self._machine(node)
        if isinstance(row, Refused):
            return Effect(row)
        generation = row.circuits_generation + 1
        self.rows[node] = replace(row, circuits_generation=generation)
        return Effect(
            Done(f"node {node} will close its circuit breakers (generation {generation})"),
            (NodeCircuitsReset(node=node, generation=generation),),
        )

    def check(self, row: Member) -> None:
        """Assert what must hold of a member and those it names."""
        assert len(self.rows) <= MAX_MEMBERS
        assert (row.life is None) == (row.joined_at_ms is None), row
        assert row.mode == "draining" or row.deadline_s is None, row
        if row.machine and row.life is not None:
            assert self._may_not_anchor(row.id, row.life.reach) is None, row

    def _machine(self, node: str) -> Member | Refused:
        row = self.rows.get(node)
        if row is None:
            return Refused(f"Node {node} is not a member.")
        if not row.machine:
            return Refused(f"{node} is {_standing(row)} and no node of the cluster.")
        return row

    def _no_room(self) -> Refused | None:
        if len(self.rows) < MAX_MEMBERS or self._first_revoked() is not None:
            return None
        return Refused(f"The cluster has {MAX_MEMBERS} members, its most.")

    def _make_room(self) -> None:
        if len(self.rows) >= MAX_MEMBERS:
            gone = self._first_revoked()
            assert gone is not None
            del self.rows[gone]

    def _first_revoked(self) -> str | None:
        revoked = [(row.revoked, row.id) for row in self.rows.values() if row.revoked is not None]
        return min(revoked)[1] if revoked else None

    def _no_anchor(self, node: str) -> None:
        """Take a node out of everybody's anchors."""
        for row in list(self.rows.values()):
            if row.life is not None and node in row.life.reach.anchors:
                kept = tuple(anchor for anchor in row.life.reach.anchors if anchor != node)
                reach = replace(row.life.reach, anchors=kept)
                self.rows[row.id] = replace(row, life=replace(row.life, reach=reach))


def _standing(row: Member) -> str:
    return "revoked" if row.revoked is not None else f"an admitted {row.role}"
