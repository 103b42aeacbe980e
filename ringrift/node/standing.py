"""Whether this life still stands as the cluster has it: with a vote or without, by which timing.

Both are needed before a node can be told anything, so each life starts with what the last one knew.
When the cluster agrees on something else, the next life is to start with that.

A node reads the log anew in each life, and so passes through all that was agreed on once: before it
goes by that, it asks what is decided by now. Where its own vote is missing, nobody may lead to be
asked; then it goes by what it has been told, once nothing more comes.
"""

from collections.abc import Awaitable, Callable

import msgspec

from ringrift.node.cluster.charter import Timing
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus import storage
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import Identity, write_identity
from ringrift.node.runtime.loop import Body, Pulse
from ringrift.node.runtime.paths import NodePaths
from ringrift.node.runtime.wakeup import Wakeup

CHECK_S = 1.0


def as_agreed(identity: Identity, state: ClusterState) -> Identity:
    """What the next life is to start with; the same as this one as long as nothing changed."""
    return msgspec.structs.replace(
        identity, votes=_votes(identity, state), timing=_timing(identity, state)
    )


def standing(
    identity: Identity,
    state: Callable[[], ClusterState],
    wakeup: Wakeup,
    catch_up: Callable[[], Awaitable[bool]],
    begin_anew: Callable[[Identity], Awaitable[None]],
    damage: str,
) -> Body:
    """The loop that has the next life begun (`begin_anew`) when it must start otherwise.

    `damage` says what is wrong with the log of a voter that goes without its vote, if it does.

    `catch_up` returns True once the state holds all that is decided by now, or all that this node
    will be told; False when nobody could be asked.
    """

    async def body(pulse: Pulse) -> None:
        before = -1
        while True:
            agreed = as_agreed(identity, state())
            pulse.ran({"timing": identity.timing}, _told(identity, damage), well=not damage)
            index = state().index
            if agreed != identity:
                lacks_vote = agreed.votes and not identity.votes
                settled = await catch_up() or (lacks_vote and index == before)
                if settled and as_agreed(identity, state()) == agreed:
                    await begin_anew(agreed)
            before = index
            await wakeup.wait(CHECK_S)

    return body


def stand(paths: NodePaths, agreed: Identity) -> None:
    """Have the next life start with what is agreed, durably. Blocks."""
    if agreed.votes:
        disk = RealDisk(paths.log)
        if not storage.founded(disk):
            storage.found_empty(disk, agreed.incarnation, agreed.node_id)
        disk.close()
    write_identity(paths, agreed)


def revival(node: str) -> str:
    """How a voter that cannot trust what it has is given all of it anew."""
    return f"make {node} a node, and then a voter again (ringrift operator role)"


def _told(identity: Identity, damage: str) -> str:
    if damage:
        return f"without its vote: {damage} Better, {revival(identity.node_id)}"
    votes = "with a vote" if identity.votes else "without a vote"
    return f"{votes}, {identity.timing} timing"


def _votes(identity: Identity, state: ClusterState) -> bool:
    row = state.members.rows.get(identity.node_id)
    if row is None or row.revoked is not None:
        return identity.votes
    if row.role == "voter":
        return True
    # Who still decides goes on with it until the others have named voters without it.
    return identity.votes and identity.node_id in state.voters


def _timing(identity: Identity, state: ClusterState) -> Timing:
    return state.charter.agreed.timing if state.charter.rows else identity.timing
