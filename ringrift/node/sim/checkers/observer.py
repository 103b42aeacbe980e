"""The one object that a simulation reports to: each observation goes to the rules it concerns."""

from collections.abc import Callable, Mapping, Sequence

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Applied, Claimed, Done, Result, SessionLost
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.ready import Origin
from ringrift.node.control.leases import ClaimKey
from ringrift.node.sim.checkers.acknowledged import Acknowledged
from ringrift.node.sim.checkers.history import Decided, History
from ringrift.node.sim.checkers.leaders import Decision, Leaders
from ringrift.node.sim.checkers.leases import Leases
from ringrift.node.sim.checkers.membership import Membership
from ringrift.node.sim.checkers.operations import Operation, Write
from ringrift.node.sim.checkers.progress import Progress
from ringrift.node.sim.checkers.realtime import Realtime
from ringrift.node.sim.checkers.sessions import Sessions
from ringrift.node.sim.checkers.tally import Tally
from ringrift.node.sim.checkers.violation import Now, Violation
from ringrift.node.sim.checkers.work import Work
from ringrift.wire.log import NO_SESSION, Entry, Voters


class Observer:
    """All rules over one run of a cluster founded with `voters`. See the package's docstring.

    `clock_of` reads a node's own clock, where that is not `now`.
    """

    def __init__(
        self, now: Now, voters: Voters, clock_of: Callable[[str], float] | None = None
    ) -> None:
        self.tally = Tally()
        self.history = History(now)
        self.work = Work(now)
        self._now = now
        self._clock_of: Callable[[str], float] = clock_of or (lambda _: now())
        self._leaders = Leaders(now)
        self._leases = Leases(now)
        self._sessions = Sessions(now)
        self._membership = Membership(now, voters, self.history)
        self._progress = Progress(now, voters)
        self._acknowledged = Acknowledged(now, self.history)
        self._realtime = Realtime(now)
        self._operations: dict[int, Operation] = {}
        self._writes: dict[tuple[int, int], Operation] = {}
        self._partitioned = False

    # What nodes do.

    def started(self, node: str, origin: Origin, log: Sequence[Entry]) -> None:
        """A node's life begins with the state of a snapshot and the log recovered after it."""
        self.history.started(node, origin, log)
        self._membership.started(node, origin, log)
        self._progress.started(node)

    def wiped(self, node: str) -> None:
        """The node's directory is lost; it will be `started` as a new one."""
        self.history.wiped(node)

    def became_leader(self, node: str, term: int) -> None:
        """A node won an election; once a term, at the moment its role changes."""
        if self._leaders.newest_term:
            self.tally.leader_changes += 1
        self._leaders.became_leader(node, term)
        self._leases.leads(node, self._clock_of(node))

    def voted(self, node: str, term: int, candidate: str) -> None:
        """A node says that it gives its vote, to itself when it asks for those of others."""
        self._leaders.voted(node, term, candidate)

    def acknowledges(self, node: str, term: int, index: int, durable: int | None) -> None:
        """A node tells the leader of `term` that it has its log up to `index`; up to `durable` it
        is on disk, as far as the node knows (None: it has gone on to another term since)."""
        self._leaders.acknowledges(node, term, index, durable)

    def decides(self, decision: Decision) -> None:
        """A leader counts more entries decided; on every advance."""
        self._leaders.decides(decision)

    def sees_leader(self, node: str, term: int, leader: str | None) -> None:
        """A node takes another (or itself, or nobody) for the leader; on every change of that."""
        self._progress.sees_leader(node, term, leader)

    def config_appended(
        self, node: str, term: int, index: int, voters: Voters, commit_index: int
    ) -> None:
        """A node in `term`, leader or follower, put an entry with `voters` into its log.

        `term` is the node's own now, not the entry's; `commit_index` likewise. For a leader, call
        this before `applied` of anything that came with the append.
        """
        if self._leaders.leads(node, term):
            self._membership.proposed(node, term, index, voters, commit_index)
        self._membership.appended(node, index, voters)

    def obeys(self, node: str, voters: Voters) -> None:
        """By which voters a node counts, once what its log gained and lost was reported."""
        self._membership.obeys(node, voters)

    def truncated(self, node: str, after_index: int) -> None:
        """A node dropped the entries after `after_index`, for another leader's differ."""
        self.history.truncated(node, after_index)
        self._membership.truncated(node, after_index)
        self.tally.truncations += 1

    def installed(self, node: str, origin: Origin) -> None:
        """A node's state and log were replaced by a snapshot that another node sent."""
        self.history.installed(node, origin)
        self._membership.installed(node, origin)
        self.tally.snapshot_installs += 1

    def applied(self, node: str, applied: Applied) -> None:
        """A node applied its next entry; before any client is answered because of it."""
        result = applied.result
        if isinstance(result, Claimed) and applied.first_index == applied.index:
            claims = [(item, result.claim) for item in result.items]
            self._leases.heard(node, claims, self._clock_of(node))
        if not self.history.applied(node, applied):
            return
        decided = Decided(node, applied, c.decode_command(applied.entry.command))
        self._progress.decided()
        self._sessions.decided(decided)
        self.work.decided(decided)
        self._membership.decided(decided)
        if applied.entry.voters is not None:
            self._progress.voters_changed(applied.entry.voters)
            self.tally.changes_in_partition += self._partitioned
        ran = applied.first_index == applied.index and not isinstance(applied.result, SessionLost)
        write = self._writes.get((applied.entry.session, applied.entry.seq))
        if ran and write is not None:
            self._realtime.effective(write, node, applied.index)
        if ran and isinstance(decided.command, c.ExpireClaim) and isinstance(applied.result, Done):
            self.tally.lease_expiries += 1

    def state(self, node: str, index: int, digest: str) -> None:
        """The digest of a node's state right after entry `index`."""
        self.history.state(node, index, digest)

    def renewed(self, node: str, claims: Sequence[ClaimKey]) -> None:
        """A leader took a worker's renewal of its claims."""
        self._leases.heard(node, claims, self._clock_of(node))

    def ends_claim(self, node: str, claim: ClaimKey, term_s: float) -> None:
        """A leader proposes to end a claim that it has not heard of for `term_s` seconds."""
        self._leases.ends(node, claim, term_s, self._clock_of(node))

    # What clients see.

    def write_called(self, op: int, session: int, seq: int, command: bytes) -> None:
        """A client sends a command for the first time; `op` is a number of the caller's choice."""
        operation = Operation(op, self._now(), Write(session, seq, command))
        self._operations[op] = operation
        if session != NO_SESSION:
            self._writes[session, seq] = operation
        self._realtime.called(operation)

    def read_called(self, op: int) -> None:
        """A client asks for a linearizable read."""
        self._operations[op] = Operation(op, self._now(), None)
        self._realtime.called(self._operations[op])

    def resent(self, op: int) -> None:
        """A client sends the same command, with the same (session, seq), again."""
        self._operations[op].resent_term = self._leaders.newest_term

    def write_returned(self, op: int, node: str, index: int, result: Result) -> None:
        """A client gets the answer of a node: what `Proposed` says. May come more than once."""
        operation = self._operations[op]
        first = self._acknowledged.answered(operation, node, index, result)
        self._realtime.returned(operation, node, index)
        operation.returned = True
        if first:
            self.tally.acknowledged += 1
            applied = self.history.at(index)
            assert applied is not None
            # Sent again when somebody else led already, and answered with what ran before that.
            if operation.resent_term > applied.entry.term:
                self.tally.retries_across_failover += 1

    def read_returned(self, op: int, node: str, index: int) -> None:
        """A client read a state of `node` that held everything up to `index`, and no more."""
        operation = self._operations[op]
        if index > self.history.length:
            text = f"{operation} saw index {index}, which no node has applied."
            raise Violation("a read sees only what was decided", node, self._now(), text)
        self._realtime.returned(operation, node, index)
        operation.returned = True

    def abandoned(self, op: int) -> None:
        """A client gives up; it may not once the cluster has been whole for 10 s."""
        self._operations[op].abandoned = True

    def refused(self, op: int) -> None:
        """A node told a client that its change of voters may not be; that ends the wish."""
        self._operations[op].returned = True

    # What the world does.

    def partitioned(self, active: bool) -> None:
        """Whether some nodes cannot reach some others now."""
        self._partitioned = active

    def healed(self, connected: Sequence[str]) -> None:
        """No fault from now on: `connected` are up, and reach each other, until the end."""
        self._partitioned = False
        self._progress.healed(connected)

    def finished(self, states: Mapping[str, ClusterState]) -> None:
        """The end of the fault-free phase, with the states of all nodes that are up."""
        highest = self._acknowledged.highest
        self._progress.finished(self.history, highest, self._operations.values())
        for node, state in states.items():
            applied = self.history.applied_index(node)
            if state.index != applied:
                text = f"its state is of index {state.index}, but it applied {applied}."
                raise Violation("applied in order", node, self._now(), text)
            self.history.state(node, state.index, state.digest())
        for node in sorted(self._progress.awaited, key=self.history.applied_index)[-1:]:
            # One is enough: the others have just been shown to be equal, as far as they are.
            states[node].check()
            self.work.agrees(node, states[node])
