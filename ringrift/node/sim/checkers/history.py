"""The one history of decided entries, as nodes apply it, and how far each of them is.

What an entry did anywhere first is what it must do everywhere: nodes are compared with the history,
never with each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ringrift.node.cluster.commands import Command
from ringrift.node.cluster.results import Applied
from ringrift.node.consensus.raft.ready import Origin
from ringrift.node.sim.checkers.violation import Now, Violation
from ringrift.wire.log import Entry


@dataclass(frozen=True, slots=True)
class Decided:
    """An entry as it is judged once: when `node` applied it before all others."""

    node: str
    applied: Applied
    command: Command

    @property
    def index(self) -> int:
        return self.applied.entry.index


class History:
    """Decided entries with their results; per node, its applied index and the highest it ever had.

    Nodes report `started` before anything else, at every start.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._decided: list[Applied] = []
        self._digests: dict[int, tuple[str, str]] = {}
        self._applied: dict[str, int] = {}
        self._reached: dict[str, int] = {}

    @property
    def length(self) -> int:
        """Index of the newest entry that any node applied."""
        return len(self._decided)

    def at(self, index: int) -> Applied | None:
        """What was decided at an index, None where nobody has applied anything yet."""
        return self._decided[index - 1] if 0 < index <= len(self._decided) else None

    def applied_index(self, node: str) -> int:
        return self._applied[node]

    def started(self, node: str, origin: Origin, log: Sequence[Entry]) -> None:
        """A life begins with a snapshot that ends at `origin` and the recovered `log` after it."""
        self._check_origin(node, origin)
        reached = self._reached.get(node, 0)
        last = log[-1].index if log else origin.index
        if last < reached:
            text = f"its log ends at {last} after a restart, but it had applied {reached}."
            raise Violation("applied entries are durable", node, self._now(), text)
        for entry in log:
            if entry.index > reached:
                break
            decided = self.at(entry.index)
            if decided is None or decided.entry != entry:
                text = f"entry {entry.index} of its recovered log is not the one it had applied."
                raise Violation("applied entries are durable", node, self._now(), text)
        self._applied[node] = origin.index
        self._reached[node] = max(reached, origin.index)

    def wiped(self, node: str) -> None:
        """The node lost its directory: what it applied in earlier lives binds it no more."""
        self._applied.pop(node, None)
        self._reached.pop(node, None)

    def installed(self, node: str, origin: Origin) -> None:
        """A snapshot from elsewhere took the place of the node's state and log."""
        if origin.index <= self._applied[node]:
            text = (
                f"it installed a snapshot up to {origin.index} "
                f"when it had applied {self._applied[node]}."
            )
            raise Violation("applied in order", node, self._now(), text)
        self._check_origin(node, origin)
        self._applied[node] = origin.index
        self._reached[node] = max(self._reached[node], origin.index)

    def truncated(self, node: str, after_index: int) -> None:
        reached = self._reached[node]
        if after_index < reached:
            text = f"it forgets its log after {after_index}, but it had applied {reached}."
            raise Violation("applied entries are not truncated", node, self._now(), text)

    def applied(self, node: str, applied: Applied) -> bool:
        """Compare with the history; True when this is the first time that anybody applied it."""
        index = applied.entry.index
        if index != self._applied[node] + 1 or index > len(self._decided) + 1:
            text = f"it applied entry {index} after entry {self._applied[node]}."
            raise Violation("applied in order", node, self._now(), text)
        new = index > len(self._decided)
        if new:
            self._decided.append(applied)
        elif self._decided[index - 1] != applied:
            raise self._different(node, applied)
        self._applied[node] = index
        if index > self._reached[node]:
            self._reached[node] = index
        return new

    def state(self, node: str, index: int, digest: str) -> None:
        """The digest of a node's state after entry `index`."""
        first, known = self._digests.setdefault(index, (node, digest))
        if known != digest:
            text = f"its state after entry {index} differs from that of {first}."
            raise Violation("states equal at equal index", node, self._now(), text)

    def _check_origin(self, node: str, origin: Origin) -> None:
        decided = self.at(origin.index)
        if origin.index and (decided is None or decided.entry.term != origin.term):
            text = (
                f"its snapshot ends at entry {origin.index} of term {origin.term}, "
                "which was not decided."
            )
            raise Violation("a snapshot is of the decided history", node, self._now(), text)

    def _different(self, node: str, applied: Applied) -> Violation:
        index = applied.entry.index
        first = self._decided[index - 1]
        if applied.entry != first.entry:
            text = (
                f"it applied {_named(applied.entry)} at index {index}, "
                f"where {_named(first.entry)} was decided."
            )
            return Violation("committed entries never change", node, self._now(), text)
        text = (
            f"entry {index} gave {applied.result} first run at {applied.first_index}, "
            f"elsewhere {first.result} first run at {first.first_index}, or other events."
        )
        return Violation("states equal at equal index", node, self._now(), text)


def _named(entry: Entry) -> str:
    voters = "" if entry.voters is None else f", voters {'+'.join(entry.voters)}"
    return (
        f"({entry.session}, {entry.seq}) of term {entry.term}{voters}, "
        f"{len(entry.command)} bytes, at_ms {entry.at_ms}"
    )
