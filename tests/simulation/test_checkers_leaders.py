"""What is said of votes and entries in a term: it must be so, and stay so."""

from observing import Cluster, caught


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
    watch.decides("a", 2, 7, 2)
    with caught("a leader decides by its own term", "a"):
        watch.decides("a", 3, 8, 2)


def test_a_node_acknowledges_what_it_has_durably() -> None:
    watch = Cluster().watch
    watch.acknowledges("b", 7, 7)
    with caught("a node acknowledges what it has durably", "b"):
        watch.acknowledges("b", 8, 7)
