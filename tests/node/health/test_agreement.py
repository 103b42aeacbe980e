"""Copies are compared at equal entries: what most voters hold is right, whoever else is odd."""

from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.health.agreement import REMEMBERED, Agreement, Findings

VOTERS = ("a", "b", "c")
NODES = (*VOTERS, "d", "e")


def findings(mine: dict[int, str], *told: tuple[str, int, str], me: str = "a") -> Findings:
    agreement = Agreement(me)
    for node, index, digest in told:
        agreement.hear(node, 1, (index, digest))
    return agreement.compare(mine, NODES, VOTERS)


def test_nothing_is_known_before_another_tells_of_the_same_entry() -> None:
    assert findings({}) == Findings()
    assert findings({1000: "x"}) == Findings()
    assert findings({1000: "x"}, ("b", 2000, "y")) == Findings()


def test_equal_copies_are_counted_at_the_newest_entry_they_share() -> None:
    told = findings({1000: "x", 2000: "y"}, ("b", 1000, "x"), ("c", 2000, "y"), ("d", 2000, "y"))
    assert told == Findings(2000, 2)


def test_the_odd_one_is_named_by_all_and_by_itself() -> None:
    right = findings({1000: "x"}, ("b", 1000, "x"), ("c", 1000, "y"))
    itself = findings({1000: "y"}, ("a", 1000, "x"), ("b", 1000, "x"), me="c")
    assert right.odd == itself.odd == {"c": 1000}
    assert right.split is itself.split is None
    plain = findings({1000: "y"}, ("a", 1000, "x"), ("b", 1000, "x"), ("e", 1000, "y"), me="d")
    assert plain.odd == {"d": 1000, "e": 1000}


def test_plain_nodes_make_no_majority() -> None:
    told = findings({1000: "x"}, ("d", 1000, "y"), ("e", 1000, "y"))
    assert told.odd == {} and told.split == 1000
    assert findings({1000: "y"}, ("a", 1000, "x"), ("e", 1000, "y"), me="d").split == 1000


def test_a_new_life_has_a_new_copy_and_who_left_is_forgotten() -> None:
    agreement = Agreement("a")
    agreement.hear("b", 1, (1000, "x"))
    agreement.hear("c", 1, (1000, "y"))
    assert agreement.compare({1000: "x"}, NODES, VOTERS).odd == {"c": 1000}
    agreement.hear("c", 2, (2000, "z"))
    assert agreement.compare({1000: "x"}, NODES, VOTERS).odd == {}
    agreement.hear("c", 2, (1000, "y"))
    assert agreement.compare({1000: "x"}, NODES, VOTERS).odd == {"c": 1000}
    assert agreement.compare({1000: "x"}, ("a", "b"), ("a", "b")).odd == {}
    assert agreement.compare({1000: "x"}, NODES, VOTERS).odd == {}


@given(st.data())
def test_equal_copies_never_make_anybody_odd(data: st.DataObject) -> None:
    """Whatever comes late, twice, or of entries that this node has not reached or has forgotten."""
    agreement = Agreement("a")
    indexes = st.integers(1, 20).map(lambda n: 1000 * n)
    for node, index in data.draw(st.lists(st.tuples(st.sampled_from(NODES), indexes))):
        agreement.hear(node, 1, (index, f"{index:x}"))
    mine = {index: f"{index:x}" for index in data.draw(st.sets(indexes))}
    found = agreement.compare(mine, NODES, VOTERS)
    assert found.odd == {} and found.split is None
    assert found.equal <= len(NODES) - 1


@given(st.integers(0, 10_000))
def test_what_a_node_says_takes_bounded_room(count: int) -> None:
    agreement = Agreement("a")
    for index in range(min(count, 50)):
        agreement.hear("b", 1, (index, "x"))
    mine = dict.fromkeys(range(50), "x")
    known = [i for i in mine if agreement.compare({i: "y"}, NODES, VOTERS).split is not None]
    assert len(known) <= REMEMBERED
