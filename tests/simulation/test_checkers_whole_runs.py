"""What must hold at the end of a run, and that a sound run passes every rule."""

import random

import msgspec
import pytest
from cluster_support import CONFIG, Ledger, wander
from observing import VOTERS, Cluster, caught

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import SessionLost
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.ready import Origin

DRAIN = c.SetNodeMode(node="n", mode="draining", by="n")


def _asked(cluster: Cluster) -> None:
    cluster.watch.write_called(7, 1, 3, c.encode_command(DRAIN))


def _healed() -> Cluster:
    """Healed at 50 s, all three nodes caught up, nobody known as leader yet."""
    cluster = Cluster.founded()
    cluster.catch_up("b", "c")
    cluster.clock.at = 50.0
    cluster.watch.healed(VOTERS)
    return cluster


def _agree(cluster: Cluster) -> None:
    for node in VOTERS:
        cluster.watch.sees_leader(node, 2, "b")


def _finish(cluster: Cluster) -> None:
    cluster.watch.finished(dict.fromkeys(VOTERS, cluster.truth))


def test_a_healed_cluster_that_goes_on_has_nothing_stuck() -> None:
    cluster = _healed()
    cluster.clock.at = 59.9
    _agree(cluster)
    cluster.clock.at = 60.0
    _asked(cluster)
    applied = cluster.enter(DRAIN, 1, 3)
    cluster.watch.write_returned(7, "a", applied.index, applied.result)
    cluster.watch.read_called(8)
    cluster.watch.read_returned(8, "b", 4)
    cluster.catch_up("b", "c")
    _finish(cluster)


def test_a_leader_is_known_to_all_connected_voters_within_10_s() -> None:
    never = _healed()
    never.watch.sees_leader("a", 2, "b")
    never.watch.sees_leader("b", 2, "b")
    never.watch.sees_leader("c", 1, "b")
    with caught("a leader within 10 s of healing", "c"):
        _finish(never)
    late = _healed()
    late.clock.at = 60.1
    _agree(late)
    with caught("a leader within 10 s of healing"):
        _finish(late)


def test_a_leader_known_before_healing_counts_and_a_restart_forgets_it() -> None:
    cluster = Cluster()
    _agree(cluster)
    cluster.watch.healed(VOTERS)
    _finish(cluster)
    other = Cluster()
    _agree(other)
    other.watch.started("a", Origin(voters=VOTERS), ())
    other.watch.healed(VOTERS)
    with caught("a leader within 10 s of healing", "a"):
        _finish(other)


def test_only_voters_of_the_newest_decided_change_are_waited_for() -> None:
    cluster = _healed()
    change = cluster.decide(c.ChangeVoters(), 0, 0, voters=("a", "b"))
    cluster.watch.applied("a", change)
    cluster.watch.applied("b", change)
    cluster.watch.sees_leader("a", 1, "a")
    cluster.watch.sees_leader("b", 1, "a")
    cluster.watch.finished({"a": cluster.truth, "b": cluster.truth})


def test_voters_that_lag_are_stuck() -> None:
    cluster = _healed()
    _agree(cluster)
    cluster.blanks(1)
    cluster.catch_up("b")
    cluster.clock.at = 51.0
    with caught("voters catch up", "c"):
        _finish(cluster)


def test_what_was_decided_at_the_very_end_need_not_have_reached_everybody() -> None:
    cluster = _healed()
    _agree(cluster)
    behind = cluster.truth_now()
    cluster.blanks(1)
    cluster.catch_up("b")
    cluster.clock.at = 50.9
    cluster.watch.finished({"a": cluster.truth, "b": cluster.truth, "c": behind})


def test_operations_that_never_end_are_stuck_unless_given_up_early() -> None:
    cluster = _healed()
    _agree(cluster)
    _asked(cluster)
    with caught("operations end"):
        _finish(cluster)
    cluster.watch.abandoned(7)
    _finish(cluster)
    cluster.clock.at = 60.0
    cluster.watch.read_called(8)
    cluster.watch.abandoned(8)
    with caught("operations end"):
        _finish(cluster)


def test_a_refusal_ends_an_operation_however_late() -> None:
    cluster = _healed()
    _agree(cluster)
    cluster.clock.at = 61.0
    _asked(cluster)
    cluster.watch.refused(7)
    _finish(cluster)


def test_final_states_are_compared_too() -> None:
    cluster = _healed()
    _agree(cluster)
    odd = ClusterState()
    with caught("applied in order", "c"):
        cluster.watch.finished({"a": cluster.truth, "b": cluster.truth, "c": odd})
    for entry in cluster.log:
        other = c.SetConfigMode(config=CONFIG, mode="paused", by="n")
        command = entry.command if entry.index < 3 else c.encode_command(other)
        odd.apply(msgspec.structs.replace(entry, command=command))
    with caught("states equal at equal index", "c"):
        cluster.watch.finished({"a": cluster.truth, "b": cluster.truth, "c": odd})


@pytest.mark.parametrize("seed", range(5))
def test_a_long_sound_history_is_never_flagged(seed: int) -> None:
    ledger = Ledger.founded()
    wander(ledger, random.Random(seed), 1_500)
    cluster = Cluster()
    for entry in ledger.entries:
        applied = cluster.enter(c.decode_command(entry.command), entry.session, entry.seq)
        if entry.session and not isinstance(applied.result, SessionLost):
            cluster.watch.write_called(entry.index, entry.session, entry.seq, entry.command)
            cluster.watch.write_returned(entry.index, "a", applied.index, applied.result)
    half = len(cluster.history) // 2
    cluster.watch.installed("b", Origin(half, 1, VOTERS))
    cluster.catch_up("b", "c")
    _agree(cluster)
    cluster.watch.healed(VOTERS)
    _finish(cluster)
    assert cluster.watch.tally.acknowledged > 500
    assert cluster.watch.tally.lease_expiries > 0
