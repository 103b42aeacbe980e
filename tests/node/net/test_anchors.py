"""Who accepts no connections is reached through three who do, two of them voters if there are."""

from collections import Counter

from cluster_support import Ledger, life
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Reach
from ringrift.node.cluster.results import Done
from ringrift.node.net.anchors import anchors_of
from ringrift.wire.join import Place

OPEN = Reach(addresses=(Place("10.0.0.1", 8775),))


def fleet(voters: int, nodes: int, hidden: int) -> Ledger:
    ledger = Ledger.founded()
    names = [(f"v{i}", OPEN) for i in range(voters)] + [(f"n{i}", OPEN) for i in range(nodes)]
    names += [(f"h{i}", Reach(inbound=False)) for i in range(hidden)]
    for name, reach in names:
        ledger.do(c.JoinMember(node=name, name=name, life=life(reach=reach)))
        if name.startswith("v"):
            ledger.do(c.ChangeRole(member=name, role="voter", by="n"))
    return ledger


@given(
    voters=st.integers(0, 5),
    nodes=st.integers(0, 5),
    away=st.sets(st.sampled_from([f"{kind}{i}" for kind in "vn" for i in range(5)])),
)
def test_what_is_chosen_is_what_the_state_accepts(voters: int, nodes: int, away: set[str]) -> None:
    ledger = fleet(voters, nodes, 1)
    chosen = anchors_of(ledger.state, "h0", away)
    assert len(chosen) == min(3, voters + nodes + 1)
    told = c.JoinMember(node="h0", name="h0", life=life(reach=Reach(False, (), chosen)))
    assert isinstance(ledger.do(told), Done)
    ledger.state.check()
    assert anchors_of(ledger.state, "h0", away) == chosen


def test_an_anchor_that_is_away_is_left_for_another_and_the_rest_stay() -> None:
    ledger = fleet(4, 4, 1)
    chosen = anchors_of(ledger.state, "h0", frozenset())
    ledger.do(c.JoinMember(node="h0", name="h0", life=life(reach=Reach(False, (), chosen))))
    gone = next(name for name in chosen if name.startswith("v"))
    after = anchors_of(ledger.state, "h0", {gone})
    assert gone not in after
    assert len(set(chosen) & set(after)) == 2
    assert sum(name[0] in "vn" and name != "n" for name in after) >= 2


def test_hidden_nodes_spread_over_those_that_can_be_reached() -> None:
    ledger = fleet(4, 8, 30)
    load = Counter(
        anchor for i in range(30) for anchor in anchors_of(ledger.state, f"h{i}", frozenset())
    )
    assert len(load) >= 10
    assert max(load.values()) <= 30
