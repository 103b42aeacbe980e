"""What a leader remembers of the claims and sessions of its cluster: for one term, and no longer.

A node that leads again after another has led knows nothing of what was renewed meanwhile. It begins
anew, like any new leader, and so grants every claim one full term before it expires any.
"""

from collections.abc import Iterable

from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.state import ClusterState
from ringrift.node.control.leases import ClaimKey, IdleSessions, LeaseTable


class Leadership:
    """Leases and idle sessions in the term that is named with every call."""

    def __init__(self, claim_ttl_s: float, session_ttl_s: float) -> None:
        self.claim_ttl_s, self._session_ttl_s = claim_ttl_s, session_ttl_s
        self._begin(0)

    def renew(
        self, term: int, state: ClusterState, node: str, claims: Iterable[ClaimKey], now: float
    ) -> tuple[ClaimKey, ...]:
        """See `LeaseTable.renew`."""
        self._in(term)
        return self._leases.renew(state, node, claims, now)

    def ended_claims(self, term: int, state: ClusterState, now: float) -> list[Command]:
        """See `LeaseTable.expired`."""
        self._in(term)
        return self._leases.expired(state, now)

    def ended_sessions(self, term: int, state: ClusterState, now: float) -> list[Command]:
        """See `IdleSessions.expired`."""
        self._in(term)
        return self._idle.expired(state, now)

    def _in(self, term: int) -> None:
        if term != self._term:
            self._begin(term)

    def _begin(self, term: int) -> None:
        self._term = term
        self._leases = LeaseTable(self.claim_ttl_s)
        self._idle = IdleSessions(self._session_ttl_s)
