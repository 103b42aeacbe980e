"""A replaced state goes in turns, and whoever looks at it still finds it whole."""

from ringrift.node.cluster.audit import AuditLine
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.remains import TURN_ROWS, Remains

COUNT = 2 * TURN_ROWS + 1


def turns(remains: Remains) -> int:
    count = 0
    while remains:
        remains.shrink()
        count += 1
    return count


def test_rows_go_in_turns_and_stay_with_whoever_looks_at_them() -> None:
    state = ClusterState()
    for number in range(COUNT):
        state.audit.rows[number] = AuditLine(number, "n", "a", "b", False)
    assert turns(Remains(state)) == 3
    assert len(state.audit.rows) == COUNT
    assert turns(Remains(ClusterState())) == turns(Remains()) == 0
