"""Plausible bugs, each of which a rule of the simulator must find; `hunt.py` looks for the seeds.

A mutant is the function that takes the place of a production function while the mutant is alive.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs
from mutation import MUTANTS, RARE, mutant

from ringrift.node.cluster import queue, snapshot, state
from ringrift.node.cluster.results import Done, Effect, Refused, SessionOpened
from ringrift.node.cluster.sessions import Kept, Session, Sessions
from ringrift.node.cluster.snapshot import Loader, Picture
from ringrift.node.cluster.state import ClusterState
from ringrift.node.cluster.transitions import work
from ringrift.node.consensus.log import Log
from ringrift.node.consensus.raft.core import ChangeRefusedError, Draft, NotLeadingError, Raft
from ringrift.node.consensus.raft.leading import Leading, quorum
from ringrift.node.consensus.raft.outbox import Outbox
from ringrift.node.consensus.raft.reads import Reads
from ringrift.node.consensus.raft.ready import Envelope, HardState, Origin, Read
from ringrift.node.consensus.raft.tail import Tail
from ringrift.node.control.leases import ClaimKey, LeaseTable
from ringrift.node.sim.disk import MemoryDisk
from ringrift.wire.log import Entry, Voters
from ringrift.wire.raft import AppendReply, RaftMessage, RequestVote

__all__ = ["MUTANTS", "RARE"]

_answered = Leading.answered
_append = Raft._append
_decide = Raft._decide
_decided = Leading.decided
_end_claim = work._end_claim
_fsync = MemoryDisk.fsync
_on_request_vote = Raft._on_request_vote
_restore = Raft.restore
_restored = ClusterState.restored
_truncate = Tail.truncate
_vote = Outbox.vote


# Persistence.


@mutant("persistence", Outbox, "vote")
def vote_not_kept(out: Outbox, hard_state: HardState) -> None:
    """A vote is given, but only its term is written."""
    _vote(out, HardState(hard_state.term, None))


@mutant("persistence", Outbox, "vote")
def term_not_kept(out: Outbox, hard_state: HardState) -> None:
    """A term that is learned from others is not written."""
    if hard_state.voted_for is not None:
        _vote(out, hard_state)


@mutant("persistence", Outbox, "say")
def vote_told_before_sync(out: Outbox, to: str, message: RaftMessage) -> None:
    """A vote is told before it is durable."""
    out._batch.send.append(Envelope(to, message))


@mutant("persistence", Outbox, "say_once_written")
def append_told_before_sync(out: Outbox, to: str, message: RaftMessage) -> None:
    """A follower acknowledges entries before its fsync."""
    out.say(to, message)


@mutant("persistence", Leading, "decided")
def own_entry_counted_before_sync(leading: Leading, durable: int) -> int:
    """A leader counts its own entries before its fsync."""
    return _decided(leading, leading._tail.last_index)


@mutant("persistence", Log, "sync")
def log_not_synced(log: Log) -> None:
    """The log is believed durable without an fsync."""
    log.synced_index = log.last_index


@mutant("persistence", MemoryDisk, "fsync")
def vote_file_not_synced(disk: MemoryDisk, name: str) -> None:
    """The vote file is renamed into place without an fsync of its contents."""
    if not name.startswith("vote"):
        _fsync(disk, name)


@mutant("persistence", MemoryDisk, "fsync_dir")
def directory_not_synced(disk: MemoryDisk) -> None:
    """Names of new and renamed files are never synced."""


# The log.


@mutant("log", Raft, "_take_entries")
def conflict_kept(raft: Raft, entries: Sequence[Entry]) -> bool:
    """Entries that differ from the leader's are kept, and only what lies beyond is appended."""
    beyond = [entry for entry in entries if entry.index > raft.tail.last_index]
    if beyond and beyond[0].term >= raft.tail.last_term:
        _append(raft, beyond)
    return bool(beyond)


@mutant("log", Outbox, "truncate")
def cut_entries_stay_durable(out: Outbox, after: int) -> None:
    """Entries that were cut off still count as durable."""
    pending = out._batch.entries
    if pending and pending[0].index <= after + 1:
        del pending[after + 1 - pending[0].index :]
    else:
        pending.clear()
        out._batch.truncate_after = after


@mutant("log", Raft, "_on_request_vote")
def older_log_gets_vote(raft: Raft, sender: str, ask: RequestVote, now: float) -> None:
    """A vote is given whatever the candidate's log ends with."""
    _on_request_vote(raft, sender, structs.replace(ask, last_term=2**50), now)


