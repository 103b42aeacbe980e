"""What a client was told is in the history, and nobody is ever told otherwise."""

from ringrift.node.cluster.results import Result, SessionLost
from ringrift.node.sim.checkers.history import History
from ringrift.node.sim.checkers.operations import Operation
from ringrift.node.sim.checkers.violation import Now, Violation
from ringrift.wire.log import NO_SESSION


class Acknowledged:
    """The answers that clients got, by (session, seq).

    Comparing with the history once is enough: it never changes, which `History` sees to.
    """

    def __init__(self, now: Now, history: History) -> None:
        self._now = now
        self._history = history
        self._answers: dict[tuple[int, int], tuple[int, Result]] = {}
        self._highest = 0

    @property
    def highest(self) -> int:
        """The highest index of an acknowledged command."""
        return self._highest

    def answered(self, operation: Operation, node: str, index: int, result: Result) -> bool:
        """Whether the answer acknowledges the command for the first time."""
        write = operation.write
        assert write is not None
        if isinstance(result, SessionLost):
            return False
        key = (write.session, write.seq)
        earlier = self._answers.get(key)
        if earlier is not None:
            if earlier != (index, result):
                text = (
                    f"{operation} was answered with {result} at {index}, "
                    f"before that with {earlier[1]} at {earlier[0]}."
                )
                raise Violation("answers never change", node, self._now(), text)
            return False
        self._compare(operation, node, index, result)
        if write.session != NO_SESSION:
            self._answers[key] = (index, result)
        self._highest = max(self._highest, index)
        return not operation.returned

    def _compare(self, operation: Operation, node: str, index: int, result: Result) -> None:
        applied = self._history.at(index)
        if applied is None:
            text = f"{operation} was acknowledged at {index}, which no node has applied."
        else:
            entry = applied.entry
            if (entry.session, entry.seq, entry.command) != operation.write:
                text = f"{operation} was acknowledged at {index}, where another command stands."
            elif applied.first_index != index:
                text = (
                    f"{operation} was acknowledged at {index}, where it repeats entry "
                    f"{applied.first_index}."
                )
            elif applied.result != result:
                text = f"{operation} was answered with {result}, but gave {applied.result}."
            else:
                return
        raise Violation("acknowledged commands survive", node, self._now(), text)
