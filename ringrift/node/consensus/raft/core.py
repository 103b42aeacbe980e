"""The machine: its roles, and what each message, tick and confirmation does to them.

    follower ──silence──▶ pre_candidate ──majority would──▶ candidate ──majority did──▶ leader
       ▲                       │  ▲                            │                          │
       │                       └──┘ silence                    │ silence: pre_candidate   │
       └──── a leader of this term, a higher term, or (leader) no majority heard, a stalled disk

Thesis: chapter 3 (the algorithm), 4.2 (voters change one at a time, the newest entry that names
them counts), 9.6 (pre-vote), 6.2 (a leader steps down when it hears no majority), 4.2.3 (a voter
that hears a leader refuses to depose it), 3.10 (handing over).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ringrift.node.consensus.raft.leading import Leading, quorum
from ringrift.node.consensus.raft.outbox import Outbox
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.raft.tail import Tail
from ringrift.node.consensus.raft.timing import Timing
from ringrift.wire.log import MAX_VOTERS, NO_SESSION, Entry, Voters
from ringrift.wire.raft import (
    Append,
    AppendReply,
    RaftMessage,
    RequestVote,
    SnapshotAck,
    SnapshotChunk,
    TimeoutNow,
    VoteReply,
)

Role = Literal["follower", "pre_candidate", "candidate", "leader"]

MAX_UNDECIDED = 4_096
"""Most entries a leader's log may be ahead of what is decided."""
MAX_APPLY = 256
"""Most entries handed out for applying at once."""


class NotLeadingError(Exception):
    """This node may not decide now."""


class ChangeRefusedError(Exception):
    """A change of voters, or a handover, that may not happen now; one sentence that says why."""


class Draft(NamedTuple):
    """A proposal: an entry without its place in the log."""

    at_ms: int
    session: int
    seq: int
    command: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """What a node knows when it starts: all of it is durable. `blank` is a new leader's command."""

    hard_state: HardState
    origin: Origin
    entries: Sequence[Entry]
    blank: bytes


