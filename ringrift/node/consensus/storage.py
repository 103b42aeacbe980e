"""What Raft wants kept, mapped to the files of one member's directory: vote, log and snapshots.

    found / found_empty ─> Recovery ─> Storage
    Storage.write(ready)   vote ─> restart ─> cut ─> append
    Storage.sync()         … and all that was written is durable

Everything here blocks; make one call at a time. After a `DiskFullError` the very same call may be
made again once there is room: a step that was done is not done twice. After any other error nothing
is known of the disk: end the process.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from ringrift.node.cluster.commands import ChangeVoters, encode_command
from ringrift.node.cluster.snapshot import Loader, SnapshotError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus import snapshots
from ringrift.node.consensus.log import REMEDY, SEGMENT_BYTES, SUFFIX, Log, LogCorruptError
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.record import HEADER_BYTES, read_record
from ringrift.node.consensus.snapshots import Draft, Reader
from ringrift.node.consensus.vote import Vote, read_vote, write_vote
from ringrift.node.runtime.disk import TEMPORARY, Disk, DiskFullError
from ringrift.wire.log import MAX_VOTERS, NO_SESSION, Entry, Voters

FOUNDING_TERM = 1
STEP_ENTRIES = 512
"""Entries that one step of a recovery reads."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a directory holds: `state` ends at `origin`, and `entries` follow it.

    `parts` is how many chunks the snapshot at `origin` has, 0 without one. `torn` says that a crash
    had left something unfinished, which was cut.
    """

    hard_state: HardState
    origin: Origin
    parts: int
    state: ClusterState
    entries: list[Entry]
    torn: bool


class Storage:
    """The durable side of one Raft member; see `recover`."""

    def __init__(self, disk: Disk, vote: Vote, log: Log) -> None:
        """For `Recovery` only."""
        self._disk = disk
        self._vote = vote
        self._log = log
        self._draft: Draft | None = None
        self._readers: dict[int, Reader] = {}

    @staticmethod
    def recover(
        disk: Disk, incarnation: str, node_id: str, segment_bytes: int = SEGMENT_BYTES
    ) -> "tuple[Storage, Recovered]":
        """`Recovery` in one go."""
        recovery = Recovery(disk, incarnation, node_id, segment_bytes)
        while (done := recovery.step()) is None:
            pass
        return done

    def write(self, ready: Ready) -> None:
        """Write a batch; its entries are durable after `sync`, all else is on return."""
        self._promise(ready)
        if ready.restart is not None:
            self._log.restart(ready.restart.index, ready.restart.term)
        if ready.truncate_after is not None and ready.truncate_after < self._log.last_index:
            self._log.truncate(ready.truncate_after)
        if self._vote.cutting:
            self._put(replace(self._vote, cutting=False))
        assert all(entry.term <= self._vote.term for entry in ready.entries), ready.number
        self._log.append(ready.entries)

    def sync(self) -> None:
        """Make all that was written durable; never for want of room a `DiskFullError`."""
        self._log.sync()

    def seal(self) -> None:
        """Note, at a clean end, how far the log is durable: damage to its end is then no tear."""
        self._put(replace(self._vote, sealed=self._log.synced_index))

    def store(self, index: int, number: int, chunk: bytes, *, final: bool) -> bool:
        """Keep chunk `number` of a snapshot that ends at `index`, of one's own or a received one.

        Chunk 0 begins it, and whatever else was unfinished is given up; the final one makes it
        durable. False when there was no room, now or at an earlier chunk: nothing of it is left.

        Hand over the final chunk of a received one only when a `Loader` has taken them all, and
        before the batch whose `restart` names it is written.
        """
        if number == 0:
            self._give_up()
            self._draft = Draft(self._disk, index)
        draft = self._draft
        if draft is None or (draft.index, draft.chunks) != (index, number):
            return False
        try:
            draft.add(chunk)
            if final:
                draft.commit()
        except DiskFullError:
            self._give_up()
            return False
        if final:
            self._draft = None
            self._readers.pop(index, None)
        return True

    def chunk(self, index: int, number: int) -> bytes | None:
        """Chunk `number` (from 0) of a stored snapshot, None when it is no longer stored.

        Raises SnapshotError when there is no such chunk, or the snapshot is damaged.
        """
        kept = snapshots.stored(self._disk)
        if index not in kept:
            return None
        if index not in self._readers:
            self._readers = {i: r for i, r in self._readers.items() if i in kept}
            self._readers[index] = Reader(self._disk, index)
        return self._readers[index].chunk(number)[0]

    def compact(self, through: int) -> None:
        """Forget the log up to `through`, but nothing that is needed behind the older snapshot.

        With only one snapshot nothing goes: should it rot, there is no other to start from.
        """
        taken = snapshots.stored(self._disk)
        if len(taken) >= snapshots.KEPT:
            self._log.compact(min(taken[-snapshots.KEPT], through))

    def _give_up(self) -> None:
        if self._draft is not None:
            self._draft.drop()
            self._draft = None

    def _promise(self, ready: Ready) -> None:
        """Make durable, before the log changes, the vote and how much of the log will remain."""
        kept = self._log.synced_index
        if ready.restart is not None:
            kept = min(kept, ready.restart.index)
        cutting = ready.truncate_after is not None and ready.truncate_after < kept
        if ready.truncate_after is not None:
            kept = min(kept, ready.truncate_after)
        hard, promised = ready.hard_state or self._vote.hard_state, self._vote.hard_state
        assert hard.term > promised.term or (
            hard.term == promised.term and promised.voted_for in (None, hard.voted_for)
        ), (hard, promised)
        if hard != promised or kept < self._vote.sealed or cutting:
            vote = replace(self._vote, term=hard.term, voted_for=hard.voted_for)
            self._put(replace(vote, sealed=kept, cutting=cutting))

    def _put(self, vote: Vote) -> None:
        if vote != self._vote:
            write_vote(self._disk, vote)
            self._vote = vote


def forget(disk: Disk) -> None:
    """Drop the log and the snapshots of a member that has no vote any more, if there are any.

    Others named voters without it, so nothing that was decided is only here. What it promised
    stays: should it vote again, it is told everything anew, and gives no vote twice. Raises
    LogCorruptError when the vote file is damaged.
    """
    vote = read_vote(disk)
    segments = sorted(name for name in disk.names() if name.endswith(SUFFIX))
    taken = [snapshots.name_of(index) for index in snapshots.stored(disk)]
    if vote is None or not segments + taken:
        return
    write_vote(disk, replace(vote, sealed=0, cutting=False))
    # From the end of the log on, and before the snapshots: what a crash leaves can be read.
    for name in [*reversed(segments), *reversed(taken)]:
        disk.remove(name)
        disk.fsync_dir()


class Recovery:
    """Reads a directory in bounded steps, so that its caller can pass a checkpoint in between."""

    def __init__(
        self, disk: Disk, incarnation: str, node_id: str, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._disk = disk
        self._incarnation = incarnation
        self._node_id = node_id
        self._segment_bytes = segment_bytes
        self._steps = self._run()

    def step(self) -> tuple[Storage, Recovered] | None:
        """Do the next step; the last one returns what was found.

        What a crash left unfinished is put in order. Raises LogCorruptError, one sentence, when
        anything else is wrong. A DiskFullError ends this recovery, but another may be begun.
        """
        return next(self._steps)

    def _run(self) -> Iterator[tuple[Storage, Recovered] | None]:
        vote = self._read_vote()
        for name in self._disk.names():
            if name.endswith(TEMPORARY):
                self._disk.remove(name)
        taken = snapshots.stored(self._disk)
        log = self._read_log(vote, taken[-1] if taken else 0)
        yield None
        state, parts = ClusterState(), 0
        if taken:
            loader = Loader(self._incarnation)
            try:
                for chunk in snapshots.chunks(self._disk, taken[-1]):
                    loader.feed(chunk)
                    parts += 1
                    yield None
                state = ClusterState.restored(loader)
                if state.index != taken[-1]:
                    name = snapshots.name_of(taken[-1])
                    raise SnapshotError(f"Snapshot {name} ends at entry {state.index}.")
            except SnapshotError as error:
                raise self._unreadable(str(error), taken, log) from error
        vote = self._join(vote, state, log)
        entries: list[Entry] = []
        for entry in log.entries(state.index):
            entries.append(entry)
            if len(entries) % STEP_ENTRIES == 0:
                yield None
        origin = Origin(state.index, state.term, state.voters)
        recovered = Recovered(vote.hard_state, origin, parts, state, entries, log.torn)
        yield Storage(self._disk, vote, log), recovered

    def _read_vote(self) -> Vote:
        vote = read_vote(self._disk)
        if vote is None:
            raise LogCorruptError(f"The directory has no vote file; {REMEDY}.")
        if vote.incarnation != self._incarnation:
            raise LogCorruptError(
                f"The directory is of cluster {vote.incarnation}, not of {self._incarnation}; "
                f"{REMEDY}."
            )
        if vote.node != self._node_id:
            raise LogCorruptError(
                f"The directory is of node {vote.node}, not of {self._node_id}; {REMEDY}."
            )
        return vote

    def _read_log(self, vote: Vote, newest_snapshot: int) -> Log:
        return Log.recover(
            self._disk,
            bytes.fromhex(self._incarnation),
            # Up to the snapshot the log may be missing: it is about to be restarted there.
            sealed=vote.sealed if vote.sealed > newest_snapshot else 0,
            cut_after=vote.sealed if vote.cutting else None,
            segment_bytes=self._segment_bytes,
        )

    def _unreadable(self, error: str, taken: list[int], log: Log) -> LogCorruptError:
        """Why the newest snapshot stops the node, and the way out."""
        newest, *older = reversed(taken)
        if older and log.first_index <= older[0] + 1 and log.last_index >= newest:
            return LogCorruptError(
                f"{error.removesuffix('.')}; remove {snapshots.name_of(newest)} to start from "
                f"{snapshots.name_of(older[0])} and the log."
            )
        return LogCorruptError(f"{error.removesuffix('.')}; {REMEDY}.")

    def _join(self, vote: Vote, state: ClusterState, log: Log) -> Vote:
        """Let the log follow the snapshot, restarting it where a crash came before that was done.

        Returns the vote as it then stands in its file.
        """
        if vote.term < log.last_term:
            raise LogCorruptError(
                f"The vote file is of term {vote.term}, but the log of term {log.last_term}; "
                f"{REMEDY}."
            )
        if log.first_index > state.index + 1:
            raise LogCorruptError(
                f"The log begins at entry {log.first_index}, but the snapshot ends at "
                f"{state.index}; {REMEDY}."
            )
        if log.first_index == state.index + 1:
            log.begin_after(state.index, state.term)
        restart = log.term_at(state.index) != state.term
        put = replace(vote, cutting=False)
        if restart:
            put = replace(put, sealed=min(put.sealed, state.index))
        if vote.term < state.term:
            put = replace(put, term=state.term, voted_for=None)
        if put != vote:
            write_vote(self._disk, put)
        if restart:
            log.restart(state.index, state.term)
        return put


def founded(disk: Disk) -> bool:
    """Whether a member lives in the directory; not so where a crash cut its founding short."""
    vote = read_vote(disk)
    if vote is None:
        return any(not name.endswith(TEMPORARY) for name in disk.names())
    new = (vote.term, vote.voted_for, vote.sealed) == (FOUNDING_TERM, None, 1)
    return not new or _has_entry_1(disk)


def found(disk: Disk, incarnation: str, node_id: str, voters: Voters) -> None:
    """Found a cluster in a directory where nobody lives: entry 1 names its voters.

    Every voter's entry 1 is the same, so that each may found its own directory.
    """
    assert not founded(disk)
    assert node_id in voters and list(voters) == sorted(set(voters)), voters
    assert len(voters) <= MAX_VOTERS, voters
    for name in disk.names():
        if name.endswith(SUFFIX):
            disk.remove(name)
    # The vote goes first and claims the entry: without the entry the founding is seen to be cut
    # short, while an entry without a vote could be that of a member that lost its vote.
    vote = Vote(incarnation=incarnation, node=node_id, term=FOUNDING_TERM, voted_for=None, sealed=1)
    write_vote(disk, vote)
    log = Log(disk, bytes.fromhex(incarnation))
    command = encode_command(ChangeVoters())
    log.append([Entry(1, FOUNDING_TERM, 0, NO_SESSION, 0, command, voters)])
    log.sync()


def found_empty(disk: Disk, incarnation: str, node_id: str) -> None:
    """Let a node that joins a cluster, and knows nothing yet, live in a directory."""
    assert not founded(disk)
    vote = Vote(incarnation=incarnation, node=node_id, term=0, voted_for=None, sealed=0)
    write_vote(disk, vote)


def _has_entry_1(disk: Disk) -> bool:
    logs = [name for name in disk.names() if name.endswith(SUFFIX)]
    return bool(logs) and read_record(disk.read(logs[0]), HEADER_BYTES) is not None
