"""Lets ended work leave the replicated state, so that it stays bounded."""

from ringrift.node.cluster.commands import Command, EvictWork
from ringrift.node.cluster.state import ClusterState

KEPT_ITEMS = 5_000
"""Ended items kept at most, however young."""
KEPT_BYTES = 8 * 1024 * 1024
"""Bytes of items kept at most; a fit names up to 100 KB of shards."""
BATCH = 512
"""Items of one command."""


def evict(state: ClusterState, retention_s: float, now_ms: int) -> list[Command]:
    """Forget ended items older than `retention_s` by the wall clock, and all beyond a number.

    And the oldest, while items take up too much of the state.
    """
    ended = sorted(
        (item.ended_at_ms, item.id)
        for item in state.work.rows.values()
        if item.ended_at_ms is not None
    )
    beyond = max(len(ended) - KEPT_ITEMS, 0)
    heavy = state.work.rows.bytes - KEPT_BYTES
    gone: list[int] = []
    for place, (at_ms, item) in enumerate(ended):
        if place < beyond or heavy > 0 or now_ms - at_ms >= retention_s * 1000:
            gone.append(item)
            heavy -= state.work.rows.bytes_of(item)
    return [
        EvictWork(items=tuple(gone[start : start + BATCH])) for start in range(0, len(gone), BATCH)
    ]