@mutant("log", Raft, "_decide")
def older_term_counted(raft: Raft, now: float) -> None:
    """A leader decides entries of older terms by counting (thesis, figure 3.7)."""
    leading = raft.leading
    if leading is not None and raft.tail.commit_to(leading.decided(raft.durable_index)):
        leading.announce_commit()
    _decide(raft, now)


@mutant("log", Leading, "decided")
def quorum_of_the_living(leading: Leading, durable: int) -> int:
    """A majority of those heard of lately decides, not of all configured voters."""
    since = leading.next_heartbeat - leading._timing.heartbeat - leading._timing.election
    matches = sorted(
        (
            p.match
            for v, p in leading.peers.items()
            if p.heard >= since and v in leading._tail.voters
        ),
        reverse=True,
    )
    living = sorted((durable, *matches), reverse=True)
    return living[len(living) // 2]


@mutant("log", Leading, "decided")
def half_is_enough(leading: Leading, durable: int) -> int:
    """A leader decides with one voter less than a majority."""
    voters = leading._tail.voters
    matches = [durable if v == leading.node else leading.peers[v].match for v in voters]
    return sorted(matches, reverse=True)[max(0, quorum(voters) - 2)]


@mutant("log", Leading, "answered")
def refusal_counts(leading: Leading, peer: str, reply: AppendReply, now: float) -> None:
    """A refused append counts as if it had been taken."""
    _answered(leading, peer, structs.replace(reply, accepted=True), now)


# Snapshots.


@mutant("snapshot", Raft, "restore")
def snapshot_forgets_voters(raft: Raft, origin: Origin) -> bool:
    """An installed snapshot leaves the log without its voters."""
    return _restore(raft, replace(origin, voters=()))


@mutant("snapshot", Raft, "restore", scenario="snapshot_keeps_tail")
def snapshot_drops_entries(raft: Raft, origin: Origin) -> bool:
    """An installed snapshot drops entries beyond it that were acknowledged."""
    if origin.index <= raft.tail.commit:
        return False
    raft.tail.restart(origin)
    raft._out.restart(origin)
    return True


@mutant("snapshot", Raft, "restore")
def snapshot_goes_back(raft: Raft, origin: Origin) -> bool:
    """A snapshot that is older than the state takes its place all the same."""
    raft.tail.commit = min(raft.tail.commit, origin.index - 1)
    raft.tail.restart(origin)
    raft._out.restart(origin)
    return True


@mutant("snapshot", ClusterState, "restored")
def snapshot_forgets_results(loader: Loader) -> ClusterState:
    """The results that sessions remember are lost when a snapshot is restored."""
    restored = _restored(loader)
    rows = restored.sessions.rows
    for number, session in list(rows.items()):
        rows[number] = structs.replace(session, kept=())
    return restored


@mutant("snapshot", state, "picture")
def snapshot_of_moving_tables(tables: Any) -> Picture:
    """A snapshot is encoded from the live tables, while they change."""
    return dict(snapshot.rows_of(tables))


@mutant("snapshot", MemoryDisk, "fsync")
def snapshot_not_synced(disk: MemoryDisk, name: str) -> None:
    """A snapshot is renamed into place without an fsync of its contents."""
    if ".snap" not in name:
        _fsync(disk, name)


# Membership.


def _change(raft: Raft, voters: Voters, draft: Draft, now: float, *, early: bool) -> int:
    leading = raft.leading
    if leading is None or leading.handover is not None:
        raise NotLeadingError
    undecided = raft.tail.voters_index > raft.tail.commit
    if (undecided if early else not leading.settled) or not voters:
        raise ChangeRefusedError("Not now.")
    if len(set(voters) ^ set(raft.tail.voters)) != 1:
        raise ChangeRefusedError("Exactly one voter is added or removed at a time.")
    index = raft.tail.last_index + 1
    _append(raft, [Entry(index, raft.term, *draft, voters=voters)])
    leading.meet(now)
    leading.replicate()
    return index


@mutant("membership", Raft, "change_voters")
def changes_overlap(raft: Raft, voters: Voters, draft: Draft, now: float) -> int:
    """Voters are changed while an earlier change is undecided."""
    return _change(raft, voters, draft, now, early=False)


@mutant("membership", Raft, "change_voters")
def change_before_first_entry(raft: Raft, voters: Voters, draft: Draft, now: float) -> int:
    """A new leader changes voters before it has decided an entry of its term."""
    return _change(raft, voters, draft, now, early=True)


@mutant("membership", Tail, "truncate")
def change_not_rolled_back(tail: Tail, after: int) -> None:
    """Voters that a truncated entry named go on counting."""
    named = list(tail._named)
    _truncate(tail, after)
    tail._named[:] = named


@mutant("membership", Leading, "decided")
def removed_leader_counts_itself(leading: Leading, durable: int) -> int:
    """A leader that is removing itself still counts itself."""
    voters = leading._tail.voters
    matches = [durable if v == leading.node else leading.peers[v].match for v in voters]
    if leading.node not in voters:
        matches.append(durable)
    return sorted(matches, reverse=True)[quorum(voters) - 1]


@mutant("membership", Leading, "decided")
def majority_of_old_voters(leading: Leading, durable: int) -> int:
    """A leader goes on counting by the voters it began with, whoever was added or removed."""
    tail = leading._tail
    first = [voters for index, voters in tail._named if index < leading.first_index]
    voters = first[-1] if first else tail.origin.voters
    matches = [
        durable if v == leading.node else p.match
        for v in voters
        if v == leading.node or (p := leading.peers.get(v)) is not None
    ]
    return sorted(matches, reverse=True)[min(quorum(voters), len(matches)) - 1]


# Reads.


@mutant("reads", Leading, "read")
def read_without_round(leading: Leading, token: int) -> None:
    """A leader answers a read without asking whether it still leads."""
    index = leading._tail.commit if leading.settled else None
    leading._out.read(Read(token, index))


@mutant("reads", Leading, "read")
def read_under_lease(leading: Leading, token: int) -> None:
    """A leader answers reads by itself for as long as it would not step down."""
    now = leading.next_heartbeat - leading._timing.heartbeat
    settled = leading.settled and leading.hears_majority(now)
    leading._out.read(Read(token, leading._tail.commit if settled else None))


@mutant("reads", Leading, "read")
def read_before_first_entry(leading: Leading, token: int) -> None:
    """A read is answered before the new leader has decided an entry of its term."""
    reads = leading._reads
    reads.ask(token)
    if reads.want_round:
        leading._round += 1
        for peer, progress in leading.peers.items():
            leading._ping(peer, progress)
        reads.begin(leading._round, leading._tail.commit)
        leading._settle_reads()


@mutant("reads", Reads, "ask", scenario="read_round")
def read_joins_earlier_round(reads: Reads, token: int) -> None:
    """A read is proven by a round that began before it was asked for."""
    (reads._flying or reads._waiting).append(token)


# Sessions.


@mutant("sessions", Sessions, "keep")
def results_not_remembered(sessions: Sessions, session: int, seq: int, *_: object) -> None:
    """Sessions forget results, so that a command sent twice runs twice."""


@mutant("sessions", Sessions, "earlier")
def expired_session_runs(sessions: Sessions, session: int, seq: int) -> Kept | None:
    """A command of an expired session runs."""
    row = sessions.rows.get(session)
    return next((kept for kept in row.kept if kept.seq == seq), None) if row else None


@mutant("sessions", Sessions, "expire")
def session_expired_while_used(sessions: Sessions, session: int, last_index: int) -> Effect:
    """A session expires although it was used since that was judged."""
    if session in sessions.rows:
        del sessions.rows[session]
    return Effect(Done(f"session {session} expired"))


@mutant("sessions", Sessions, "open")
def earlier_life_stays_open(sessions: Sessions, index: int, owner: str, boot: int) -> Effect:
    """A new life of an owner leaves its earlier sessions open."""
    sessions.rows[index] = Session(id=index, owner=owner, boot=boot, last_index=index)
    return Effect(SessionOpened(index))


# Claims and leases.


@mutant("leases", queue.WorkQueue, "refusal")
def stale_claim_accepted(items: queue.WorkQueue, item: int, claim: int) -> Refused | None:
    """Whoever names a claimed item may end it, under whichever claim."""
    row = items.rows.get(item)
    return None if row is not None and row.state == "claimed" else Refused("It is not claimed.")


@mutant("leases", work, "_end_claim")
def later_claim_expires(tables: Any, item: int, claim: int, *rest: Any) -> Effect:
    """Ending a claim that is no longer current ends the one that is."""
    row = tables.work.rows.get(item)
    current = row.claim.index if row is not None and row.state == "claimed" else claim
    return _end_claim(tables, item, current, *rest)


@mutant("leases", LeaseTable, "renew")
def renewals_not_taken(leases: LeaseTable, *_: object) -> tuple[ClaimKey, ...]:
    """Renewals change nothing, so that claims of live workers expire."""
    return ()


@mutant("leases", LeaseTable, "__init__")
def new_leader_expires_at_once(leases: LeaseTable, ttl_s: float) -> None:
    """A new leader takes what it never heard of for silent, and expires it at once."""
    leases.ttl_s, leases._heard = ttl_s, _Silent()


class _Silent(dict[ClaimKey, float]):
    def get(self, key: ClaimKey, default: Any = None) -> Any:
        return super().get(key, float("-inf"))
