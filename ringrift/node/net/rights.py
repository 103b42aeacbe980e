"""What a peer may have decided by its role, judged by the leader as its state is then.

A node speaks for itself only: its sessions, its life, its claims. What is asked at its socket it
passes on under its own name; what a remote operator asks at its door, under that operator's, who
must be one by the member record. That name is as good as the node that passes it on, so:

- a plain node passes on what is done daily and undone as easily: modes of nodes and configurations,
  restarts, circuits, work. It cannot pass on who belongs to the cluster, who leads or what all go
  by, in nobody's name: one that was broken into could invent an operator's wish. Operators ask a
  voter for those; so do people at the node's own socket.
- a voter passes on everything, controllers' proposals too, since it could decide anything; but not
  in the name of another node, a viewer, or somebody who was turned away.
"""

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.state import ClusterState


def forbidden(state: ClusterState, peer: str, session: int, command: c.Command) -> str | None:
    """Why a peer may not propose a command in a session, None when it may."""
    row = state.members.rows.get(peer)
    if row is None or not row.machine:
        return f"{peer} is no node of this cluster."
    opened = state.sessions.rows.get(session)
    if opened is not None and opened.owner != peer:
        return f"Session {session} is not one of {peer}."
    match command:
        case c.OpenSession(owner=owner):
            mine = owner == peer
        case c.JoinMember(node=node) | c.ClaimWork(node=node):
            mine = node == peer
        case c.CompleteWork() | c.ReturnWork() | c.FailWork() | c.RegisterShard():
            item = state.work.rows.get(command.item)
            claim = None if item is None else item.claim
            # A claim that is over is for apply to judge: shards that come late are kept.
            mine = claim is None or claim.index != command.claim or claim.node == peer
        case c.ChangeVoters() | c.Blank():
            return f"{type(command).__name__} is for a leader alone."
        case c.Operation(by=by) | c.AddWork(by=by) if row.role == "voter":
            mine = by not in state.members.rows or _speaks_for(state, peer, by)
        case _ if row.role == "voter":
            return None
        case (
            c.SetNodeMode(by=by) | c.RestartNode(by=by) | c.ResetCircuits(by=by)
            | c.SetConfigMode(by=by) | c.CancelWork(by=by) | c.RetryWork(by=by) | c.AddWork(by=by)
        ):  # fmt: skip
            mine = _speaks_for(state, peer, by)
        case _:
            return f"{type(command).__name__} is for voters, and {peer} is a node: ask a voter."
    return None if mine else f"{peer} may not propose a {type(command).__name__} for another."


def _speaks_for(state: ClusterState, peer: str, by: str | None) -> bool:
    """Whether a node may pass on what is wanted by somebody: by itself, or by an operator."""
    row = None if by is None else state.members.rows.get(by)
    return by == peer or (row is not None and row.role == "operator" and row.revoked is None)
