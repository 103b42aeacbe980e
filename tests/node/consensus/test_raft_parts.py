"""The parts of the Raft core, each against a model that is too simple to be wrong."""

import random
from collections.abc import Sequence
from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.consensus.raft.outbox import Outbox
from ringrift.node.consensus.raft.progress import MAX_IN_FLIGHT, Progress
from ringrift.node.consensus.raft.reads import Reads
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.raft.tail import Tail
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.raft.transfer import WINDOW, Incoming, Outgoing
from ringrift.wire.log import NO_SESSION, Entry, Voters
from ringrift.wire.raft import (
    MAX_APPEND_BYTES,
    MAX_APPEND_ENTRIES,
    SnapshotChunk,
    TimeoutNow,
)

LOCAL = TIMINGS["local"]


def entry(index: int, term: int, command: bytes = b"", voters: Voters | None = None) -> Entry:
    return Entry(index, term, index, NO_SESSION, 0, command, voters)


def log(terms: Sequence[int]) -> list[Entry]:
    return [entry(index, term) for index, term in enumerate(terms, 1)]


# Tail.


@st.composite
def tails(draw: st.DrawFn) -> tuple[Tail, list[Entry], int]:
    """A tail after random appends, cuts and compactions; all entries ever kept; the origin."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    tail, kept, origin = Tail(Origin(voters=("a",))), list[Entry](), 0
    for _ in range(draw(st.integers(0, 30))):
        match rng.randrange(4):
            case 0 | 1:
                term = (kept[-1].term if kept else 1) + rng.randrange(2)
                voters = tuple(rng.sample("abc", 2)) if rng.random() < 0.3 else None
                kept.append(entry(len(kept) + 1, term, b"", voters))
                tail.append(kept[-1:])
            case 2:
                after = rng.randint(tail.commit, len(kept))
                tail.truncate(after)
                del kept[after:]
            case _:
                tail.commit_to(rng.randint(tail.commit, len(kept)))
                tail.applied = rng.randint(tail.applied, tail.commit)
                through = rng.randint(origin, tail.applied)
                tail.compact(through)
                origin = through
    return tail, kept, origin


@given(tails())
def test_a_tail_is_the_end_of_the_log(made: tuple[Tail, list[Entry], int]) -> None:
    tail, kept, origin = made
    named = [one for one in kept if one.voters is not None]
    assert (tail.first_index, tail.last_index) == (origin + 1, len(kept))
    assert tail.last_term == (kept[-1].term if kept else 0)
    assert tail.last_at_ms == (len(kept) if len(kept) > origin else 0)
    assert tail.voters == (named[-1].voters if named else ("a",))
    assert tail.voters_index == max(origin, named[-1].index if named else 0)
    namings = [(0, ("a",)), *((one.index, one.voters) for one in named)]
    undecided = len(namings) > 1 and namings[-1][0] > tail.commit
    counts = [voters for _, voters in namings[-2 if undecided else -1 :] if voters]
    for node in "abcd":
        assert tail.may_lead(node) == any(node in voters for voters in counts)
    assert tail.between(origin, len(kept)) == tail.batch(origin) == tuple(kept[origin:])
    for index in range(len(kept) + 2):
        term = kept[index - 1].term if 0 < index <= len(kept) else 0 if index == 0 else None
        assert tail.term_at(index) == (None if index < origin else term)


def test_a_tail_forgets_all_for_a_snapshot() -> None:
    tail = Tail(Origin(voters=("a", "b")), [entry(1, 1, voters=("a",)), entry(2, 1)])
    tail.commit_to(1)
    tail.restart(Origin(9, 3, ("a", "c")))
    assert (tail.commit, tail.applied, tail.last_index, tail.last_term) == (9, 9, 9, 3)
    assert (tail.voters, tail.voters_index, tail.last_at_ms) == (("a", "c"), 9, 0)
    assert not tail.commit_to(9)
    tail.compact(5)
    assert tail.origin.index == 9


def test_a_batch_is_bounded_in_entries_and_in_bytes() -> None:
    many = Tail(Origin(), log([1] * (MAX_APPEND_ENTRIES + 5)))
    assert len(many.batch(0)) == MAX_APPEND_ENTRIES
    assert len(many.batch(MAX_APPEND_ENTRIES)) == 5
    big = Tail(Origin(), [entry(index, 1, bytes(MAX_APPEND_BYTES // 3)) for index in range(1, 9)])
    assert [one.index for one in big.batch(2)] == [3, 4, 5, 6]


@st.composite
def two_logs(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """The terms of two logs as Raft allows them: where they part, they differ ever after."""
    common = sorted(draw(st.lists(st.integers(1, 6), max_size=12)))
    least = common[-1] if common else 1
    terms = st.lists(st.integers(least, 12), max_size=12).map(sorted)
    ours = draw(terms.map(lambda own: [term for term in own if term % 2]))
    theirs = draw(terms.map(lambda own: [term for term in own if not term % 2]))
    return common + ours, common + theirs


@given(two_logs())
def test_refusals_find_where_logs_agree_and_skip_whole_terms(
    logs: tuple[list[int], list[int]],
) -> None:
    ours, theirs = Tail(Origin(), log(logs[0])), Tail(Origin(), log(logs[1]))
    common = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(*logs, strict=False))))
    progress, refusals = Progress(ours.last_index + 1, 0.0), 0
    while theirs.term_at(progress.next - 1) != ours.term_at(progress.next - 1):
        prev = progress.next - 1
        term = ours.term_at(prev)
        assert term is not None
        hint, hint_term = theirs.agreement(prev, term)
        agreement, _ = ours.agreement(hint, hint_term)
        assert progress.refused(prev, agreement)
        assert common <= progress.next - 1 < prev
        refusals += 1
    assert (
        progress.next - 1 == common or logs[1][: progress.next - 1] == logs[0][: progress.next - 1]
    )
    assert refusals <= len(set(logs[0][common:])) + 1


# Outbox.


class Disk:
    """What is written, write by write, and what an outbox promised of it."""

    def __init__(self) -> None:
        self.log: list[int] = []
        self.term = 0

    def write(self, ready: Ready) -> None:
        if ready.hard_state is not None:
            self.term = ready.hard_state.term
        if ready.restart is not None:
            self.log = [0] * ready.restart.index
        if ready.truncate_after is not None:
            del self.log[ready.truncate_after :]
        self.log += [one.term for one in ready.entries]


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_what_an_outbox_calls_durable_survives_every_crash(seed: int, steps: int) -> None:
    rng = random.Random(seed)
    outbox, memory, term, hard = Outbox(0), list[int](), 0, 0
    disk, under_way, number = Disk(), list[Ready](), 0
    for _ in range(steps):
        match rng.randrange(6):
            case 0:
                term += 1
                hard = term
                outbox.vote(HardState(hard))
            case 1:
                term += 1
                added = [entry(len(memory) + 1 + i, term) for i in range(rng.randint(1, 3))]
                memory += [term] * len(added)
                outbox.append(added)
            case 2:
                after = rng.randint(0, len(memory))
                del memory[after:]
                outbox.truncate(after)
            case 3 if rng.random() < 0.3:
                memory = [0] * rng.randint(1, len(memory) + 3)
                outbox.restart(Origin(len(memory)))
            case 4:
                if under_way:
                    done = rng.randint(1, len(under_way))
                    for ready in under_way[:done]:
                        disk.write(ready)
                    number = under_way[done - 1].number
                    outbox.synced(number)
                    del under_way[:done]
            case _:
                outbox.say("b", TimeoutNow(hard))
                ready = outbox.take((), len(memory), 0.0)
                assert ready is not None
                assert not ready.send or disk.term == hard
                under_way.append(ready)
        assert outbox.hard_state_is_durable == (disk.term == hard)
        assert outbox.durable <= len(memory)
        _assert_survives(outbox.durable, memory, disk, under_way)


def _assert_survives(durable: int, memory: list[int], disk: Disk, under_way: list[Ready]) -> None:
    """However many of the writes under way a crash leaves, `durable` entries are those of now.

    A snapshot's entries (term 0) are durable by themselves: they count without the log.
    """
    crashed = Disk()
    crashed.log = list(disk.log)
    for ready in [None, *under_way]:
        if ready is not None:
            crashed.write(ready)
        from_log = [index for index in range(durable) if memory[index] != 0]
        assert [crashed.log[index] for index in from_log] == [memory[index] for index in from_log]


def test_an_outbox_knows_a_disk_that_does_not_answer() -> None:
    outbox = Outbox(0)
    assert outbox.take((), 0, 1.0) is None
    outbox.append([entry(1, 1)])
    assert not outbox.stalled(9.0, 2.0)
    ready = outbox.take((), 1, 1.0)
    assert ready is not None
    assert not outbox.stalled(3.0, 2.0)
    assert outbox.stalled(3.1, 2.0)
    outbox.synced(ready.number)
    assert (outbox.durable, outbox.stalled(9.0, 2.0)) == (1, False)


# Progress.


@given(st.integers(0, 2**32), st.integers(1, 80))
def test_progress_believes_nothing_late_and_sends_a_bounded_number(seed: int, steps: int) -> None:
    rng = random.Random(seed)
    progress, last, has = Progress(1, 0.0), 0, 0
    answers = list[tuple[bool, int, int]]()
    for _ in range(steps):
        match = progress.match
        last += rng.randint(0, 2)
        if progress.may_send and progress.next <= last:
            prev, upto = progress.next - 1, min(last, progress.next + rng.randint(0, 2))
            progress.sent(upto)
            if prev <= has:
                has = max(has, upto)
                answers.append((True, prev, upto))
            else:
                answers.append((False, prev, has))
        elif rng.random() < 0.3:
            progress.waiting = False
        if rng.random() < 0.2 and progress.state == "replicate":
            answers.append(
                (progress.next - 1 <= has, progress.next - 1, min(has, progress.next - 1))
            )
        if answers and rng.random() < 0.8:
            accepted, prev, index = answers[rng.randrange(len(answers))]
            if accepted:
                progress.accepted(prev, index)
            else:
                progress.refused(prev, index)
        if rng.random() < 0.1:
            has = rng.randint(progress.match, has)
            answers = [one for one in answers if not one[0] or one[2] <= has]
        assert match <= progress.match <= has
        assert progress.match < progress.next <= last + 1
        assert len(progress.in_flight) <= MAX_IN_FLIGHT
        assert list(progress.in_flight) == sorted(progress.in_flight)
        assert progress.state == "replicate" or not progress.in_flight


def test_progress_awaiting_a_snapshot_sends_and_believes_nothing_else() -> None:
    progress = Progress(9, 0.0)
    progress.await_snapshot()
    assert not progress.may_send
    assert not progress.refused(8, 3)
    progress.accepted(0, 4)
    assert (progress.state, progress.match) == ("snapshot", 4)


# Reads.


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_read_is_answered_once_by_a_round_that_began_after_it(seed: int, steps: int) -> None:
    rng = random.Random(seed)
    reads, asked, answered = Reads(), dict[int, tuple[int, int]](), set[int]()
    commit, began, proven = 0, 0, 0
    for token in range(steps):
        commit += rng.randint(0, 1)
        if rng.random() < 0.5:
            asked[token] = (commit, began)
            reads.ask(token)
        if reads.want_round:
            began += 1
            reads.begin(began, commit)
        if rng.random() < 0.5:
            proven = rng.randint(proven, began)
        for read in reads.proven(proven):
            asked_at, before = asked[read.token]
            assert read.index is not None and asked_at <= read.index <= commit
            assert before < proven
            assert read.token not in answered
            answered.add(read.token)
    lost = reads.lost()
    assert all(read.index is None for read in lost)
    assert {read.token for read in lost} | answered == set(asked)
    assert len(lost) + len(answered) == len(asked)


# Transfer.


class Receiver:
    """A follower that stores what it is told to, installs later, and may lose all of it."""

    def __init__(self) -> None:
        self.incoming = Incoming()
        self.stored: list[int] = []
        self.installing = False
        self.installed: list[int] | None = None

    def take(self, chunk: SnapshotChunk) -> int | None:
        taken = self.incoming.take("a", chunk)
        if taken.first:
            self.stored = []
        if taken.store:
            self.stored.append(chunk.number)
        assert self.stored == list(range(len(self.stored)))
        if taken.last:
            self.installing = True
        return taken.acknowledge

    def install(self) -> int:
        self.installing, self.installed = False, self.stored
        return self.incoming.installed()


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_a_transfer_ends_when_its_network_heals(seed: int, parts: int) -> None:
    rng = random.Random(seed)
    outgoing, receiver = Outgoing(7, parts, LOCAL, 0.0), Receiver()
    chunks, acks, now = list[int](), list[int](), 0.0
    for step in range(400):
        bad = step < 150
        now = min(now + 0.05, outgoing.next_retry()) if rng.random() < 0.5 else now
        due = outgoing.due(now)
        assert len(due) <= WINDOW
        chunks += [number for number in due if not (bad and rng.random() < 0.4)]
        if chunks:
            place = rng.randrange(len(chunks)) if bad else 0
            number = chunks[place] if bad and rng.random() < 0.2 else chunks.pop(place)
            ack = receiver.take(SnapshotChunk(3, 7, number, number == parts - 1, b""))
            acks += [] if ack is None else [ack]
        if receiver.installing and rng.random() < 0.3:
            acks.append(receiver.install())
        if bad and rng.random() < 0.03:
            receiver = Receiver()
        if acks and rng.random() < 0.7:
            place = rng.randrange(len(acks)) if bad else 0
            outgoing.acknowledged(acks.pop(place), now)
        if outgoing.done:
            break
    assert outgoing.done
    assert receiver.installed is None or receiver.installed == list(range(parts))


def test_a_silent_receiver_is_given_up() -> None:
    outgoing = Outgoing(7, 3, LOCAL, 0.0)
    assert list(outgoing.due(0.0)) == [0, 1, 2]
    assert list(outgoing.due(0.1)) == []
    outgoing.acknowledged(4, 0.1)
    assert not outgoing.done
    assert not outgoing.failed(10 * LOCAL.election)
    assert outgoing.failed(10 * LOCAL.election + 0.1)


def test_a_damaged_snapshot_is_sent_again_from_its_beginning() -> None:
    outgoing, receiver = Outgoing(7, 2, LOCAL, 0.0), Receiver()
    for number in outgoing.due(0.0):
        ack = receiver.take(SnapshotChunk(3, 7, number, number == 1, b""))
        if ack is not None:
            outgoing.acknowledged(ack, 0.0)
    receiver.incoming.failed()
    assert list(outgoing.due(LOCAL.retry)) == [1]
    ack = receiver.take(SnapshotChunk(3, 7, 1, True, b""))
    assert ack == 0
    outgoing.acknowledged(ack, LOCAL.retry)
    assert list(outgoing.due(LOCAL.retry)) == []
    assert list(outgoing.due(outgoing.next_retry())) == [0, 1]


def test_nothing_is_taken_while_a_snapshot_is_installed() -> None:
    receiver = Receiver()
    receiver.take(SnapshotChunk(3, 7, 0, True, b""))
    assert receiver.incoming.busy(7)
    assert receiver.incoming.take("b", SnapshotChunk(4, 9, 0, True, b"")).acknowledge is None
    receiver.install()
    assert not receiver.incoming.busy(0)
    assert receiver.incoming.take("b", SnapshotChunk(4, 9, 0, False, b"")).first


def test_a_snapshot_overtaken_by_appends_keeps_nobody_busy() -> None:
    receiver = Receiver()
    receiver.take(SnapshotChunk(3, 7, 0, False, b""))
    assert receiver.incoming.busy(6)
    assert not receiver.incoming.busy(7)
