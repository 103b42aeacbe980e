"""Each rule of the simulator's checkers finds what breaks it, and nothing in a sound history."""

import pickle

import msgspec
import pytest
from cluster_support import CONFIG, SELFPLAY
from observing import VOTERS, Cluster, caught, forged

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done, Refused, SessionLost
from ringrift.node.consensus.raft.ready import Origin
from ringrift.node.sim.checkers.violation import Violation

DRAIN = c.SetNodeMode(node="n", mode="draining", by="n")
ADD = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=50, max_attempts=3, timeout_s=60)


def test_a_violation_is_one_sentence_that_survives_the_way_between_processes() -> None:
    found = Violation("one leader a term", "b", 12.5, "a and b both lead term 3.")
    assert str(found) == "At 12.500 s on b: a and b both lead term 3. [one leader a term]"
    copy = pickle.loads(pickle.dumps(found))
    assert (str(copy), copy.rule, copy.node, copy.at) == (str(found), found.rule, "b", 12.5)


def test_a_term_has_one_leader_and_only_once() -> None:
    watch = Cluster().watch
    watch.became_leader("a", 1)
    watch.became_leader("a", 2)
    with caught("one leader a term", "b"):
        watch.became_leader("b", 2)
    with caught("one leader a term", "a"):
        watch.became_leader("a", 1)


@pytest.mark.parametrize(
    "other",
    [
        forged(1, term=2),
        forged(1, session=1, seq=1),
        forged(1, command=DRAIN),
        forged(1, voters=VOTERS),
    ],
)
def test_what_one_node_applied_every_node_applies(other: object) -> None:
    cluster = Cluster()
    cluster.blanks(1)
    assert isinstance(other, type(cluster.history[0]))
    with caught("committed entries never change", "b"):
        cluster.watch.applied("b", other)


def test_equal_entries_have_equal_results() -> None:
    cluster = Cluster()
    cluster.blanks(1)
    with caught("states equal at equal index", "c"):
        cluster.watch.applied("c", forged(1, result=Refused("no")))


def test_entries_are_applied_in_order_without_holes() -> None:
    cluster = Cluster()
    cluster.blanks(3)
    with caught("applied in order", "a"):
        cluster.watch.applied("a", cluster.history[2])
    with caught("applied in order", "b"):
        cluster.watch.applied("b", cluster.history[1])
    cluster.catch_up("b")


def test_a_life_begins_at_its_snapshot_and_with_all_that_was_applied() -> None:
    cluster = Cluster()
    cluster.blanks(5)
    watch, log = cluster.watch, cluster.log
    watch.started("a", Origin(2, 1, VOTERS), log[2:])
    with caught("applied in order", "a"):
        watch.applied("a", cluster.history[3])
    cluster.catch_up("a")
    with caught("applied entries are durable", "a"):
        watch.started("a", Origin(2, 1, VOTERS), log[2:4])
    changed = msgspec.structs.replace(log[3], term=9)
    with caught("applied entries are durable", "a"):
        watch.started("a", Origin(2, 1, VOTERS), (log[2], changed, log[4]))
    watch.wiped("a")
    watch.started("a", Origin(), ())
    cluster.catch_up("a")


def test_a_node_may_lose_or_keep_other_entries_beyond_what_it_applied() -> None:
    cluster = Cluster()
    cluster.blanks(3)
    cluster.watch.applied("b", cluster.history[0])
    undecided = msgspec.structs.replace(cluster.log[1], term=7)
    cluster.watch.started("b", Origin(voters=VOTERS), (cluster.log[0], undecided))
    cluster.watch.started("b", Origin(voters=VOTERS), cluster.log[:1])


def test_what_a_node_applied_is_not_truncated_in_any_life() -> None:
    cluster = Cluster()
    cluster.blanks(3)
    cluster.watch.truncated("a", 3)
    cluster.watch.truncated("b", 0)
    cluster.watch.started("a", Origin(voters=VOTERS), cluster.log)
    with caught("applied entries are not truncated", "a"):
        cluster.watch.truncated("a", 2)
    assert cluster.watch.tally.truncations == 2


@pytest.mark.parametrize(
    ("origin", "rule"),
    [
        (Origin(1, 1, VOTERS), "applied in order"),
        (Origin(9, 1, VOTERS), "a snapshot is of the decided history"),
        (Origin(4, 2, VOTERS), "a snapshot is of the decided history"),
        (Origin(4, 1, ("a", "b")), "a snapshot is of the decided history"),
    ],
)
def test_a_snapshot_leads_ahead_and_is_of_what_was_decided(origin: Origin, rule: str) -> None:
    cluster = Cluster()
    cluster.blanks(5)
    for applied in cluster.history[:2]:
        cluster.watch.applied("b", applied)
    with pytest.raises(Violation) as found:
        cluster.watch.installed("b", origin)
    assert found.value.rule == rule


def test_a_snapshot_takes_the_place_of_what_was_applied() -> None:
    cluster = Cluster()
    cluster.blanks(5)
    cluster.watch.installed("b", Origin(4, 1, VOTERS))
    cluster.catch_up("b")
    with caught("applied entries are not truncated"):
        cluster.watch.truncated("b", 3)
    assert cluster.watch.tally.snapshot_installs == 1


def test_digests_are_equal_at_equal_index() -> None:
    watch = Cluster().watch
    watch.state("a", 10, "x")
    watch.state("b", 20, "y")
    watch.state("b", 10, "x")
    with caught("states equal at equal index", "c"):
        watch.state("c", 20, "z")


