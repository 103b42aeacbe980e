"""Through whom a node that accepts no connections is reached. Pure.

It keeps streams to three nodes that accept connections, at least two of them voters if there are
so many, and names them in its member record.
"""

import hashlib
from collections.abc import Set as AbstractSet

from ringrift.node.cluster.members import MAX_ANCHORS, Member
from ringrift.node.cluster.state import ClusterState

VOTERS_WANTED = 2


def anchors_of(state: ClusterState, me: str, away: AbstractSet[str]) -> tuple[str, ...]:
    """The anchors of node `me`, sorted; `away` are nodes that it could not reach for a while.

    Whoever is its anchor stays so as long as it can; new ones are drawn by a hash of both names, so
    that the nodes behind NAT spread over those that can be reached.
    """
    row = state.members.rows.get(me)
    current = () if row is None else row.reach.anchors
    able = [each for each in state.members.machines() if each.id != me and each.reach.inbound]
    ranked = sorted(
        able, key=lambda each: (each.id in away, each.id not in current, _draw(me, each))
    )
    voters = [each.id for each in ranked if each.role == "voter"][:VOTERS_WANTED]
    others = [each.id for each in ranked if each.id not in voters]
    return tuple(sorted([*voters, *others][:MAX_ANCHORS]))


def _draw(me: str, row: Member) -> str:
    return hashlib.sha256(f"{me} {row.id}".encode()).hexdigest()
