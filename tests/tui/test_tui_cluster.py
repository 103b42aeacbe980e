"""What a person sees of the cluster."""

import cockpit
import msgspec
import pytest

from ringrift.tui import cluster
from ringrift.tui.columns import Listing

change = msgspec.structs.replace


def cells(listing: Listing, key: str) -> list[str]:
    (row,) = [row for row in listing.rows if row.key == key]
    return [cell.text for cell in row.cells]


def test_those_that_share_a_name_are_told_apart_by_their_ids() -> None:
    called = cluster.names(cockpit.CLUSTER)
    assert called["n-6f3a"] == "anvil-6f3a"
    assert called["n-b7d2"] == "anvil-b7d2"
    assert called["n-22c4"] == "bellows"


def test_no_two_members_are_ever_called_the_same() -> None:
    given = (("a-1", "x"), ("b-1", "x"), ("c", "x-1"), ("d", "y"))
    members = tuple(change(cockpit.MEMBER, id=id_, name=name) for id_, name in given)
    called = cluster.names(change(cockpit.STATUS, nodes=(), members=members))
    assert called == {"a-1": "a-1", "b-1": "b-1", "c": "c", "d": "y"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["★ leader, term 3", "2/3 voters, quorum minimum"]),
        ({"leader_id": "n-22c4"}, ["follows bellows, term 3", "2/3 voters, quorum minimum"]),
        ({"leader_id": "n-gone"}, ["follows n-gone, term 3", "2/3 voters, quorum minimum"]),
        ({"leader_id": None}, ["▲ no leader, term 3", "2/3 voters, quorum minimum"]),
    ],
)
def test_the_standing_of_a_node(changes: dict[str, object], words: list[str]) -> None:
    assert [c.text for c in cluster.standing(change(cockpit.CLUSTER, **changes))] == words


def test_the_summary_of_a_cluster() -> None:
    shown = cluster.summary(cockpit.CLUSTER)
    assert cells(shown, "leader") == ["leader", "★ anvil-6f3a", "term 3, this node"]
    assert cells(shown, "members")[1:] == [
        "4 nodes",
        "this node, 1 alive, 1 away, 1 unknown, and 1 person",
    ]
    assert cells(shown, "this copy")[1:] == [
        "● current",
        "applied up to #1873 of #1873, the last 0 s ago",
    ]
    assert "" not in [row.key for row in shown.rows]


def test_an_even_number_of_voters_gets_a_hint() -> None:
    shown = cluster.summary(change(cockpit.CLUSTER, voters=("n-6f3a", "n-22c4")))
    assert cells(shown, "")[1:] == ["△ even", "2 voters bear no more failures than 1"]


def test_a_copy_says_how_far_behind_it_is_and_when_it_cannot_know() -> None:
    behind = cluster.summary(change(cockpit.CLUSTER, commit_index=1900))
    assert cells(behind, "this copy")[1] == "◌ 27 behind"
    alone = cluster.summary(change(cockpit.CLUSTER, leader_id=None, applied_age_s=95.0))
    assert cells(alone, "this copy")[1:] == [
        "? may be old",
        "applied up to #1873 of #1873, the last 1 min ago; newer is not heard of without a leader",
    ]
    assert cells(alone, "leader")[1] == "▲ none"


def test_members_are_machines_then_people_then_the_revoked() -> None:
    shown = cluster.members(cockpit.CLUSTER)
    assert [cells(shown, row.key)[:6] for row in shown.rows] == [
        ["anvil-6f3a", "voter", "★ leads", "● here", "▶ active", "2"],
        ["anvil-b7d2", "node", "–", "? unknown", "active", "1"],
        ["bellows", "voter", "● votes", "● alive", "▶ active", "3"],
        ["forge", "voter", "● votes", "✗ away", "draining", "0"],
        ["dana", "operator", "–", "–", "–", "–"],
        ["old", "node", "–", "–", "✗ revoked", "–"],
    ]


def test_who_may_vote_and_does_not_yet_is_told() -> None:
    status = change(cockpit.CLUSTER, voters=("n-6f3a",))
    assert cluster.vote("n-22c4", status).text == "◌ may vote"
    assert cluster.vote("n-b7d2", status).text == "–"


def test_nodes_say_which_one_is_asked_and_what_is_not_known_of_the_others() -> None:
    shown = cluster.nodes(cockpit.CLUSTER)
    assert cells(shown, "n-6f3a")[:5] == [
        "anvil-6f3a (here)",
        "★ leads",
        "▶ active",
        "2",
        "2/2",
    ]
    assert cells(shown, "n-22c4")[3:] == ["3", *"–––––", "0", "24 min"]
    assert cells(shown, "n-91c0")[-1] == "–"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "▶ active"),
        ({"mode": "draining", "slots_busy": 1}, "▽ draining, 1 left"),
        ({"mode": "draining", "slots_busy": None, "items": 3}, "▽ draining, 3 left"),
        ({"mode": "drained"}, "▼ drained"),
        ({"alive": False}, "✗ away, active"),
        ({"alive": None, "mode": "draining"}, "? draining"),
    ],
)
def test_a_nodes_mode_is_what_is_wanted_and_how_far_it_is(
    changes: dict[str, object], words: str
) -> None:
    assert cluster.node_mode(change(cockpit.NODE, **changes)).text == words


def test_changes_are_those_of_the_cluster_and_their_absence_says_among_how_many() -> None:
    assert [row.key for row in cluster.changes(cockpit.EVENTS, faults_only=False).rows] == ["294"]
    none = cluster.changes(cockpit.EVENTS[1:], faults_only=False)
    assert none.empty == f"none among the {len(cockpit.EVENTS) - 1} newest events"