class Raft:
    """One voter (or one that hopes to be named). `now` never goes back between calls."""

    def __init__(
        self, node: str, timing: Timing, rng: random.Random, start: Start, now: float
    ) -> None:
        self.node = node
        self.term = start.hard_state.term
        self.voted_for = start.hard_state.voted_for
        self.role: Role = "follower"
        self.leader: str | None = None
        self.tail = Tail(start.origin, start.entries)
        self.leading: Leading | None = None
        self._blank = start.blank
        self._timing, self._rng = timing, rng
        self._out = Outbox(self.tail.last_index)
        self._votes: dict[str, bool] = {}
        # Who starts cannot know whether a leader is about, so it first behaves as if.
        self._heard = now
        self._deadline = self._draw(now)
        if self.tail.voters == (node,):
            # It is its own majority: what it has durably is decided, and it need not wait.
            self.tail.commit_to(self.tail.last_index)
            self._deadline = now

    @property
    def next_tick(self) -> float:
        """When `tick` has something to do at the latest."""
        return self._deadline if self.leading is None else self.leading.next_heartbeat

    @property
    def durable_index(self) -> int:
        """Our log up to here is on disk."""
        return self._out.durable

    @property
    def heard_leader_at(self) -> float:
        """When a leader was last heard, or this life began."""
        return self._heard

    @property
    def room(self) -> int:
        """How many more entries a leader may have undecided."""
        return MAX_UNDECIDED - (self.tail.last_index - self.tail.commit)

    @property
    def may_propose(self) -> bool:
        """Whether this node leads, and is not about to hand over."""
        return self.leading is not None and self.leading.handover is None

    @property
    def knows_all(self) -> bool:
        """Whether this node leads and has handed out all that was decided before its term."""
        return self.leading is not None and self.tail.applied >= self.leading.first_index

    # What is put in.

    def receive(self, sender: str, message: RaftMessage, now: float) -> None:
        """Take a message of an authenticated node of this cluster."""
        if isinstance(message, RequestVote):
            self._on_request_vote(sender, message, now)
            return
        granted_pre_vote = isinstance(message, VoteReply) and message.pre and message.granted
        if message.term > self.term and not granted_pre_vote:
            self._follow(message.term, None, now)
        if message.term < self.term:
            self._on_stale(sender, message)
            return
        match message:
            case VoteReply():
                self._on_vote_reply(sender, message, now)
            case Append():
                self._hear(sender, now)
                self._on_append(sender, message)
            case AppendReply():
                if self.leading is not None:
                    self.leading.answered(sender, message, now)
                    self._decide(now)
            case SnapshotChunk():
                self._hear(sender, now)
                self._out.transfer(sender, message)
            case SnapshotAck():
                if self.leading is not None:
                    self._out.transfer(sender, message)
            case TimeoutNow():
                if self.role == "follower" and self.tail.may_lead(self.node):
                    self._campaign(now, forced=True)

    def tick(self, now: float) -> None:
        """Let time pass; call it at `next_tick`, and as often as you like."""
        if now < self.next_tick:
            return
        leading = self.leading
        if leading is None:
            self._deadline = self._draw(now)
            if self.tail.may_lead(self.node) and not self._disk_is_stalled(now):
                self._pre_campaign(now)
        elif not leading.hears_majority(now) or self._disk_is_stalled(now):
            self._follow(self.term, None, now)
        else:
            if leading.handover is not None and now >= leading.handover.until:
                leading.handover = None
            leading.beat(now)

    def propose(self, drafts: Sequence[Draft]) -> int:
        """Append proposals, at most `room`; returns the index of the first.

        Whether each is decided, `apply` tells. Raises NotLeadingError when this node does not lead
        or hands over; nothing was appended then.
        """
        if self.leading is None or self.leading.handover is not None:
            raise NotLeadingError
        assert len(drafts) <= self.room, (len(drafts), self.room)
        first = self.tail.last_index + 1
        self._append([Entry(first + i, self.term, *draft) for i, draft in enumerate(drafts)])
        self.leading.replicate()
        return first

    def change_voters(self, voters: Voters, draft: Draft, now: float) -> int:
        """Append an entry that names the voters from now on; returns its index.

        Raises NotLeadingError, or ChangeRefusedError: one at a time, one node at a time, and not
        before this leader has decided an entry of its term.
        """
        leading = self.leading
        if leading is None or leading.handover is not None:
            raise NotLeadingError
        if not leading.settled:
            raise ChangeRefusedError("The leader is new and has decided nothing yet; try again.")
        if self.tail.voters_index > self.tail.commit:
            raise ChangeRefusedError("An earlier change of voters is still undecided; try again.")
        if tuple(sorted(set(voters))) != voters or not 1 <= len(voters) <= MAX_VOTERS:
            raise ChangeRefusedError(f"A cluster has 1 to {MAX_VOTERS} distinct voters.")
        if len(set(voters) ^ set(self.tail.voters)) != 1:
            raise ChangeRefusedError("Exactly one voter is added or removed at a time.")
        index = self.tail.last_index + 1
        self._append([Entry(index, self.term, *draft, voters=voters)])
        leading.meet(now)
        leading.replicate()
        return index

    def read(self, token: int) -> None:
        """Ask for a linearizable read; a later `Ready` answers. Raises NotLeadingError."""
        if self.leading is None:
            raise NotLeadingError
        self.leading.read(token)

    def hand_over(self, to: str, now: float) -> None:
        """Give leadership to another voter, soon. Raises NotLeadingError, ChangeRefusedError."""
        if self.leading is None:
            raise NotLeadingError
        if to == self.node or to not in self.tail.voters:
            raise ChangeRefusedError(f"{to} is not another voter; leadership goes to a voter.")
        self.leading.hand_over(to, now)

    def synced(self, number: int, now: float) -> None:
        """All writes of the `Ready`s up to that number are durable."""
        self._out.synced(number)
        if self.role == "candidate" and self._out.hard_state_is_durable:
            self._on_vote_reply(self.node, VoteReply(self.term, True), now)
        self._decide(now)

    def restore(self, origin: Origin) -> bool:
        """A snapshot from the leader is durable here; whether it takes the place of the log.

        When it does, the driver takes its state from it, before it applies anything more. When not,
        the log has all that the snapshot has, and goes on.
        """
        if origin.index <= self.tail.commit:
            return False
        if self.tail.term_at(origin.index) == origin.term:
            self.tail.commit_to(origin.index)
            return False
        self.tail.restart(origin)
        self._out.restart(origin)
        return True

    def acknowledge(self, sender: str, sent: SnapshotChunk, number: int) -> None:
        """Tell who sent a part that all below `number` are here, if it leads still.

        Another leader's snapshot of the same entry may be cut into other parts.
        """
        if self.leader == sender and self.leading is None and self.term == sent.term:
            self._out.say(sender, SnapshotAck(self.term, sent.index, number))

    def snapshot_ended(self, peer: str, index: int | None, now: float) -> None:
        """A follower has installed our snapshot up to an index, or (None) its transfer failed."""
        if self.leading is not None:
            self.leading.snapshot_ended(peer, index)
            self._decide(now)

    def compact(self, through: int) -> None:
        """Forget applied entries up to an index that a durable snapshot holds."""
        self.tail.compact(through)

    # What comes out.

    def ready(self, now: float) -> Ready | None:
        """All there is to do since the last call; None when there is nothing."""
        tail = self.tail
        apply: tuple[Entry, ...] = ()
        if tail.commit > tail.applied:
            through = min(tail.commit, self._out.durable, tail.applied + MAX_APPLY)
            if through > tail.applied:
                apply = tail.between(tail.applied, through)
                tail.applied = through
        if not apply and self._out.empty():
            return None
        return self._out.take(apply, tail.last_index, now)

    # Terms and elections.

    def _on_stale(self, sender: str, message: RaftMessage) -> None:
        """Let a leader of an earlier term know that it is none."""
        if isinstance(message, Append):
            prev_index, round_number = message.prev_index, message.round
            refusal = AppendReply(self.term, False, prev_index, round_number, 0)
            self._out.say(sender, refusal)

    def _draw(self, now: float) -> float:
        return now + self._timing.election * (1.0 + self._rng.random())

    def _disk_is_stalled(self, now: float) -> bool:
        """Whether others had better lead; a sole voter can only wait for its disk."""
        others = self.tail.voters != (self.node,)
        return others and self._out.stalled(now, self._timing.patience)

    def _follow(self, term: int, leader: str | None, now: float) -> None:
        if term > self.term:
            self.term, self.voted_for = term, None
            self._out.vote(HardState(term, None))
        if self.leading is not None:
            self.leading.lost()
            self.leading = None
        self.role, self.leader = "follower", leader
        self._deadline = self._draw(now)

    def _hear(self, leader: str, now: float) -> None:
        """A leader of this term is about."""
        assert self.role != "leader", f"{leader} leads term {self.term}, as {self.node} does"
        if self.role != "follower" or self.leader != leader:
            self._follow(self.term, leader, now)
        self._heard = now
        self._deadline = self._draw(now)

    def _pre_campaign(self, now: float) -> None:
        self.role, self.leader = "pre_candidate", None
        self._votes = {}
        self._ask_for_votes(self.term + 1, pre=True)
        self._on_vote_reply(self.node, VoteReply(self.term + 1, True, pre=True), now)

    def _campaign(self, now: float, *, forced: bool = False) -> None:
        self.role, self.leader = "candidate", None
        self.term, self.voted_for = self.term + 1, self.node
        self._out.vote(HardState(self.term, self.node))
        self._votes = {}
        self._deadline = self._draw(now)
        self._ask_for_votes(self.term, forced=forced)

    def _ask_for_votes(self, term: int, *, pre: bool = False, forced: bool = False) -> None:
        ask = RequestVote(term, self.tail.last_index, self.tail.last_term, pre, forced)
        for voter in self.tail.voters:
            if voter != self.node:
                self._out.say(voter, ask)

    def _on_request_vote(self, sender: str, ask: RequestVote, now: float) -> None:
        hears = self.leading is not None or now - self._heard < self._timing.election
        loyal = hears and not ask.forced
        log_is_new = (ask.last_term, ask.last_index) >= (self.tail.last_term, self.tail.last_index)
        if ask.pre:
            granted = ask.term > self.term and log_is_new and not loyal
            reply = VoteReply(ask.term if granted else self.term, granted, pre=True)
            self._out.say(sender, reply)
            return
        if ask.term > self.term and not loyal:
            self._follow(ask.term, None, now)
        free = self.voted_for in (None, sender)
        granted = ask.term == self.term and free and log_is_new
        if granted and self.voted_for is None:
            self.voted_for = sender
            self._out.vote(HardState(self.term, sender))
        # A late copy of the request that elected our leader is no reason to forget who leads.
        if granted and self.leader is None:
            self._follow(self.term, None, now)
        self._out.say(sender, VoteReply(self.term, granted))

    def _on_vote_reply(self, sender: str, reply: VoteReply, now: float) -> None:
        asking: Role = "pre_candidate" if reply.pre else "candidate"
        asked_term = self.term + 1 if reply.pre and reply.granted else self.term
        if self.role != asking or reply.term != asked_term:
            return
        self._votes[sender] = reply.granted
        voters = self.tail.voters
        if sum(self._votes.get(voter, False) for voter in voters) < quorum(voters):
            return
        if reply.pre:
            self._campaign(now)
        else:
            self._lead(now)

    def _lead(self, now: float) -> None:
        self.role, self.leader = "leader", self.node
        self.leading = Leading(self.node, self.term, self.tail, self._out, self._timing, now)
        blank = Draft(self.tail.last_at_ms, NO_SESSION, 0, self._blank)
        self._append([Entry(self.tail.last_index + 1, self.term, *blank)])
        self.leading.beat(now)
        self._decide(now)

    # The log.

    def _append(self, entries: Sequence[Entry]) -> None:
        self.tail.append(entries)
        self._out.append(entries)

    def _on_append(self, sender: str, append: Append) -> None:
        tail = self.tail
        last = append.prev_index + len(append.entries)
        # What lies before our log is decided, so it agrees with every leader's.
        known = tail.origin.index - append.prev_index
        if known <= 0 and tail.term_at(append.prev_index) != append.prev_term:
            index, term = tail.agreement(append.prev_index, append.prev_term)
            refusal = AppendReply(self.term, False, append.prev_index, append.round, index, term)
            self._out.say(sender, refusal)
            return
        fresh = self._take_entries(append.entries[max(known, 0) :])
        tail.commit_to(min(append.commit, last))
        if fresh:
            reply = AppendReply(self.term, True, append.prev_index, append.round, last)
            self._out.say_once_written(sender, reply)
        else:
            durable = min(last, self._out.durable)
            reply = AppendReply(self.term, True, append.prev_index, append.round, durable)
            self._out.say(sender, reply)

    def _take_entries(self, entries: Sequence[Entry]) -> bool:
        """Append what is new of a leader's entries, over what differs; whether anything was."""
        tail = self.tail
        for place, entry in enumerate(entries):
            here = tail.term_at(entry.index)
            if here == entry.term:
                continue
            if here is not None:
                tail.truncate(entry.index - 1)
                self._out.truncate(entry.index - 1)
            self._append(entries[place:])
            return True
        return False

    def _decide(self, now: float) -> None:
        """Count what the majority has; tell and obey what that decides."""
        leading = self.leading
        if leading is None or self.tail.commit == self.tail.last_index:
            return
        index = leading.decided(self._out.durable)
        # Only an entry of its own term tells a leader what is decided (thesis, figure 3.7).
        if index < leading.first_index or not self.tail.commit_to(index):
            return
        leading.announce_commit()
        if self.tail.voters_index > index:
            return
        if self.node not in self.tail.voters:
            self._out.say(leading.best_peer(), TimeoutNow(self.term))
            self._follow(self.term, None, now)
            return
        leading.part()
        leading.prove_reads()
