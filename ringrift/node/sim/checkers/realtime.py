"""Linearizability, by real-time order against index order.

The state is a function of the history, so operations are linearizable if the order of their indices
agrees with real time: whatever returned before an operation was called comes before it. It is
enough to remember the highest index that was ever told, and its value when each operation began.
"""

from ringrift.node.sim.checkers.operations import Operation
from ringrift.node.sim.checkers.violation import Now, Rule, Violation
from ringrift.wire.log import NO_SESSION


class Realtime:
    """Shown calls, effects and returns in the order in which they happen, O(1) each.

    The order of these calls is the real-time order; their virtual times are only for messages.
    """

    def __init__(self, now: Now) -> None:
        self._now = now
        self._told = 0
        self._owners: dict[int, tuple[int, int]] = {}

    def called(self, operation: Operation) -> None:
        """A client asks for the first time (a retry is the same operation)."""
        operation.floor = self._told

    def effective(self, operation: Operation, node: str, index: int) -> None:
        """A write, answered or not, was run as entry `index`."""
        self._follows(operation, node, index)

    def returned(self, operation: Operation, node: str, index: int) -> None:
        """A client is told the index of its write, or the index up to which its read saw."""
        if operation.write is not None:
            self._follows(operation, node, index)
            self._owns(operation, node, index)
        elif index < operation.floor:
            text = self._text(operation, index)
            raise Violation("a read sees all that returned before it", node, self._now(), text)
        self._told = max(self._told, index)

    def _follows(self, operation: Operation, node: str, index: int) -> None:
        if index <= operation.floor:
            text = self._text(operation, index)
            rule: Rule = "a write follows all that returned before it"
            raise Violation(rule, node, self._now(), text)

    def _owns(self, operation: Operation, node: str, index: int) -> None:
        write = operation.write
        assert write is not None
        # Commands outside sessions have no name but their operation's.
        session, seq = write.session, write.seq
        name = (NO_SESSION, operation.id) if session == NO_SESSION else (session, seq)
        if self._owners.setdefault(index, name) != name:
            text = f"{operation} was answered with index {index}, which is that of another write."
            raise Violation("one write an index", node, self._now(), text)

    @staticmethod
    def _text(operation: Operation, index: int) -> str:
        return (
            f"{operation}, called at {operation.called_at:.3f} s, has index {index}, "
            f"but index {operation.floor} had been told to a client before that call."
        )