def test_a_command_runs_once_and_repeats_get_the_first_answer() -> None:
    cluster = Cluster.founded()
    first = cluster.enter(DRAIN, 1, 3)
    repeat = cluster.enter(DRAIN, 1, 3)
    assert repeat.first_index == first.index
    index = repeat.index + 1
    for wrong in (
        forged(index, command=DRAIN, session=1, seq=3, result=first.result),
        forged(index, command=DRAIN, session=1, seq=3, result=Done("else"), first=first.index),
        forged(index, command=DRAIN, session=1, seq=4, first=first.index),
        forged(
            index,
            command=DRAIN,
            session=1,
            seq=3,
            result=first.result,
            first=first.index,
            events=first.events,
        ),
    ):
        with caught("a command runs once", "b"):
            fresh = Cluster()
            for applied in (*cluster.history, wrong):
                fresh.watch.applied("b", applied)


def test_a_command_of_an_ended_or_unopened_session_never_runs() -> None:
    cluster = Cluster.founded()
    cluster.enter(c.OpenSession(owner="n", boot=2), 0, 0)
    lost = cluster.enter(DRAIN, 1, 3)
    assert isinstance(lost.result, SessionLost)
    for session in (1, 2):
        with caught("a command of no open session never runs"):
            fresh = Cluster()
            late = forged(6, command=DRAIN, session=session, seq=9)
            for applied in (*cluster.history, late):
                fresh.watch.applied("b", applied)


def test_a_session_in_use_is_neither_expired_nor_refused() -> None:
    cluster = Cluster.founded()
    with caught("a session in use stays open"):
        expired = c.ExpireSession(session=1, last_index=2)
        cluster.watch.applied("a", forged(4, command=expired, session=1, seq=3))
    other = Cluster.founded()
    with caught("a session in use stays open"):
        lost = SessionLost("Session 1 has expired.")
        other.watch.applied("a", forged(4, command=DRAIN, session=1, seq=3, result=lost))


def test_a_number_out_of_the_window_may_be_refused_and_an_expired_session_too() -> None:
    cluster = Cluster.founded()
    for seq in range(3, 70):
        cluster.enter(DRAIN, 1, seq)
    assert isinstance(cluster.enter(DRAIN, 1, 1).result, SessionLost)
    last = cluster.truth.sessions.rows[1].last_index
    cluster.enter(c.OpenSession(owner="leader", boot=1), 0, 0)
    opened = cluster.truth.index
    assert isinstance(
        cluster.enter(c.ExpireSession(session=1, last_index=last), opened, 1).result, Done
    )
    assert isinstance(cluster.enter(DRAIN, 1, 69).result, SessionLost)


def _asked(cluster: Cluster) -> None:
    cluster.watch.write_called(7, 1, 3, c.encode_command(DRAIN))


def test_an_answer_is_what_the_history_says() -> None:
    cluster = Cluster.founded()
    _asked(cluster)
    with caught("acknowledged commands survive", "b"):
        cluster.watch.write_returned(7, "b", 4, Done("node n is now draining"))
    applied = cluster.enter(DRAIN, 1, 3)
    cluster.blanks(1)
    with caught("acknowledged commands survive"):
        cluster.watch.write_returned(7, "b", 4, Done("something else"))
    with caught("acknowledged commands survive"):
        cluster.watch.write_returned(7, "b", 5, Done("nothing"))
    cluster.watch.write_returned(7, "b", 4, applied.result)
    cluster.watch.write_returned(7, "c", 4, applied.result)
    assert cluster.watch.tally.acknowledged == 1


def test_an_answer_that_was_given_is_never_given_otherwise() -> None:
    cluster = Cluster.founded()
    _asked(cluster)
    first = cluster.enter(DRAIN, 1, 3)
    repeat = cluster.enter(DRAIN, 1, 3)
    cluster.watch.write_returned(7, "a", first.index, first.result)
    with caught("answers never change", "b"):
        cluster.watch.write_returned(7, "b", repeat.index, repeat.result)
    with caught("answers never change", "b"):
        cluster.watch.write_returned(7, "b", first.index, Refused("no"))


def test_an_answer_that_the_session_is_lost_acknowledges_nothing() -> None:
    cluster = Cluster.founded()
    cluster.enter(c.OpenSession(owner="n", boot=2), 0, 0)
    _asked(cluster)
    lost = cluster.enter(DRAIN, 1, 3)
    cluster.watch.write_returned(7, "a", lost.index, lost.result)
    assert cluster.watch.tally.acknowledged == 0


def test_a_retry_across_failover_counts_when_it_got_the_first_result() -> None:
    cluster = Cluster.founded()
    cluster.watch.became_leader("a", 1)
    _asked(cluster)
    first = cluster.enter(DRAIN, 1, 3)
    cluster.watch.resent(7)
    assert cluster.watch.tally.retries_across_failover == 0
    cluster.watch.became_leader("b", 2)
    cluster.term = 2
    cluster.watch.resent(7)
    cluster.enter(DRAIN, 1, 3)
    cluster.watch.write_returned(7, "b", first.index, first.result)
    assert cluster.watch.tally.retries_across_failover == 1
    assert cluster.watch.tally.leader_changes == 1


def test_a_read_sees_what_was_told_and_what_was_decided_no_more_and_no_less() -> None:
    cluster = Cluster.founded()
    _asked(cluster)
    applied = cluster.enter(DRAIN, 1, 3)
    cluster.watch.write_returned(7, "a", applied.index, applied.result)
    cluster.watch.read_called(8)
    with caught("a read sees only what was decided", "b"):
        cluster.watch.read_returned(8, "b", 5)
    with caught("a read sees all that returned before it", "b"):
        cluster.watch.read_returned(8, "b", 3)
    cluster.watch.read_returned(8, "b", 4)
