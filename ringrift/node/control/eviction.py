"""Lets ended work leave the replicated state, so that it stays bounded."""

from ringrift.node.cluster.commands import Command, EvictWork
from ringrift.node.cluster.state import ClusterState

KEPT_ITEMS = 5_000
"""Ended items kept at most, however young."""
BATCH = 512
"""Items of one command."""


def evict(state: ClusterState, retention_s: float, now_ms: int) -> list[Command]:
    """Forget ended items older than `retention_s` by the wall clock, and all beyond 5,000."""
    ended = sorted(
        (item.ended_at_ms, item.id)
        for item in state.work.rows.values()
        if item.ended_at_ms is not None
    )
    beyond = max(len(ended) - KEPT_ITEMS, 0)
    gone = [
        item
        for place, (at_ms, item) in enumerate(ended)
        if place < beyond or now_ms - at_ms >= retention_s * 1000
    ]
    return [
        EvictWork(items=tuple(gone[start : start + BATCH])) for start in range(0, len(gone), BATCH)
    ]
