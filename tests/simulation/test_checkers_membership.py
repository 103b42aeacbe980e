"""Voters change one at a time: in the decided history and in every leader's log."""

from observing import VOTERS, Cluster, caught, forged

from ringrift.node.consensus.raft.ready import Origin


def test_decided_voters_differ_by_one_node_at_a_time() -> None:
    cluster = Cluster()
    cluster.watch.applied("a", forged(1, voters=("a", "b", "c", "d")))
    cluster.watch.applied("a", forged(2, voters=("a", "b", "c", "d")))
    with caught("one voter at a time"):
        cluster.watch.applied("a", forged(3, voters=("a", "b", "c", "e")))


def test_a_leader_changes_one_voter_at_a_time_and_waits_until_it_is_decided() -> None:
    cluster = Cluster()
    watch = cluster.watch
    watch.became_leader("a", 1)
    cluster.blanks(1)
    with caught("one voter at a time", "a"):
        watch.config_appended("a", 1, 2, ("a", "d"), 1)
    watch.config_appended("a", 1, 2, ("a", "b", "c", "d"), 1)
    with caught("one membership change at a time", "a"):
        watch.config_appended("a", 1, 3, ("a", "b", "c", "d", "e"), 1)
    watch.config_appended("a", 1, 3, ("a", "b", "c", "d", "e"), 2)


def test_a_leader_decides_an_entry_of_its_term_before_it_changes_voters() -> None:
    cluster = Cluster()
    cluster.blanks(2)
    cluster.watch.became_leader("a", 2)
    with caught("a leader decides before it changes voters", "a"):
        cluster.watch.config_appended("a", 2, 4, ("a", "b"), 2)


def test_a_follower_takes_several_changes_at_once_and_a_leader_knows_what_it_took() -> None:
    cluster = Cluster()
    watch = cluster.watch
    watch.became_leader("a", 1)
    cluster.blanks(1)
    cluster.catch_up("b")
    watch.config_appended("b", 1, 2, ("a", "b"), 0)
    watch.config_appended("b", 1, 3, ("a", "b", "d"), 0)
    watch.became_leader("b", 2)
    with caught("one membership change at a time", "b"):
        watch.config_appended("b", 2, 5, ("a", "b"), 2)
    watch.truncated("b", 2)
    watch.config_appended("b", 2, 5, ("a", "b", "c"), 3)


def test_a_restarted_node_has_the_changes_of_its_recovered_log() -> None:
    cluster = Cluster()
    watch = cluster.watch
    cluster.blanks(1)
    watch.config_appended("b", 1, 2, ("a", "b"), 0)
    watch.config_appended("b", 1, 3, ("a", "b", "d"), 0)
    kept = forged(2, voters=("a", "b")).entry
    watch.started("b", Origin(voters=VOTERS), (cluster.log[0], kept))
    watch.became_leader("b", 2)
    with caught("one voter at a time", "b"):
        watch.config_appended("b", 2, 4, ("a", "b", "d", "e"), 3)
    with caught("one membership change at a time", "b"):
        watch.config_appended("b", 2, 4, ("a",), 1)


def test_membership_changes_count_when_they_are_decided_during_a_partition() -> None:
    watch = Cluster().watch
    watch.applied("a", forged(1, voters=("a", "b")))
    watch.partitioned(True)
    watch.applied("a", forged(2, voters=("a", "b", "c")))
    watch.partitioned(False)
    watch.applied("a", forged(3, voters=("a", "b")))
    assert watch.tally.changes_in_partition == 1


def test_a_node_counts_by_the_newest_voters_in_its_log() -> None:
    cluster = Cluster()
    watch = cluster.watch
    watch.obeys("b", VOTERS)
    watch.config_appended("b", 1, 2, ("a", "b", "c", "d"), 1)
    watch.obeys("b", ("a", "b", "c", "d"))
    with caught("the newest voters in the log count", "b"):
        watch.obeys("b", VOTERS)
    watch.truncated("b", 1)
    watch.obeys("b", VOTERS)
    with caught("the newest voters in the log count", "b"):
        watch.obeys("b", ("a", "b", "c", "d"))
