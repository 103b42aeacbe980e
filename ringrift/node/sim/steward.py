"""What a leader does of its own accord: it ends leases and sessions, and frees unwanted work."""

from collections.abc import Sequence
from typing import Protocol

from ringrift.node.cluster.commands import Command, ExpireClaim, OpenSession, encode_command
from ringrift.node.cluster.results import SessionLost, SessionOpened
from ringrift.node.consensus.host import Host
from ringrift.node.consensus.raft.core import Draft, NotLeadingError
from ringrift.node.control.leases import ClaimKey, IdleSessions, LeaseTable, Unwanted
from ringrift.node.sim.asks import Told
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.desk import Reply
from ringrift.wire.log import NO_SESSION

CLAIM_TTL_S = 4.0
SESSION_TTL_S = 12.0
UNWANTED_S = 6.0
ROOM = 64
"""It proposes nothing while a leader has room for no more undecided entries than this."""


class TakesProposals(Protocol):
    """Whatever a steward proposes through."""

    def propose(self, draft: Draft, op: int, reply: Reply) -> None:
        """Propose a command; `reply` is told what becomes of it. May raise NotLeadingError."""
        ...


class Steward:
    """One life's steward. What it remembers of leases begins anew with each leadership."""

    every_s = 1.0
    """Seconds between two calls of `act`."""

    def __init__(
        self, name: str, life: int, host: Host, desk: TakesProposals, observer: Observer
    ) -> None:
        self._name, self._life, self._host, self._desk = name, life, host, desk
        self._observer = observer
        self._opening = False
        self._session: int | None = None
        self._seq = 0
        self.leads()

    def leads(self) -> None:
        """A new leadership begins: nothing is known yet of who renews what."""
        self._leases, self._idle = LeaseTable(CLAIM_TTL_S), IdleSessions(SESSION_TTL_S)
        self._unwanted = Unwanted(UNWANTED_S)
        self._opening, self._session = False, None

    def renew(self, node: str, claims: Sequence[ClaimKey], now: float) -> None:
        """Take a node's renewal of its claims, if this node leads."""
        if self._host.raft.leading is not None:
            self._observer.renewed(self._name, claims)
            self._leases.renew(self._host.state, node, claims, now)

    def act(self, now: float, wall_ms: int) -> None:
        """Propose to end what has expired, if this node leads."""
        if self._host.raft.leading is None or self._host.raft.room < ROOM:
            return
        if self._session is not None:
            state = self._host.state
            for command in (
                *self._leases.expired(state, now),
                *self._idle.expired(state, now),
                *self._unwanted.released(state, now),
            ):
                if isinstance(command, ExpireClaim):
                    claim = (command.item, command.claim)
                    self._observer.ends_claim(self._name, claim, CLAIM_TTL_S)
                self._seq += 1
                self._propose(self._session, self._seq, command, wall_ms)
        elif not self._opening:
            opens = OpenSession(owner=f"{self._name}-steward", boot=self._life)
            self._opening = self._propose(NO_SESSION, 0, opens, wall_ms)

    def _propose(self, session: int, seq: int, command: Command, wall_ms: int) -> bool:
        """Propose a command; whether it was taken."""
        draft = Draft(wall_ms, session, seq, encode_command(command))
        try:
            self._desk.propose(draft, 0, self._told)
        except NotLeadingError:  # it hands over
            return False
        return True

    def _told(self, told: Told) -> None:
        if isinstance(told.result, SessionOpened):
            self._opening, self._session, self._seq = False, told.result.session, 0
        elif isinstance(told.result, SessionLost) or told.how == "unknown":
            self._opening, self._session = False, None
