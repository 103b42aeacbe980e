"""A claim is not ended before its holder, or whoever leads now, had a whole term."""

from cluster_support import CONFIG, SELFPLAY
from observing import Cluster, caught

from ringrift.node.cluster import commands as c
from ringrift.node.sim.checkers.leases import Leases

CLAIM = (4, 5)
TERM_S = 4.0


def claimed_at(at: float) -> Cluster:
    """Item 4, claimed at `at` seconds by entry 5 while "a" leads since 0."""
    cluster = Cluster.founded()
    cluster.watch.became_leader("a", 1)
    add = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=50, max_attempts=3, timeout_s=60)
    cluster.enter(add, 1, 3)
    cluster.clock.at = at
    cluster.enter(c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=1), 1, 4)
    return cluster


def test_a_claim_has_a_term_from_its_grant_on() -> None:
    cluster = claimed_at(3.0)
    cluster.clock.at = 6.9
    with caught("a renewed claim lives on", "a"):
        cluster.watch.ends_claim("a", CLAIM, TERM_S)
    cluster.clock.at = 7.0
    cluster.watch.ends_claim("a", CLAIM, TERM_S)


def test_a_claim_has_a_term_from_its_renewal_on() -> None:
    cluster = claimed_at(0.0)
    cluster.clock.at = 3.0
    cluster.watch.renewed("a", (CLAIM,))
    cluster.clock.at = 6.9
    with caught("a renewed claim lives on", "a"):
        cluster.watch.ends_claim("a", CLAIM, TERM_S)


def test_a_repeated_claim_command_renews_nothing() -> None:
    cluster = claimed_at(0.0)
    cluster.clock.at = 3.0
    cluster.enter(c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=1), 1, 4)
    cluster.clock.at = 4.0
    cluster.watch.ends_claim("a", CLAIM, TERM_S)


def test_a_new_leader_grants_every_claim_a_term() -> None:
    cluster = claimed_at(0.0)
    cluster.clock.at = 3.0
    cluster.catch_up("b")
    cluster.watch.became_leader("b", 2)
    cluster.clock.at = 6.9
    with caught("a renewed claim lives on", "b"):
        cluster.watch.ends_claim("b", CLAIM, TERM_S)
    cluster.clock.at = 7.0
    cluster.watch.ends_claim("b", CLAIM, TERM_S)


def test_what_an_earlier_leadership_heard_counts_no_more() -> None:
    leases = Leases(lambda: 0.0)
    leases.leads("a", 0.0)
    leases.heard("a", (CLAIM,), 1.0)
    leases.leads("a", 10.0)
    with caught("a renewed claim lives on", "a"):
        leases.ends("a", CLAIM, TERM_S, 13.9)
    leases.ends("a", CLAIM, TERM_S, 14.0)
