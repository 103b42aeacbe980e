"""What a leader remembers of claims, sessions and work that waits: for one term, and no longer.

A node that leads again after another has led knows nothing of what was renewed meanwhile. It begins
anew, like any new leader, and so grants every claim one full term before it expires any.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.state import ClusterState
from ringrift.node.control.leases import ClaimKey, IdleSessions, LeaseTable, Overruns, Unwanted


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a leader bears: a claim unrenewed, a session unused, a claim worked on beyond
    its item's timeout, and an item for certain nodes only waiting for them."""

    claim_s: float
    session_s: float
    overrun_s: float
    unwanted_s: float


class Leadership:
    """What is remembered in the term that is named with every call."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
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

    def overdue_claims(self, term: int, state: ClusterState, now: float) -> list[Command]:
        """See `Overruns.reaped`."""
        self._in(term)
        return self._overruns.reaped(state, now)

    def unwanted_work(self, term: int, state: ClusterState, now: float) -> list[Command]:
        """See `Unwanted.released`."""
        self._in(term)
        return self._unwanted.released(state, now)

    def ended_sessions(self, term: int, state: ClusterState, now: float) -> list[Command]:
        """See `IdleSessions.expired`."""
        self._in(term)
        return self._idle.expired(state, now)

    def _in(self, term: int) -> None:
        if term != self._term:
            self._begin(term)

    def _begin(self, term: int) -> None:
        self._term = term
        self._leases = LeaseTable(self.patience.claim_s)
        self._idle = IdleSessions(self.patience.session_s)
        self._overruns = Overruns(self.patience.overrun_s)
        self._unwanted = Unwanted(self.patience.unwanted_s)
