"""What is left of a state that a snapshot replaced, let go of in turns.

To free 94,000 rows at once keeps a core, and so the event loop, for up to 60 ms. The rows are only
held here, not taken out of their tables: whoever still looks at the old state finds it whole.
"""

from ringrift.node.cluster.state import ClusterState

TURN_ROWS = 4_000
"""Rows let go in one turn: some 2 ms."""


class Remains:
    """The rows of a state; false when nothing is left."""

    def __init__(self, state: ClusterState | None = None) -> None:
        tables = {} if state is None else state.tables()
        self._rows: list[object] = [row for table in tables.values() for row in table.values()]

    def __bool__(self) -> bool:
        return bool(self._rows)

    def shrink(self) -> None:
        """Let go of some more."""
        del self._rows[-TURN_ROWS:]
