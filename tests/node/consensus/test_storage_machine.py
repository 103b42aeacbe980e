"""Any interleaving of writes, cuts, snapshots, crashes and full disks, against a plain model.

After every crash the directory must hold everything that was synced and not cut since, nothing that
was never written, and what a write that was cut short may leave: its old or its new beginning.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import hypothesis.strategies as st
from cluster_support import INCARNATION
from fused_disk import FusedDisk, PowerCut
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from ringrift.node.cluster.commands import Blank, ChangeVoters, encode_command
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.ready import HardState, Origin, Ready
from ringrift.node.consensus.storage import Recovered, Storage, found_empty
from ringrift.node.runtime.disk import DiskFullError
from ringrift.wire.log import Entry, Voters

NODES = ("a", "b", "c")
SEGMENT_BYTES = (350, 2_500)
LIVES = 300
STEPS = 80
FUSES = st.none() | st.integers(0, 14)
ROOMS = st.none() | st.integers(0, 250)


@dataclass(frozen=True)
class Model:
    """What was written: `entries` follow `base`; up to `synced` they are durable for sure."""

    hard: HardState = field(default_factory=HardState)
    base: Origin = field(default_factory=Origin)
    entries: tuple[Entry, ...] = ()
    synced: int = 0
    snapshot: Origin = field(default_factory=Origin)

    @property
    def last(self) -> int:
        return self.base.index + len(self.entries)

    def term_at(self, index: int) -> int:
        return self.entry(index).term if index > self.base.index else self.base.term

    def entry(self, index: int) -> Entry:
        return self.entries[index - self.base.index - 1]

    def upto(self, index: int) -> tuple[Entry, ...]:
        return self.entries[: max(0, index - self.base.index)]

    def voters_at(self, index: int) -> Voters:
        named = [e.voters for e in self.upto(index) if e.voters is not None]
        return named[-1] if named else self.base.voters

    def written(self, ready: Ready) -> "Model":
        after = replace(self, hard=ready.hard_state or self.hard)
        if ready.truncate_after is not None:
            synced = min(self.synced, ready.truncate_after)
            if ready.truncate_after < self.last:
                synced = ready.truncate_after
            after = replace(after, entries=self.upto(ready.truncate_after), synced=synced)
        if ready.restart is not None:
            restarted = ready.restart
            after = replace(after, base=restarted, entries=(), synced=restarted.index)
        return replace(after, entries=after.entries + ready.entries)

    def after_crash(self, snapshot: Origin, last: int) -> tuple[Entry, ...]:
        """What is to be found behind a snapshot when the log survived up to `last`."""
        if last < snapshot.index or self.term_at(snapshot.index) != snapshot.term:
            return ()
        return tuple(entry for entry in self.upto(last) if entry.index > snapshot.index)


def picture(origin: Origin) -> list[bytes]:
    state = ClusterState()
    state.index, state.term, state.voters = origin.index, origin.term, origin.voters
    return list(state.snapshot(INCARNATION))


class StorageMachine(RuleBasedStateMachine):
    """One member's directory; `commit` is what Raft would never cut again."""

    @initialize(seed=st.integers(0, 2**32), segment_bytes=st.sampled_from(SEGMENT_BYTES))
    def found(self, seed: int, segment_bytes: int) -> None:
        self.segment_bytes = segment_bytes
        self.seen: Counter[str] = Counter()
        self.disk = FusedDisk(random.Random(seed))
        found_empty(self.disk, INCARNATION, "a")
        self.model = Model()
        self.commit = 0
        self.number = 0
        self.reopen()

    def reopen(self) -> Recovered:
        self.storage, found = Storage.recover(self.disk, INCARNATION, "a", self.segment_bytes)
        terms = [found.origin.term, *(entry.term for entry in found.entries)]
        assert terms == sorted(terms) and terms[-1] <= found.hard_state.term
        indexes = [entry.index for entry in found.entries]
        assert indexes == [found.origin.index + 1 + i for i in range(len(indexes))]
        assert (found.state.index, found.state.term, found.state.voters) == (
            found.origin.index, found.origin.term, found.origin.voters,
        )  # fmt: skip
        return found

    def do(self, steps: Callable[[], None], after: Model, fuse: int | None) -> None:
        """Take steps that lead to `after`, unless the power goes on the way."""
        self.disk.fuse = fuse
        try:
            steps()
        except PowerCut:
            self.seen["power cut in a step"] += 1
            self.lose_power(after)
        else:
            self.disk.fuse = None
            self.model = after

    def lose_power(self, after: Model) -> None:
        torn = self.disk.torn
        self.disk.crash()
        self.disk.capacity = None
        found = self.reopen()
        if self.disk.torn > torn:
            self.seen["torn"] += 1
        before = self.model
        assert found.hard_state in (before.hard, after.hard)
        assert found.origin in (before.snapshot, after.snapshot)
        possible = set(self.possible(before, after, found.origin))
        assert tuple(found.entries) in possible
        assert before.snapshot.index <= found.origin.index
        self.adopt(found)

    @staticmethod
    def possible(before: Model, after: Model, snapshot: Origin) -> Iterator[tuple[Entry, ...]]:
        restarted = after.base != before.base and snapshot == after.base
        kept = 0 if restarted else min(before.synced, after.synced)
        for last in range(kept, before.last + 1):
            yield before.after_crash(snapshot, last)
        for last in range(after.synced, after.last + 1):
            if not restarted or snapshot == after.base:
                yield after.after_crash(snapshot, last)

    def adopt(self, found: Recovered) -> None:
        last = found.origin.index + len(found.entries)
        assert last >= self.commit
        for entry in found.entries:
            if self.model.base.index < entry.index <= self.commit:
                assert entry == self.model.entry(entry.index)
        self.model = Model(found.hard_state, found.origin, tuple(found.entries), last, found.origin)
        self.commit = max(self.commit, found.origin.index)

    @rule(
        higher=st.booleans(),
        vote=st.sampled_from([None, *NODES]),
        cut=st.none() | st.integers(0, 12),
        sizes=st.lists(st.integers(0, 120), max_size=5),
        old=st.booleans(),
        voters=st.none() | st.sampled_from([("a",), NODES]),
        fuse=FUSES,
        room=ROOMS,
        patient=st.booleans(),
    )
    def write(
        self,
        higher: bool,
        vote: str | None,
        cut: int | None,
        sizes: list[int],
        old: bool,
        voters: Voters | None,
        fuse: int | None,
        room: int | None,
        patient: bool,
    ) -> None:
        model = self.model
        hard = None
        if higher:
            hard = HardState(model.hard.term + 1, vote)
        elif model.hard.voted_for is None and model.hard.term > 0:
            hard = HardState(model.hard.term, vote)
        term = (hard or model.hard).term
        if term == 0:
            return
        after_index = None if cut is None else max(self.commit, model.last - cut)
        start = model.last if after_index is None else after_index
        term = max(1, model.term_at(start)) if old else term
        entries = [self.entry(start + 1 + i, term, size) for i, size in enumerate(sizes)]
        if entries and voters is not None:
            command = encode_command(ChangeVoters())
            entries[-1] = Entry(entries[-1].index, term, 0, 0, 0, command, voters)
        self.number += 1
        ready = Ready(self.number, hard, truncate_after=after_index, entries=tuple(entries))
        self.do(lambda: self.patiently(ready, room, patient), model.written(ready), fuse)

    def entry(self, index: int, term: int, size: int) -> Entry:
        # The session tells apart entries of one index and term that were written at two times.
        return Entry(index, term, size, self.number + 1, 0, encode_command(Blank()) + bytes(size))

    def patiently(self, ready: Ready, room: int | None, patient: bool) -> None:
        """Write a batch to a disk that is full at first."""
        self.disk.capacity = None if room is None else self.disk.used + room
        while True:
            try:
                self.storage.write(ready)
            except DiskFullError:
                self.seen["full"] += 1
                if not patient:
                    raise PowerCut from None
                assert self.disk.capacity is not None
                self.disk.capacity += 60
            else:
                self.disk.capacity = None
                return

    @rule(fuse=FUSES, commit=st.integers(0, 12))
    def sync(self, fuse: int | None, commit: int) -> None:
        self.do(self.storage.sync, replace(self.model, synced=self.model.last), fuse)
        self.commit = max(self.commit, self.model.synced - commit)

    @rule(fuse=FUSES, kept=st.integers(0, 6), room=ROOMS)
    def snapshot(self, fuse: int | None, kept: int, room: int | None) -> None:
        model, index = self.model, self.commit
        if index <= model.snapshot.index:
            return
        origin = Origin(index, model.term_at(index), model.voters_at(index))

        def steps() -> None:
            if self.store(origin, room):
                self.storage.compact(index - kept)

        after = replace(model, snapshot=origin)
        self.do(steps, after, fuse)
        if origin.index not in self.stored():
            self.model = replace(self.model, snapshot=model.snapshot)

    @rule(fuse=FUSES, ahead=st.integers(1, 9), old=st.booleans())
    def install(self, fuse: int | None, ahead: int, old: bool) -> None:
        """Take a leader's snapshot, and forget the log where it is of another history."""
        model, index = self.model, self.commit + ahead
        floor = model.term_at(self.commit)
        if model.hard.term == 0:
            return
        term = model.hard.term
        if old:
            term = max(1, floor)
        same = index <= model.last and model.term_at(index) == term
        voters = model.voters_at(index) if same else NODES
        origin = Origin(index, term, voters)
        self.number += 1
        ready = Ready(self.number, restart=None if same else origin)

        def steps() -> None:
            assert self.store(origin, None)
            self.storage.write(ready)

        after = replace(model.written(ready), snapshot=origin)
        self.do(steps, after, fuse)
        if self.model.snapshot == origin:
            self.commit = max(self.commit, index)

    def store(self, origin: Origin, room: int | None) -> bool:
        self.disk.capacity = None if room is None else self.disk.used + room
        chunks = picture(origin)
        stored = True
        for number, chunk in enumerate(chunks):
            final = number == len(chunks) - 1
            stored = self.storage.store(origin.index, number, chunk, final=final)
        self.disk.capacity = None
        assert stored or not any(name.endswith(".tmp") for name in self.disk.names())
        return stored

    def stored(self) -> list[int]:
        return [int(n.removesuffix(".snap")) for n in self.disk.names() if n.endswith(".snap")]

    @rule()
    def crash(self) -> None:
        self.lose_power(self.model)

    @rule(clean=st.booleans())
    def end(self, clean: bool) -> None:
        """The process ends, by its own will or killed; the machine goes on."""
        if clean:
            self.storage.seal()
        found = self.reopen()
        assert not found.torn
        assert (found.hard_state, found.origin) == (self.model.hard, self.model.snapshot)
        expected = self.model.after_crash(self.model.snapshot, self.model.last)
        assert tuple(found.entries) == expected
        self.adopt(found)


StorageMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestStorageMachine = StorageMachine.TestCase


def test_long_lives_of_many_members() -> None:
    """The same rules, drawn evenly: deeper than examples that want to stay small."""
    seen: Counter[str] = Counter()
    for seed in range(LIVES):
        rng = random.Random(seed)
        machine = StorageMachine()
        machine.found(seed, rng.choice(SEGMENT_BYTES))
        for _ in range(STEPS):
            fuse = rng.choice([None, None, rng.randint(0, 14)])
            room = rng.choice([None, None, rng.randint(0, 250)])
            match rng.choice(["write", "write", "write", "sync", "sync", "rest"]):
                case "write":
                    sizes = [rng.randint(0, 120) for _ in range(rng.randint(0, 5))]
                    cut = rng.choice([None, rng.randint(0, 12)])
                    voters = rng.choice([None, ("a",), NODES])
                    vote = rng.choice([None, *NODES])
                    higher, old, patient = (rng.random() < 0.4 for _ in range(3))
                    machine.write(higher, vote, cut, sizes, old, voters, fuse, room, patient)
                case "sync":
                    machine.sync(fuse, rng.randint(0, 12))
                case _:
                    rest = [
                        machine.crash,
                        lambda: machine.end(rng.random() < 0.5),  # noqa: B023
                        lambda: machine.snapshot(fuse, rng.randint(0, 6), room),  # noqa: B023
                        lambda: machine.install(fuse, rng.randint(1, 9), rng.random() < 0.5),  # noqa: B023
                    ]
                    rng.choice(rest)()
        seen += machine.seen
    assert min(seen[what] for what in ("power cut in a step", "torn", "full")) > LIVES
