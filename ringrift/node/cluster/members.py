"""Members: who belongs to the cluster, and what is wanted of each node."""

from typing import Literal

import msgspec

from ringrift.node.cluster.results import Done, Effect, Refused
from ringrift.node.cluster.table import Table
from ringrift.wire.events import NodeModeChanged, NodeRestartRequested, NodeStarted

MAX_MEMBERS = 1_000
"""Most members of one cluster."""

Mode = Literal["active", "draining"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One node.

    `boot` counts its lives, `mode` and `restart_generation` are desired state: it drains while its
    `mode` is "draining" and ends when it sees a generation above the one it started with.
    `joined_at_ms` is the wall clock of its newest start.
    """

    id: str
    name: str
    boot: int
    version: str
    mode: Mode = "active"
    restart_generation: int = 0
    joined_at_ms: int


class Members:
    """Members by node id."""

    def __init__(self) -> None:
        self.rows: Table[str, Member] = Table("members")

    def join(self, node: str, name: str, boot: int, version: str, at_ms: int) -> Effect:
        row = self.rows.get(node)
        if row is None:
            if len(self.rows) >= MAX_MEMBERS:
                return Effect(Refused(f"The cluster has {MAX_MEMBERS} members, its most."))
            row = Member(id=node, name=name, boot=boot, version=version, joined_at_ms=at_ms)
        elif boot < row.boot:
            return Effect(
                Refused(f"Node {node} is in its life {row.boot}; life {boot} is over or a copy.")
            )
        elif boot == row.boot:
            return Effect(Done(f"node {node} is a member already"))
        else:
            row = msgspec.structs.replace(
                row, name=name, boot=boot, version=version, joined_at_ms=at_ms
            )
        self.rows[node] = row
        return Effect(Done(f"node {node} started"), (NodeStarted(node=node, boot=boot),))

    def set_mode(self, node: str, mode: Mode) -> Effect:
        row = self.rows.get(node)
        if row is None:
            return Effect(Refused(f"Node {node} is not a member."))
        if row.mode == mode:
            return Effect(Done(f"node {node} is {mode} already"))
        self.rows[node] = msgspec.structs.replace(row, mode=mode)
        return Effect(Done(f"node {node} is now {mode}"), (NodeModeChanged(node=node, mode=mode),))

    def request_restart(self, node: str) -> Effect:
        row = self.rows.get(node)
        if row is None:
            return Effect(Refused(f"Node {node} is not a member."))
        generation = row.restart_generation + 1
        self.rows[node] = msgspec.structs.replace(row, restart_generation=generation)
        return Effect(
            Done(f"node {node} will restart (generation {generation})"),
            (NodeRestartRequested(node=node, generation=generation),),
        )
