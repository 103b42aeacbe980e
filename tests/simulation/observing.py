"""A cluster of nodes without a protocol: one true state, applied and reported node by node."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import pytest
from cluster_support import CONFIG, joins

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Applied, Done, Result
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.ready import Origin
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.checkers.violation import Rule, Violation
from ringrift.wire.events import AnyEvent
from ringrift.wire.log import Entry, Voters

VOTERS = ("a", "b", "c")
BLANK = c.encode_command(c.Blank())


class Clock:
    """Virtual time that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@contextmanager
def caught(rule: Rule, node: str | None = None) -> Iterator[None]:
    """Expect exactly this rule to be found broken (on that node)."""
    with pytest.raises(Violation) as found:
        yield
    assert found.value.rule == rule, found.value
    assert node is None or found.value.node == node, found.value


def forged(
    index: int,
    *,
    command: c.Command | None = None,
    session: int = 0,
    seq: int = 0,
    term: int = 1,
    voters: Voters | None = None,
    result: Result | None = None,
    first: int | None = None,
    events: tuple[AnyEvent, ...] = (),
) -> Applied:
    """An applied entry of a test's choosing, right or wrong."""
    data = c.encode_command(command or c.Blank())
    entry = Entry(index, term, 1000, session, seq, data, voters)
    return Applied(entry, first or index, result or Done("nothing"), events)


class Cluster:
    """Nodes a, b and c, all applying one true state; only node "a" unless told otherwise."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.watch = Observer(self.clock, VOTERS)
        self.truth = ClusterState()
        self.history: list[Applied] = []
        self.term = 1
        for node in VOTERS:
            self.watch.started(node, Origin(voters=VOTERS), ())

    @staticmethod
    def founded() -> "Cluster":
        """Session 1 open, node "n" a member in life 1, hex8_2p active: entries 1 to 3."""
        cluster = Cluster()
        cluster.enter(c.OpenSession(owner="n", boot=1), 0, 0)
        cluster.enter(joins("n"), 1, 1)
        cluster.enter(c.SetConfigMode(config=CONFIG, mode="active", by="n"), 1, 2)
        return cluster

    @property
    def log(self) -> tuple[Entry, ...]:
        return tuple(applied.entry for applied in self.history)

    def decide(
        self, command: c.Command, session: int, seq: int, voters: Voters | None = None
    ) -> Applied:
        """One more entry of the truth, seen by nobody yet."""
        data = c.encode_command(command)
        entry = Entry(self.truth.index + 1, self.term, 1000, session, seq, data, voters)
        self.history.append(self.truth.apply(entry))
        return self.history[-1]

    def truth_now(self) -> ClusterState:
        """A copy of the truth that goes on no more."""
        return deepcopy(self.truth)

    def enter(self, command: c.Command, session: int, seq: int) -> Applied:
        """One more entry, applied on "a"."""
        applied = self.decide(command, session, seq)
        self.watch.applied("a", applied)
        return applied

    def blanks(self, count: int) -> None:
        """`count` entries without effect, applied on "a"."""
        for _ in range(count):
            self.enter(c.Blank(), 0, 0)

    def catch_up(self, *nodes: str) -> None:
        """Let nodes apply all that they have not applied yet."""
        for node in nodes:
            for applied in self.history[self.watch.history.applied_index(node) :]:
                self.watch.applied(node, applied)
