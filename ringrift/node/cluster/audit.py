"""The audit: what operators did to the cluster, who did it, and what came of it.

The newest 10,000 lines are kept. An archive takes what it lacks by `after` before they leave.
"""

from collections import deque

import msgspec

from ringrift.node.cluster.table import Table

MAX_LINES = 10_000
"""Most lines kept; the oldest leave."""
MAX_TEXT = 300
"""Longest action, and longest result, of a line."""


class AuditLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One operation. `at_ms` is its proposer's wall clock; what was refused was not done."""

    at_ms: int
    actor: str
    action: str
    result: str
    refused: bool


class Audit:
    """Lines by the log index of their operation."""

    def __init__(self) -> None:
        self.rows: Table[int, AuditLine] = Table("audit")
        self._order: deque[int] = deque()

    def record(self, index: int, line: AuditLine) -> None:
        """Enter the newest line."""
        if len(self.rows) >= MAX_LINES:
            del self.rows[self._order.popleft()]
        action, result = line.action[:MAX_TEXT], line.result[:MAX_TEXT]
        self.rows[index] = msgspec.structs.replace(line, action=action, result=result)
        self.entered(index)

    def entered(self, index: int) -> None:
        """Take note of a row that came in, each with a higher index than the one before."""
        assert not self._order or index > self._order[-1], index
        self._order.append(index)

    def after(self, index: int) -> list[tuple[int, AuditLine]]:
        """The lines after an index, oldest first."""
        newer: list[tuple[int, AuditLine]] = []
        for number in reversed(self._order):
            if number <= index:
                break
            newer.append((number, self.rows[number]))
        return newer[::-1]

    def check(self) -> None:
        """Assert that the order is that of the rows."""
        assert list(self._order) == sorted(self.rows) and len(self.rows) <= MAX_LINES
