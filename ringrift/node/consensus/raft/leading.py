"""What a leader does: replicate, count, prove reads, hand over (thesis, 3, 3.10, 4.2 and 6.4)."""

from dataclasses import dataclass

from ringrift.node.consensus.raft.outbox import Outbox
from ringrift.node.consensus.raft.progress import Progress
from ringrift.node.consensus.raft.reads import Reads
from ringrift.node.consensus.raft.tail import Tail
from ringrift.node.consensus.raft.timing import Timing
from ringrift.wire.log import Entry, Voters
from ringrift.wire.raft import Append, AppendReply, TimeoutNow


@dataclass(frozen=True, slots=True)
class Handover:
    """Leadership is on its way to a voter; given up at `until`."""

    to: str
    until: float


def quorum(voters: Voters) -> int:
    """A majority of all configured voters, alive or not."""
    return len(voters) // 2 + 1


class Leading:
    """One node's leadership of one term; it ends with the object.

    `first_index` is the term's first entry: only once it is decided does the leader know what was
    decided before it, so before that it answers no read and changes no voters.
    """

    def __init__(
        self, node: str, term: int, tail: Tail, out: Outbox, timing: Timing, now: float
    ) -> None:
        self.node, self.term = node, term
        self.first_index = tail.last_index + 1
        self.peers: dict[str, Progress] = {}
        self.handover: Handover | None = None
        self.next_heartbeat = now + timing.heartbeat
        self._tail, self._out, self._timing = tail, out, timing
        self._reads = Reads()
        self._round = 0
        self.meet(now)

    @property
    def settled(self) -> bool:
        """Whether an entry of this term is decided."""
        return self._tail.commit >= self.first_index

    def meet(self, now: float) -> None:
        """Follow a change of voters: replicate to every one of them from now on.

        One that was removed is served until its removal is decided, so that it may learn of it.
        """
        for voter in self._tail.voters:
            if voter != self.node and voter not in self.peers:
                self.peers[voter] = Progress(self._tail.last_index + 1, now)

    def part(self) -> None:
        """Forget those whose removal is decided."""
        for peer in [peer for peer in self.peers if peer not in self._tail.voters]:
            del self.peers[peer]

    # Replication.

    def replicate(self) -> None:
        """Send every follower what it lacks, as far as it may be sent."""
        for peer in self.peers:
            self._replicate_to(peer)

    def _replicate_to(self, peer: str) -> None:
        progress = self.peers[peer]
        while progress.may_send and progress.next <= self._tail.last_index:
            if not self._append_to(peer, progress):
                return

    def _append_to(self, peer: str, progress: Progress) -> bool:
        """Send the next entries, even none; False when it needs a snapshot instead."""
        prev_term = self._tail.term_at(progress.next - 1)
        if prev_term is None:
            self._send_snapshot(peer, progress)
            return False
        entries = self._tail.batch(progress.next - 1)
        self._say(peer, progress.next - 1, prev_term, entries)
        if entries:
            progress.sent(entries[-1].index)
        else:
            progress.waiting = True
        return True

    def _send_snapshot(self, peer: str, progress: Progress) -> None:
        progress.await_snapshot()
        self._out.snapshot_to(peer)

    def _say(
        self, peer: str, prev_index: int, prev_term: int, entries: tuple[Entry, ...] = ()
    ) -> None:
        message = Append(self.term, prev_index, prev_term, self._tail.commit, self._round, entries)
        self._out.say(peer, message)

    def beat(self, now: float) -> None:
        """Let every follower hear of us; this also finds what was lost."""
        self.next_heartbeat = now + self._timing.heartbeat
        self._round += 1
        for peer, progress in self.peers.items():
            untried = progress.state == "probe" and progress.may_send
            if not untried or not self._append_to(peer, progress):
                self._ping(peer, progress)
        self._begin_reads()

    def _ping(self, peer: str, progress: Progress) -> None:
        """Ask whether it agrees where its next entries begin, without sending them once more."""
        prev_term = self._tail.term_at(progress.next - 1)
        if progress.state != "snapshot" and prev_term is not None:
            self._say(peer, progress.next - 1, prev_term)
            return
        if progress.state != "snapshot":
            # It was silent, or slow, while what it needs next was forgotten.
            self._send_snapshot(peer, progress)
        # Nothing is known to agree here; the beginning of all logs always does.
        self._say(peer, 0, 0)

    def announce_commit(self) -> None:
        """Tell those who have everything how much of it is decided."""
        for peer, progress in self.peers.items():
            if progress.state == "replicate" and progress.next > self._tail.last_index:
                self._ping(peer, progress)

    # Answers.

    def answered(self, peer: str, reply: AppendReply, now: float) -> None:
        """Take a follower's answer of this term."""
        progress = self.peers.get(peer)
        if progress is None:
            return
        progress.heard = now
        progress.round = max(progress.round, reply.round)
        if reply.accepted:
            progress.accepted(reply.prev_index, reply.index)
        else:
            agreement, _ = self._tail.agreement(reply.index, reply.hint_term)
            progress.refused(reply.prev_index, agreement)
        self._settle_reads()
        self.prove_reads()
        self._hand_over_when_level()
        self._replicate_to(peer)

    def snapshot_ended(self, peer: str, index: int | None) -> None:
        """A follower has the snapshot up to an index, or (None) its transfer failed."""
        progress = self.peers.get(peer)
        if progress is None or progress.state != "snapshot":
            return
        progress.match = max(progress.match, index or 0)
        progress.probe(progress.match + 1)
        if index is not None:
            self._replicate_to(peer)

    def decided(self, durable: int) -> int:
        """The newest entry that a majority of the voters has durably."""
        voters = self._tail.voters
        matches = sorted(
            (durable if voter == self.node else self.peers[voter].match for voter in voters),
            reverse=True,
        )
        return matches[quorum(voters) - 1]

    def hears_majority(self, now: float) -> bool:
        """Whether most voters, we among them, were heard of within the leader's patience."""
        since = now - self._timing.patience
        voters = self._tail.voters
        heard = sum(voter == self.node or self.peers[voter].heard >= since for voter in voters)
        return heard >= quorum(voters)

    # Reads.

    def read(self, token: int) -> None:
        """Have a read proven; the answer is in a later `Ready`."""
        self._reads.ask(token)
        self.prove_reads()

    def prove_reads(self) -> None:
        """Begin a round for the reads that wait, unless one is on its way or it is too early."""
        if self.settled and self._reads.want_round:
            self._round += 1
            for peer, progress in self.peers.items():
                self._ping(peer, progress)
            self._begin_reads()

    def lost(self) -> None:
        """Leadership ends: no read can be proven any more."""
        for read in self._reads.lost():
            self._out.read(read)

    def _begin_reads(self) -> None:
        if self.settled and self._reads.want_round:
            self._reads.begin(self._round, self._tail.commit)
        self._settle_reads()

    def _settle_reads(self) -> None:
        if not self._reads.flying:
            return
        voters = self._tail.voters
        rounds = sorted(
            (self._round if voter == self.node else self.peers[voter].round for voter in voters),
            reverse=True,
        )
        for read in self._reads.proven(rounds[quorum(voters) - 1]):
            self._out.read(read)

    # Handing over.

    def hand_over(self, to: str, now: float) -> None:
        """Give leadership to a voter: no proposals until it campaigns, or we give it up."""
        self.handover = Handover(to, now + self._timing.election)
        self._hand_over_when_level()

    def _hand_over_when_level(self) -> None:
        if self.handover is None:
            return
        progress = self.peers.get(self.handover.to)
        if progress is not None and progress.match == self._tail.last_index:
            self._out.say(self.handover.to, TimeoutNow(self.term))

    def best_peer(self) -> str:
        """The other voter with most of the log; the smallest id among equals. There must be one."""
        others = [voter for voter in self._tail.voters if voter != self.node]
        return max(others, key=lambda peer: self.peers[peer].match)
