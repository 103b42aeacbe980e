"""Leases of claims and sessions: how long each may go unrenewed. The leader's memory, not the log.

A renewal is one message of a node for all its claims and costs no log entry. The table knows only
since when *it* has seen a claim, so a restarted or new leader grants every claim one full term
before it expires any. Expiry itself is a command, conditional on the claim it was decided for.
"""

from collections.abc import Iterable

from ringrift.node.cluster.commands import Command, ExpireClaim, ExpireSession
from ringrift.node.cluster.state import ClusterState

ClaimKey = tuple[int, int]
"""A claim: (item, index of the entry that granted it)."""


class LeaseTable:
    """When each live claim was last heard of, in seconds of the leader's monotonic clock."""

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._heard: dict[ClaimKey, float] = {}

    def renew(
        self, state: ClusterState, node: str, claims: Iterable[ClaimKey], now: float
    ) -> tuple[ClaimKey, ...]:
        """Renew a node's claims; returns those that are not its own (any more), for it to stop."""
        stale: list[ClaimKey] = []
        for key in claims:
            item = state.work.rows.get(key[0])
            claim = item.claim if item is not None and item.state == "claimed" else None
            if claim is not None and (claim.index, claim.node) == (key[1], node):
                self._heard[key] = now
            else:
                stale.append(key)
        return tuple(stale)

    def expired(self, state: ClusterState, now: float) -> list[Command]:
        """Commands that end the claims unheard of for a term; claims seen first start theirs."""
        live = [(item.id, item.claim.index) for item in state.work.claimed() if item.claim]
        self._heard = {key: self._heard.get(key, now) for key in live}
        return [
            ExpireClaim(item=item, claim=claim)
            for (item, claim), heard in self._heard.items()
            if now - heard >= self.ttl_s
        ]


class IdleSessions:
    """Since when each session has been seen with nothing new."""

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._seen: dict[int, tuple[int, float]] = {}

    def expired(self, state: ClusterState, now: float) -> list[Command]:
        """Commands that end the sessions unused for a term, unless they are used meanwhile."""
        seen: dict[int, tuple[int, float]] = {}
        for number, session in sorted(state.sessions.rows.items()):
            before = self._seen.get(number)
            unchanged = before is not None and before[0] == session.last_index
            seen[number] = before if before and unchanged else (session.last_index, now)
        self._seen = seen
        return [
            ExpireSession(session=number, last_index=last_index)
            for number, (last_index, since) in seen.items()
            if now - since >= self.ttl_s
        ]
