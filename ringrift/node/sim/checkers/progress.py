"""Once faults stop there is a leader soon, everybody catches up and every wish is answered."""

from bisect import bisect_right
from collections.abc import Iterable

from ringrift.node.sim.checkers.history import History
from ringrift.node.sim.checkers.operations import Operation
from ringrift.node.sim.checkers.violation import CLUSTER, Now, Violation
from ringrift.wire.log import Voters

LEADER_WITHIN_S = 10.0
"""From healing until all connected voters know one leader, and until nothing may be given up."""
CAUGHT_UP_WITHIN_S = 1.0
"""What was decided later than this before the end may not have reached everybody yet."""


class Progress:
    """Who takes whom for the leader, and since when they agree after healing."""

    def __init__(self, now: Now, voters: Voters) -> None:
        self._now = now
        self._voters = voters
        self._seen: dict[str, tuple[int, str]] = {}
        self._connected: frozenset[str] = frozenset()
        self._healed_at: float | None = None
        self._led_at: float | None = None
        self._decided_at: list[float] = []

    def decided(self) -> None:
        """One more entry of the history, in order."""
        self._decided_at.append(self._now())

    def sees_leader(self, node: str, term: int, leader: str | None) -> None:
        """Report every change of a node's mind."""
        if leader is None:
            self._seen.pop(node, None)
        else:
            self._seen[node] = (term, leader)
            self._judge()

    def started(self, node: str) -> None:
        self._seen.pop(node, None)

    def voters_changed(self, voters: Voters) -> None:
        self._voters = voters
        self._judge()

    def healed(self, connected: Iterable[str]) -> None:
        """No fault from now on: these nodes are up and reach each other."""
        self._connected = frozenset(connected)
        self._healed_at, self._led_at = self._now(), None
        self._judge()

    @property
    def awaited(self) -> tuple[str, ...]:
        """The voters that are connected: those that must be heard of."""
        return tuple(node for node in self._voters if node in self._connected)

    def finished(
        self, history: History, acknowledged: int, operations: Iterable[Operation]
    ) -> None:
        """The fault-free phase is over; `acknowledged` is the highest index told to a writer."""
        assert self._healed_at is not None, "a run ends with a fault-free phase"
        self._check_leader(self._healed_at)
        due = bisect_right(self._decided_at, self._now() - CAUGHT_UP_WITHIN_S)
        for node in self.awaited:
            behind = history.applied_index(node)
            if behind < max(due, acknowledged):
                text = f"it has applied {behind} of {history.length} entries at the end."
                raise Violation("voters catch up", node, self._now(), text)
        for operation in operations:
            early = operation.called_at < self._healed_at + LEADER_WITHIN_S
            if not operation.returned and not (operation.abandoned and early):
                text = f"{operation}, called at {operation.called_at:.3f} s, was never answered."
                raise Violation("operations end", CLUSTER, self._now(), text)

    def _judge(self) -> None:
        if self._healed_at is not None and self._led_at is None and self._dissenter() is None:
            self._led_at = self._now()

    def _dissenter(self) -> str | None:
        """An awaited voter that knows no leader, or another than most recently led."""
        awaited = self.awaited
        newest = max((self._seen.get(node, (0, "")) for node in awaited), default=(0, ""))
        for node in awaited:
            if node not in self._seen or self._seen[node] != newest:
                return node
        return None

    def _check_leader(self, healed_at: float) -> None:
        if self._led_at is None:
            text = (
                f"it never agreed on a leader with all others since healing at {healed_at:.3f} s."
            )
            node = self._dissenter() or CLUSTER
        elif self._led_at - healed_at > LEADER_WITHIN_S:
            text = (
                f"all voters knew one leader only {self._led_at - healed_at:.3f} s after healing."
            )
            node = CLUSTER
        else:
            return
        raise Violation("a leader within 10 s of healing", node, self._now(), text)
