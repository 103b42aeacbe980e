"""Who decides follows the roles that operators gave, and never by more than can be decided now."""

from cluster_support import Ledger, joins
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.cluster import commands as c
from ringrift.node.control.autopilot import HandOver, NameVoters, next_change
from ringrift.wire.log import MAX_VOTERS, Entry

NAMES = tuple(f"v{number}" for number in range(9))


def cluster(voters: tuple[str, ...], eligible: tuple[str, ...]) -> Ledger:
    """A cluster in which these decide, and operators want those to."""
    ledger = Ledger.founded()
    for name in NAMES:
        ledger.do(joins(name))
        if name in eligible:
            ledger.do(c.ChangeRole(member=name, role="voter", by="n"))
    ledger.do(c.ChangeRole(member="n", role="voter" if "n" in eligible else "node", by="n"))
    named = c.encode_command(c.ChangeVoters())
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, named, voters))
    return ledger


def test_an_eligible_node_votes_once_it_is_linked() -> None:
    state = cluster(("n",), ("n", "v1", "v2")).state
    assert next_change(state, "n", 1, frozenset()) is None
    assert next_change(state, "n", 1, frozenset({"v2"})) == NameVoters(("n", "v2"))


def test_nobody_is_added_or_removed_when_the_next_voters_could_not_decide() -> None:
    state = cluster(("n", "v1", "v2"), ("n", "v1", "v2", "v3")).state
    assert next_change(state, "n", 1, frozenset({"v3"})) is None
    assert next_change(state, "n", 1, frozenset({"v1", "v3"})) == NameVoters(
        ("n", "v1", "v2", "v3")
    )
    state = cluster(("n", "v1", "v2"), ("n", "v1")).state
    assert next_change(state, "n", 1, frozenset()) is None
    assert next_change(state, "n", 1, frozenset({"v1"})) == NameVoters(("n", "v1"))


def test_a_leader_that_is_to_leave_hands_over_first() -> None:
    state = cluster(("n", "v1", "v2"), ("v1", "v2")).state
    assert next_change(state, "n", 1, frozenset({"v2"})) is None
    assert next_change(state, "n", 1, frozenset({"v1", "v2"})) == HandOver("v1")
    assert next_change(state, "v2", 1, frozenset({"v1"})) == NameVoters(("v1", "v2"))


def test_an_operators_wish_for_another_leader_holds_for_its_term() -> None:
    ledger = cluster(("n", "v1", "v2"), ("n", "v1", "v2"))
    ledger.do(c.TransferLeadership(term=4, to="v2", by="n"))
    here = frozenset({"v1", "v2"})
    assert next_change(ledger.state, "n", 4, here) == HandOver("v2")
    assert next_change(ledger.state, "n", 5, here) is None
    assert next_change(ledger.state, "n", 4, frozenset({"v1"})) is None
    ledger.do(c.TransferLeadership(term=6, by="n"))
    assert next_change(ledger.state, "n", 6, here) == HandOver("v1")


@given(
    eligible=st.sets(st.sampled_from((*NAMES, "n")), min_size=1),
    linked=st.sets(st.sampled_from(NAMES)),
)
def test_it_comes_to_rest_with_the_voters_that_are_wanted(
    eligible: set[str], linked: set[str]
) -> None:
    ledger = cluster(("n",), tuple(sorted(eligible)))
    leader = "n"
    for _ in range(30):
        here = frozenset((linked | {"n"}) - {leader})
        match next_change(ledger.state, leader, 1, here):
            case HandOver(to):
                assert to in ledger.state.voters and to in here
                leader = to
            case NameVoters(voters):
                assert len(set(voters) ^ set(ledger.state.voters)) == 1
                assert 1 <= len(voters) <= MAX_VOTERS
                assert 2 * len(set(voters) & (here | {leader})) > len(voters)
                named = c.encode_command(c.ChangeVoters())
                ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, named, voters))
            case None:
                break
    else:
        raise AssertionError("it never came to rest")
    reachable = eligible & (linked | {"n"})
    if reachable:
        assert set(ledger.state.voters) <= reachable
        assert len(ledger.state.voters) == min(len(reachable), MAX_VOTERS)
