"""How a child that computes is started and when it is given up, for a run and for matches."""

import sys

from ringrift.node.worker.child import ChildLimits

COMMAND = (sys.executable, "-m", "ringrift.train.job")
LIMITS = ChildLimits(silence_s=120.0, run_s=24 * 3600.0, grace_s=60.0)


class LearnError(Exception):
    """Work that cannot go on; one sentence. What was acknowledged is untouched."""


async def nothing(_pid: int) -> None:
    """For a child whose process id nobody needs."""
