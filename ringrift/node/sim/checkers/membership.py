"""Voters change one node at a time, and each change is decided before the next begins."""

from bisect import bisect_right
from collections.abc import Sequence

from ringrift.node.consensus.raft.ready import Origin
from ringrift.node.sim.checkers.history import Decided, History
from ringrift.node.sim.checkers.violation import Now, Rule, Violation
from ringrift.wire.log import Entry, Voters


class Membership:
    """The decided changes in order, and those in each node's log, decided or not."""

    def __init__(self, now: Now, voters: Voters, history: History) -> None:
        self._now = now
        self._history = history
        self._decided: list[tuple[int, Voters]] = [(0, voters)]
        self._logs: dict[str, list[tuple[int, Voters]]] = {}
        self._bases: dict[str, Voters] = {}

    def decided(self, decided: Decided) -> None:
        """One more entry of the history, in order."""
        voters = decided.applied.entry.voters
        if voters is not None:
            self._one_apart(decided.node, decided.index, self._decided[-1][1], voters)
            self._decided.append((decided.index, voters))

    def started(self, node: str, origin: Origin, log: Sequence[Entry]) -> None:
        self._check_origin(node, origin)
        self._bases[node] = origin.voters
        self._logs[node] = [(e.index, e.voters) for e in log if e.voters is not None]

    def installed(self, node: str, origin: Origin) -> None:
        self._check_origin(node, origin)
        self._bases[node], self._logs[node] = origin.voters, []

    def truncated(self, node: str, after_index: int) -> None:
        log = self._logs[node]
        while log and log[-1][0] > after_index:
            log.pop()

    def appended(self, node: str, index: int, voters: Voters) -> None:
        """A node, whatever its role, has put a change into its log."""
        self.truncated(node, index - 1)
        self._logs[node].append((index, voters))

    def obeys(self, node: str, voters: Voters) -> None:
        """A node counts by these voters now."""
        log = self._logs[node]
        newest = log[-1][1] if log else self._bases[node]
        if voters != newest:
            text = f"it counts by voters {_names(voters)}, but its log names {_names(newest)}."
            raise Violation("the newest voters in the log count", node, self._now(), text)

    def proposed(self, node: str, term: int, index: int, voters: Voters, commit_index: int) -> None:
        """The leader of `term` is about to append a change; `commit_index` is its own now."""
        before, previous = self._before(node, index)
        if before > commit_index:
            text = (
                f"it appended a change of voters at {index} while that at {before} is "
                f"undecided (commit index {commit_index})."
            )
            raise Violation("one membership change at a time", node, self._now(), text)
        self._one_apart(node, index, previous, voters)
        newest = self._history.at(commit_index)
        # An entry that is decided but applied nowhere yet cannot be judged here.
        if commit_index == 0 or (newest is not None and newest.entry.term < term):
            text = f"it appended a change of voters before an entry of its term {term} was decided."
            rule: Rule = "a leader decides before it changes voters"
            raise Violation(rule, node, self._now(), text)

    def _before(self, node: str, index: int) -> tuple[int, Voters]:
        """The change before `index` in a node's log, or before that log began."""
        for change in reversed(self._logs[node]):
            if change[0] < index:
                return change
        return self._decided_at(index - 1)

    def _decided_at(self, index: int) -> tuple[int, Voters]:
        return self._decided[bisect_right(self._decided, index, key=_index) - 1]

    def _check_origin(self, node: str, origin: Origin) -> None:
        if origin.index and origin.voters != self._decided_at(origin.index)[1]:
            text = (
                f"its snapshot up to {origin.index} names voters {_names(origin.voters)}, decided "
                f"were {_names(self._decided_at(origin.index)[1])}."
            )
            raise Violation("a snapshot is of the decided history", node, self._now(), text)

    def _one_apart(self, node: str, index: int, before: Voters, after: Voters) -> None:
        if len(set(before) ^ set(after)) > 1:
            text = f"entry {index} changes voters from {_names(before)} to {_names(after)}."
            raise Violation("one voter at a time", node, self._now(), text)


def _index(change: tuple[int, Voters]) -> int:
    return change[0]


def _names(voters: Voters) -> str:
    return "+".join(voters) or "nobody"
