"""A cluster of one voter, as most tests need it."""

import random

from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.transport import Nowhere
from ringrift.node.consensus.voter import Limits, Voter
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.disk import Disk


async def alone(
    disk: Disk,
    clock: Clock,
    io: Blocking,
    *,
    node_id: str,
    incarnation: str,
    limits: Limits | None = None,
) -> Voter:
    """Open the sole voter of a directory, founding its cluster there when it is empty."""
    return await Voter.open(
        disk,
        clock,
        io,
        random.Random(1),
        Nowhere(),
        TIMINGS["local"],
        node_id=node_id,
        incarnation=incarnation,
        founders=(node_id,),
        limits=limits,
    )
