"""The small parts: places, timers, rumours, soft states, pace."""

from cluster_support import life
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.cluster.members import Member, Reach
from ringrift.node.gossip.pace import Pacing, partition_of
from ringrift.node.gossip.places import Place, Places, places_of
from ringrift.node.gossip.rumours import Rumours
from ringrift.node.gossip.softstate import SoftStates
from ringrift.node.gossip.timers import Timers
from ringrift.wire.gossip import Soft, SoftState

TABLE = {
    "v1": Place(votes=True),
    "v2": Place(votes=True),
    "n3": Place(),
    "far": Place(inbound=False, anchors=frozenset({"v1", "v2"})),
}


def test_who_may_have_a_stream_with_a_member_observes_it() -> None:
    places = Places("v1", TABLE)
    assert places.observers("n3") == {"v1", "v2"}
    assert places.observers("v1") == {"v2", "n3", "far"}
    assert places.observers("far") == {"v1", "v2"}
    assert places.observers("gone") == frozenset()
    assert places.mine == {"v2", "n3", "far"}
    assert places.clients == {"far"}
    assert Places("far", TABLE).mine == {"v1", "v2"}
    assert Places("n3", TABLE).mine == {"v1", "v2"}


def test_places_are_those_of_members_that_are_nodes_and_have_lived() -> None:
    rows = [
        Member(id="v", name="v", role="voter", life=life(1), joined_at_ms=0),
        Member(id="n", name="n", role="node"),
        Member(id="o", name="o", role="operator"),
        Member(id="r", name="r", role="node", life=life(1), joined_at_ms=0, revoked=7),
        Member(
            id="f", name="f", role="node", joined_at_ms=0,
            life=life(1, reach=Reach(inbound=False, anchors=("v",))),
        ),
    ]  # fmt: skip
    assert places_of(rows) == {
        "v": Place(votes=True),
        "f": Place(inbound=False, anchors=frozenset({"v"})),
    }


def test_time_that_a_process_slept_through_makes_nothing_due() -> None:
    timers = Timers(0.0, late=0.5, grace=0.3)
    done: list[str] = []
    timers.after(1.0, done.append, "soon")
    timers.after(9.0, done.append, "later")
    assert not timers.wake(1.4)
    timers.run()
    assert done == ["soon"]
    assert timers.wake(1000.0)
    timers.run()
    assert done == ["soon"]
    assert timers.next_at == 1000.0 + 0.3 + (9.0 - 1.4)
    assert not timers.wake(timers.next_at)
    timers.run()
    assert done == ["soon", "later"]


def test_a_rumour_is_told_so_often_and_always_to_those_who_depend() -> None:
    rumours: Rumours[str] = Rumours(2)
    rumours.always = frozenset({"far"})
    rumours.put(("x", "x"), "news", 2)
    rumours.knows("b", ("x", "x"))
    assert rumours.waiting(["b", "c", "d", "far"]) == ["c", "d", "far"]
    assert rumours.take("c", 5) == rumours.take("d", 5) == ["news"]
    assert rumours.take("e", 5) == []
    assert rumours.take("far", 5) == rumours.take("far", 5) == ["news"]
    assert rumours.waiting(["c", "e", "far"]) == []


def test_what_was_told_least_is_told_first() -> None:
    rumours: Rumours[str] = Rumours(1)
    rumours.put(("x", "x"), "old", 5)
    rumours.take("b", 1)
    rumours.put(("y", "y"), "new", 5)
    assert rumours.take("c", 1) == ["new"]


SOFTS = st.builds(
    lambda node, boot, version: Soft(node, boot, version, 0, SoftState(slots=boot * 10 + version)),
    st.sampled_from("bcd"),
    st.integers(1, 3),
    st.integers(0, 5),
)


@given(st.lists(SOFTS), st.randoms())
def test_soft_states_converge_in_any_order_and_however_often(
    softs: list[Soft], rng: object
) -> None:
    one, other = SoftStates(), SoftStates()
    for soft in softs:
        one.hear(soft, 5.0)
    for soft in sorted(softs + softs, key=lambda _: rng.random()):  # type: ignore[attr-defined]
        other.hear(soft, 5.0)
    assert one.of == other.of
    for soft in softs:
        assert one.version(soft.node) >= (soft.boot, soft.version)
        assert not one.hear(soft, 5.0)


def test_a_soft_state_keeps_its_age_on_its_way() -> None:
    states = SoftStates()
    states.hear(Soft("b", 1, 1, 1500, SoftState(slots=1)), 10.0)
    assert states.of["b"].said_at == 8.5
    assert states.of["b"].told("b", 12.0).age_ms == 3500


def test_the_partition_is_judged_by_who_counts() -> None:
    alive, gone, retired = (True, 9.0), (False, 9.0), (False, 301.0)
    assert partition_of([]) == "none"
    assert partition_of([alive, gone]) == "none"
    assert partition_of([gone]) == "minority", "one of two is not more than half"
    assert partition_of([gone] * 4) == "isolated"
    assert partition_of([alive, *[gone] * 4]) == "minority"
    assert partition_of([alive, *[retired] * 9]) == "none"
    assert partition_of([retired] * 2) == "isolated"


def test_five_healthy_rounds_make_it_stable() -> None:
    pacing = Pacing()
    assert (pacing.pace, pacing.interval) == ("partitioned", 5.0)
    pacing.look("none")
    assert (pacing.pace, pacing.interval) == ("recovering", 10.0)
    for _ in range(4):
        pacing.round("none")
    assert pacing.pace == "recovering"
    pacing.round("none")
    assert (pacing.pace, pacing.interval) == ("stable", 30.0)
    pacing.look("minority")
    assert pacing.pace == "partitioned"
    pacing.round("none")
    assert pacing.pace == "recovering", "the count begins anew"
