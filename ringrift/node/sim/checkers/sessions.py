"""A command that is sent twice runs once; one whose session has ended never runs.

This is a second, independent account of sessions, kept from the results of entries alone.
"""

from dataclasses import dataclass, field

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Applied, Done, SessionLost, SessionOpened
from ringrift.node.cluster.sessions import WINDOW
from ringrift.node.sim.checkers.history import Decided
from ringrift.node.sim.checkers.violation import Now, Rule, Violation
from ringrift.wire.log import NO_SESSION


@dataclass(slots=True)
class _Session:
    owner: str
    boot: int
    last_index: int
    open: bool = True
    first: dict[int, Applied] = field(default_factory=dict[int, Applied])


class Sessions:
    """Every session there ever was, with the first run of each of its numbers."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._sessions: dict[int, _Session] = {}

    def decided(self, decided: Decided) -> None:
        """One more entry of the history, in order."""
        applied, command = decided.applied, decided.command
        if isinstance(command, c.OpenSession):
            self._opened(applied, command)
        elif isinstance(command, c.Blank) or applied.entry.session == NO_SESSION:
            if applied.first_index != applied.index:
                raise self._broken("a command runs once", decided, "repeats one of no session")
        elif isinstance(applied.result, SessionLost):
            self._lost(decided)
        else:
            self._ran(decided)

    def _opened(self, applied: Applied, command: c.OpenSession) -> None:
        if not isinstance(applied.result, SessionOpened):
            return
        for session in self._sessions.values():
            if session.owner == command.owner and session.boot < command.boot:
                session.open = False
        self._sessions[applied.index] = _Session(command.owner, command.boot, applied.index)

    def _lost(self, decided: Decided) -> None:
        """A refusal has its reason: the session ended, or the number is older than the window."""
        applied = decided.applied
        session = self._sessions.get(applied.entry.session)
        if applied.events or applied.first_index != applied.index:
            raise self._broken("a command runs once", decided, "was refused and yet had an effect")
        if session is not None and session.open and len(session.first) <= WINDOW:
            raise self._broken("a session in use stays open", decided, "was refused without cause")

    def _ran(self, decided: Decided) -> None:
        applied = decided.applied
        session = self._sessions.get(applied.entry.session)
        if session is None or not session.open:
            rule: Rule = "a command of no open session never runs"
            raise self._broken(rule, decided, "ran in a session that is not open")
        first = session.first.get(applied.entry.seq)
        if first is not None:
            self._repeated(decided, first)
            return
        if applied.first_index != applied.index:
            text = f"did not run, for the sake of entry {applied.first_index}, which is another"
            raise self._broken("a command runs once", decided, text)
        session.first[applied.entry.seq] = applied
        if isinstance(decided.command, c.ExpireSession) and isinstance(applied.result, Done):
            self._expired(decided, decided.command)
        session.last_index = applied.index

    def _repeated(self, decided: Decided, first: Applied) -> None:
        applied = decided.applied
        if applied.first_index != first.index:
            text = f"is the same as entry {first.index} and ran again"
            raise self._broken("a command runs once", decided, text)
        if applied.result != first.result or applied.events:
            text = f"repeats entry {first.index} with another result or effect"
            raise self._broken("a command runs once", decided, text)

    def _expired(self, decided: Decided, command: c.ExpireSession) -> None:
        session = self._sessions.get(command.session)
        if session is None or not session.open:
            return
        if session.last_index > command.last_index:
            text = f"ended a session that was used by entry {session.last_index}"
            raise self._broken("a session in use stays open", decided, text)
        session.open = False

    def _broken(self, rule: Rule, decided: Decided, text: str) -> Violation:
        entry = decided.applied.entry
        sentence = f"entry {entry.index} ({entry.session}, {entry.seq}) {text}."
        return Violation(rule, decided.node, self._now(), sentence)
