"""What a peer may have decided by its role; people's rights are for whoever serves people.

A node speaks for itself only: its sessions, its life, its claims. What operators ask at its socket
it passes on under its own name, which the audit keeps, but not who belongs to the cluster or what
all go by: those are for voters, as is what controllers propose.
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
        case _ if row.role == "voter":
            return None
        case (
            c.SetNodeMode(by=by) | c.RestartNode(by=by) | c.ResetCircuits(by=by)
            | c.SetConfigMode(by=by) | c.CancelWork(by=by) | c.RetryWork(by=by) | c.AddWork(by=by)
            | c.TransferLeadership(by=by)
        ):  # fmt: skip
            mine = by == peer
        case _:
            return f"{type(command).__name__} is for voters; {peer} is a node."
    return None if mine else f"{peer} may not propose a {type(command).__name__} for another."
