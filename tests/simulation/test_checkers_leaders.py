"""What is said of votes and entries in a term: it must be so, and stay so."""

import pytest
from observing import VOTERS, Cluster, caught

from ringrift.node.sim.checkers.leaders import Decision


def test_a_node_votes_once_a_term() -> None:
    watch = Cluster().watch
    watch.voted("a", 2, "b")
    watch.voted("a", 2, "b")
    watch.voted("c", 2, "c")
    watch.voted("a", 3, "a")
    with caught("one vote a term", "a"):
        watch.voted("a", 2, "c")
    with caught("one vote a term", "c"):
        watch.voted("c", 2, "b")


def test_a_leader_decides_by_an_entry_of_its_term() -> None:
    watch = Cluster().watch
    watch.acknowledges("b", 3, 8, 8)
    watch.decides(Decision("a", 3, 8, 3, VOTERS, 8))
    with caught("a leader decides by its own term", "a"):
        watch.decides(Decision("a", 3, 8, 2, VOTERS, 8))


@pytest.mark.parametrize(
    "decision",
    [
        Decision("a", 3, 8, 3, VOTERS, 7),
        Decision("a", 3, 8, 3, ("b", "c"), 8),
        Decision("a", 3, 9, 3, VOTERS, 9),
        Decision("a", 4, 8, 4, VOTERS, 8),
        Decision("a", 3, 8, 3, ("a", "b", "c", "d"), 8),
    ],
)
def test_a_majority_of_the_voters_decides(decision: Decision) -> None:
    watch = Cluster().watch
    watch.acknowledges("b", 3, 8, 8)
    watch.acknowledges("b", 3, 5, 8)
    with caught("a majority decides", "a"):
        watch.decides(decision)


def test_a_node_acknowledges_what_it_has_durably() -> None:
    watch = Cluster().watch
    watch.acknowledges("b", 2, 7, 7)
    watch.acknowledges("b", 2, 8, None)
    with caught("a node acknowledges what it has durably", "b"):
        watch.acknowledges("b", 2, 8, 7)
