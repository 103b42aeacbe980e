"""The cluster as listings: who belongs to it, who leads, what it bears, how fresh this copy is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ringrift.tui import text
from ringrift.tui.columns import Cell, Column, Listing, Row
from ringrift.tui.quorum import quorum_of
from ringrift.tui.rows import dim_unknown, events
from ringrift.wire.views import EventView, MemberView, NodeView, StatusView

CHANGES: Final = ("NODE_", "MEMBER_", "VOTERS_", "TRANSFER_", "TIMING_", "FORMAT_")
_NONE: Final = Cell(text.UNKNOWN, "dim")
_SEEN: dict[bool | None, Cell] = {
    True: Cell("● alive", "good"),
    False: Cell("✗ away", "bad"),
    None: Cell("? unknown", "warn"),
}


def names(status: StatusView) -> dict[str, str]:
    """What each member is called, by id; those that share a name also by the end of their id."""
    given = {node.id: node.name for node in status.nodes}
    given |= {member.id: member.name for member in status.members}
    shared = Counter(given.values())
    called = {
        key: name if shared[name] == 1 else f"{name}-{key.rpartition('-')[2]}"
        for key, name in given.items()
    }
    alike = Counter(called.values())
    return {key: name if alike[name] == 1 else key for key, name in called.items()}


def standing(status: StatusView) -> tuple[Cell, Cell]:
    """Whom this node follows in which term, and how many voters live: always worth a look."""
    term = f"term {status.term}"
    leader = status.leader_id
    if leader is None:
        return Cell(f"▲ no leader, {term}", "bad"), quorum_of(status).count
    follows = f"follows {names(status).get(leader, leader)}, {term}"
    mine = leader == status.node_id
    return Cell(f"★ leader, {term}" if mine else follows, "strong"), quorum_of(status).count


def summary(status: StatusView) -> Listing:
    """Leader, quorum, members and this copy, each with what it means."""
    columns = (Column("CLUSTER"), Column("STATE"), Column("", flex=True, least=40))
    quorum = quorum_of(status)
    even = f"{quorum.voters} voters bear no more failures than {quorum.voters - 1}"
    facts = (
        ("leader", *_leader(status)),
        ("quorum", quorum.cell, quorum.meaning),
        *((("", Cell("△ even", "warn"), even),) if quorum.is_even else ()),
        ("members", *_belonging(status)),
        ("this copy", *_copy(status)),
    )
    rows = tuple(Row(name, (Cell(name), state, Cell(means))) for name, state, means in facts)
    return Listing(columns, rows, "")


def _leader(status: StatusView) -> tuple[Cell, str]:
    if status.leader_id is None:
        return Cell("▲ none", "bad"), f"term {status.term}; this node hears of nobody who leads"
    name = names(status).get(status.leader_id, status.leader_id)
    here = ", this node" if status.leader_id == status.node_id else ""
    return Cell(f"★ {name}", "good"), f"term {status.term}{here}"


def _belonging(status: StatusView) -> tuple[Cell, str]:
    machines = [member for member in status.members if member.machine and not member.revoked]
    people = sum(not member.machine and not member.revoked for member in status.members)
    seen = Counter(m.alive for m in machines if m.id != status.node_id)
    parts = ["this node"] if any(m.id == status.node_id for m in machines) else []
    words = {True: "alive", False: "away", None: "unknown"}
    parts += [f"{seen[alive]} {word}" for alive, word in words.items() if seen[alive]]
    if people:
        parts.append(f"and {people} {'person' if people == 1 else 'people'}")
    count = len(machines)
    return Cell(f"{count} node{'' if count == 1 else 's'}"), ", ".join(parts)


def _copy(status: StatusView) -> tuple[Cell, str]:
    behind = status.commit_index - status.applied_index
    age = text.age(status.applied_age_s)
    means = f"applied up to #{status.applied_index} of #{status.commit_index}, the last {age} ago"
    if status.leader_id is None:
        return Cell("? may be old", "warn"), f"{means}; newer is not heard of without a leader"
    if behind > 0:
        return Cell(f"◌ {text.count(behind)} behind", "warn"), means
    return Cell("● current", "good"), means


def members(status: StatusView) -> Listing:
    """Whoever belongs, or did: machines, people, the revoked."""
    columns = (
        Column("MEMBER"),
        Column("ROLE", drop=2),
        Column("VOTE"),
        Column("SEEN"),
        Column("MODE"),
        Column("WORK", right=True, drop=1),
        Column("VERSION", drop=3),
        Column("ID", drop=5),
        Column("ADDRESSES", flex=True, least=16, drop=4),
    )
    called = names(status)
    ranked = sorted(status.members, key=lambda m: (m.revoked, not m.machine, m.name, m.id))
    nodes = {node.id: node for node in status.nodes}
    rows = tuple(_member(view, nodes.get(view.id), status, called) for view in ranked)
    return Listing(columns, rows, "no members: this node has not read the state yet")


def _member(
    view: MemberView, node: NodeView | None, status: StatusView, called: Mapping[str, str]
) -> Row:
    seen, mode = (_NONE, _NONE) if node is None else (_SEEN[view.alive], Cell(node.mode, "dim"))
    if node is not None and node.alive:
        mode = _mode(node)
    if view.id == status.node_id:
        seen = Cell("● here", "accent")
    cells = (
        Cell(called[view.id], "dim" if view.revoked else "strong"),
        Cell(view.role),
        vote(view.id, status),
        seen,
        Cell("✗ revoked", "dim") if view.revoked else mode,
        Cell(text.count(node.items)) if node is not None else _NONE,
        Cell(view.version) if view.version else _NONE,
        Cell(view.id, "dim"),
        Cell(" ".join(view.addresses), "dim") if view.addresses else _NONE,
    )
    return Row(view.id, cells)


def vote(member: str, status: StatusView) -> Cell:
    """Whether a member leads, votes, or may and does not yet."""
    if member == status.leader_id:
        return Cell("★ leads", "good")
    if member in status.voters:
        return Cell("● votes")
    eligible = any(m.id == member and m.role == "voter" and not m.revoked for m in status.members)
    return Cell("◌ may vote", "accent") if eligible else _NONE


def nodes(status: StatusView) -> Listing:
    """The machines at work; the one that is asked is marked."""
    columns = (
        Column("NODE"),
        Column("VOTE", drop=3),
        Column("MODE"),
        Column("WORK", right=True),
        Column("BUSY", right=True, drop=8),
        Column("CPU", right=True),
        Column("MEMORY", right=True, drop=1),
        Column("DISK FREE", right=True, drop=4),
        Column("LAG", right=True, drop=6),
        Column("RESTARTS", right=True, drop=7),
        Column("UP", right=True, drop=5),
    )
    called = names(status)
    ranked = sorted(status.nodes, key=lambda node: (node.name, node.id))
    return Listing(columns, tuple(_node(view, status, called) for view in ranked), "no nodes")


def node_mode(view: NodeView) -> Cell:
    """What is wanted of a node and how far it has come, if that can be known."""
    if view.alive is False:
        return Cell(f"✗ away, {view.mode}", "bad")
    return Cell(f"? {view.mode}", "warn") if view.alive is None else _mode(view)


def _mode(view: NodeView) -> Cell:
    if view.mode == "draining":
        left = text.count(view.items if view.slots_busy is None else view.slots_busy)
        return Cell(f"▽ draining, {left} left", "warn")
    return Cell("▼ drained", "warn") if view.mode == "drained" else Cell("▶ active", "good")


def _node(view: NodeView, status: StatusView, called: Mapping[str, str]) -> Row:
    lag = text.UNKNOWN if view.loop_lag_ms is None else f"{view.loop_lag_ms:.0f} ms"
    busy = text.UNKNOWN if view.slots is None else f"{text.count(view.slots_busy)}/{view.slots}"
    memory = text.percent(view.memory_percent)
    tier = view.memory_pressure_tier
    pressed = tier is not None and tier.lower() not in ("normal", "ok")
    here = " (here)" if view.id == status.node_id else ""
    cells = (
        Cell(f"{called[view.id]}{here}", "strong"),
        vote(view.id, status),
        node_mode(view),
        Cell(text.count(view.items)),
        dim_unknown(busy),
        dim_unknown(text.percent(view.cpu_percent)),
        Cell(f"{memory} {tier}", "warn") if pressed else dim_unknown(memory),
        dim_unknown(text.size(view.disk_free_bytes)),
        dim_unknown(lag),
        Cell(text.count(view.restart_generation), "dim"),
        dim_unknown(text.age(view.age_s if view.alive else None)),
    )
    return Row(view.id, cells)


def changes(views: Sequence[EventView], *, faults_only: bool) -> Listing:
    """The events that are about the cluster itself, of those that this cockpit has."""
    listing = events([v for v in views if v.name.startswith(CHANGES)], faults_only=faults_only)
    return replace(listing, empty=f"none among the {len(views)} newest events")
