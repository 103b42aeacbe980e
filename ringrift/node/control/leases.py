"""What the leader remembers of claims and sessions, and of items that nobody comes for.

A renewal is one message of a node for all its claims and costs no log entry. The table knows only
since when *it* has seen a claim, so a restarted or new leader grants every claim one full term
before it expires any. Expiry itself is a command, conditional on the claim it was decided for.
"""

from collections.abc import Iterable

from ringrift.node.cluster.commands import (
    Command,
    ExpireClaim,
    ExpireSession,
    ReapClaim,
    ReleaseWork,
)
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


class Overruns:
    """Since when each claim has been seen: one of a worker that runs on for ever is renewed, too.

    The worker ends a child that overruns by itself; the leader only steps in `grace_s` later.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._since: dict[ClaimKey, float] = {}

    def reaped(self, state: ClusterState, now: float) -> list[Command]:
        """Commands that end the claims worked on for longer than their items allow."""
        live = {
            (item.id, item.claim.index): item.timeout_s
            for item in state.work.claimed()
            if item.claim is not None
        }
        self._since = {key: self._since.get(key, now) for key in live}
        return [
            ReapClaim(item=item, claim=claim)
            for (item, claim), since in self._since.items()
            if now - since >= live[item, claim] + self._grace_s
        ]


class Unwanted:
    """Since when each item for certain nodes only has been waiting for them."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since: dict[int, float] = {}

    def released(self, state: ClusterState, now: float) -> list[Command]:
        """Commands that let any node have what was meant for one, or kept from some, too long."""
        narrow = [
            item.id
            for item in state.work.pending()
            if not item.waits_for and (item.target is not None or item.excluded)
        ]
        self._since = {item: self._since.get(item, now) for item in narrow}
        return [
            ReleaseWork(item=item)
            for item, since in self._since.items()
            if now - since >= self._patience_s
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
