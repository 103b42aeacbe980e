"""Tells a run's observer and its trace what one life of a voter does, step by step."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ringrift.node.consensus.chores import Chore, Store, Write
from ringrift.node.consensus.host import Host, Step
from ringrift.node.consensus.raft.ready import Envelope, Ready
from ringrift.node.sim.checkers.leaders import Decision
from ringrift.node.sim.moments import moments_of
from ringrift.node.sim.trace import run_words
from ringrift.node.sim.words import entries_words, message_words, vote_words
from ringrift.wire.raft import AppendReply, RequestVote, VoteReply

if TYPE_CHECKING:
    from ringrift.node.sim.machine import Machine

DIGEST_EVERY = 25
"""Entries between two digests of the state that are compared."""


class Reporter:
    """Watches the host of one life; `leads` is called when it comes to lead."""

    def __init__(self, machine: "Machine", host: Host, leads: Callable[[], None]) -> None:
        self.name, self.host = machine.name, host
        self._machine, self._world, self._leads = machine, machine.world, leads
        self._seen = ("", 0, "")
        self._commit = host.raft.tail.commit

    def saw(self, step: Step) -> None:
        """Report a step that is about to be carried out."""
        trace = self._world.trace
        for chore in step.chores:
            self._report(chore)
        self._report_state(step)
        for complaint in step.complaints:
            trace.event(self.name, complaint)
        for envelope in step.send:
            self._report_said(envelope)
            if trace.verbose:
                trace.line(self.name, f"-> {envelope.to}  {message_words(envelope.message)}")

    def carried_out(self, step: Step) -> None:
        """Let what waits for such a moment happen."""
        if self._machine.at_moment:
            for moment in moments_of(step):
                self._machine.meet(moment)

    def _report_said(self, envelope: Envelope) -> None:
        observer, raft = self._world.observer, self.host.raft
        match envelope.message:
            case VoteReply(granted=True, pre=False, term=term):
                observer.voted(self.name, term, envelope.to)
            case RequestVote(pre=False, term=term):
                observer.voted(self.name, term, self.name)
            case AppendReply(accepted=True, term=term, index=index):
                durable = raft.durable_index if term == raft.term else None
                observer.acknowledges(self.name, term, index, durable)
            case _:
                pass

    def _report(self, chore: Chore) -> None:
        if isinstance(chore, Write):
            self._report_write(chore.ready)
        elif isinstance(chore, Store) and not chore.received and chore.number == 0:
            self._world.trace.event(self.name, f"takes a snapshot up to {chore.index}")
            self._world.observer.state(self.name, chore.index, self.host.state.digest())

    def _report_write(self, ready: Ready) -> None:
        observer, trace, raft = self._world.observer, self._world.trace, self.host.raft
        if trace.plain and ready.hard_state is not None:
            trace.line(self.name, f"promises {vote_words(ready.hard_state)}")
        if ready.truncate_after is not None:
            trace.event(self.name, f"truncates its log after {ready.truncate_after}")
            observer.truncated(self.name, ready.truncate_after)
        changes = [entry for entry in ready.entries if entry.voters is not None]
        if trace.plain and ready.entries:
            leads = raft.leading is not None
            words = run_words(ready.entries) if leads else entries_words(ready.entries)
            trace.line(self.name, f"appends {words}")
        for entry in changes:
            voters = entry.voters or ()
            place = f"{entry.index}/{entry.term}"
            trace.event(self.name, f"names the voters {'+'.join(voters)} at {place}")
            observer.config_appended(self.name, raft.term, entry.index, voters, raft.tail.commit)
        if changes or ready.truncate_after is not None:
            observer.obeys(self.name, raft.tail.voters)

    def _report_state(self, step: Step) -> None:
        observer, trace, host = self._world.observer, self._world.trace, self.host
        if step.restored:
            trace.event(self.name, f"installs a snapshot up to {host.raft.tail.origin.index}")
            observer.installed(self.name, host.raft.tail.origin)
            observer.state(self.name, host.state.index, host.state.digest())
        if not step.applied:
            return
        if trace.plain:
            applied = [applied.entry for applied in step.applied]
            trace.line(self.name, f"applies {entries_words(applied)}")
        for applied in step.applied:
            observer.applied(self.name, applied)
        if host.state.index % DIGEST_EVERY == 0:
            observer.state(self.name, host.state.index, host.state.digest())

    def watch(self) -> None:
        """Report a change of role, term or leader, and what a leader decides."""
        raft = self.host.raft
        if raft.tail.commit != self._commit:
            self._commit = raft.tail.commit
            entry_term = raft.tail.term_at(self._commit)
            if raft.leading is not None and entry_term is not None:
                voters, durable = raft.tail.voters, raft.durable_index
                decision = Decision(self.name, raft.term, self._commit, entry_term, voters, durable)
                self._world.observer.decides(decision)
        seen = (raft.role, raft.term, raft.leader or "")
        if seen == self._seen:
            return
        before, self._seen = self._seen, seen
        follows = f" of {raft.leader}" if raft.role == "follower" and raft.leader else ""
        self._world.trace.event(self.name, f"is {raft.role}{follows} in term {raft.term}")
        if raft.role == "leader" and before[:2] != seen[:2]:
            self._leads()
            self._machine.meet("leadership")
            self._world.observer.became_leader(self.name, raft.term)
        self._world.observer.sees_leader(self.name, raft.term, raft.leader)
