"""Thirty cores in virtual time: joins, deaths, denials, partitions, NAT, and a starved observer."""

from dataclasses import replace

from fleet import Fleet
from gossip_town import SOFT, TIMING, fleet, seen

from ringrift.node.gossip.places import Place
from ringrift.node.sim.network import Weather

OPEN = {f"n{i}": Place(votes=i < 3) for i in range(8)}
NAT = OPEN | {
    f"far{i}": Place(False, False, frozenset({"n0", "n1", f"n{3 + i}"})) for i in range(5)
}


def test_everybody_sees_everybody_and_becomes_stable() -> None:
    here = fleet(1, NAT, lost=0.05)
    here.agenda.run(90.0)
    for name in NAT:
        assert set(seen(here, name).values()) == {"alive"}
    for node in here.nodes.values():
        assert node.core.partition(here.agenda.now) == "none"
        assert node.core.pacing.pace == "stable"
        assert node.core.counters.declared == 0


def test_a_newcomer_is_seen_within_three_seconds_though_some_learn_late_of_it() -> None:
    for new in ("n7", "far4"):
        here = fleet(2, {name: place for name, place in NAT.items() if name != new}, lost=0.05)
        here.table = dict(NAT)
        here.start(new, lambda: 1.0)
        here.agenda.run(33.0)
        assert set(seen(here, new).values()) == {"alive"}


def test_the_dead_are_found_and_their_next_life_is_seen() -> None:
    for seed, gone in enumerate(("n0", "n7", "far2")):
        here = fleet(seed, NAT)
        here.cut_power(gone)
        here.agenda.run(45.0)
        assert set(seen(here, gone).values()) == {"dead"}
        here.start(gone)
        here.agenda.run(48.0)
        assert set(seen(here, gone).values()) == {"alive"}
        assert {
            n.core.standings(48.0)[gone].boot for n in here.nodes.values() if n.name != gone
        } == {2}


def test_a_killed_process_is_known_dead_within_five_seconds() -> None:
    for seed, gone in enumerate(("n0", "n7", "far2")):
        here = fleet(seed, NAT, lost=0.05)
        here.kill(gone)
        here.agenda.run(35.0)
        witnesses = {name for name, place in NAT.items() if place.witness}
        assert {s for name, s in seen(here, gone).items() if name in witnesses} == {"dead"}


def test_who_stood_still_until_it_was_declared_dead_denies_it() -> None:
    here = fleet(3, NAT)
    node = here.nodes["n4"]
    here.stop(node, 50.0)
    here.agenda.run(49.9)
    assert set(seen(here, "n4").values()) == {"dead"}
    here.agenda.run(55.0)
    assert set(seen(here, "n4").values()) == {"alive"}
    assert node.core.counters.declared == 0


def test_a_starved_observer_accuses_ten_times_less_by_its_local_health() -> None:
    accused: list[int] = []
    for timing in (TIMING, replace(TIMING, worst=0, late=1e9)):
        here = Fleet(4, NAT, timing, Weather(lost=0.05, fastest=0.001, slowest=0.01))
        for name in NAT:
            here.start(name)
        here.agenda.run(30.0)
        here.starve("n1", 0.3, 4.0, 200.0)
        here.agenda.run(200.0)
        accused.append(here.nodes["n1"].core.counters.accused)
    with_health, without = accused
    assert without >= 10 * max(1, with_health)


def test_both_halves_know_that_they_are_cut_and_find_each_other_again() -> None:
    here = fleet(5, OPEN)
    few = {"n0", "n1", "n2"}
    links = [(a, b) for a in OPEN for b in OPEN if (a in few) != (b in few)]
    here.network.cut("test", links)
    here.agenda.run(120.0)
    for name, node in here.nodes.items():
        expected = "minority" if name in few else "none"
        assert node.core.partition(120.0) == expected, name
        assert (node.core.pacing.pace == "partitioned") == (name in few)
    here.network.mend("test")
    here.agenda.run(140.0)
    for name in OPEN:
        assert set(seen(here, name).values()) == {"alive"}


def test_soft_state_reaches_everybody_soon_and_ages() -> None:
    here = fleet(6, NAT, lost=0.05)
    core = here.nodes["far0"].core
    here.carry(here.nodes["far0"], core.publish(SOFT, 30.0))
    here.agenda.run(40.0)
    for node in here.nodes.values():
        kept = node.core.soft_states()["far0"]
        assert kept.state == SOFT
        assert abs(kept.said_at - 30.0) < 0.2


def test_a_seed_decides_everything() -> None:
    def story(seed: int) -> list[object]:
        here = fleet(seed, NAT, lost=0.1)
        here.kill("n3")
        here.agenda.run(60.0)
        return [here.agenda.entered, *(str(n.core.counters) for n in here.nodes.values())]

    assert story(7) == story(7) != story(8)
