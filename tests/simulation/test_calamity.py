"""Faults strike, overlap and end: what remains afterwards is a cluster without any."""

import random

from ringrift.node.cluster.commands import OpenSession, encode_command
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.storage import found
from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.asks import Ask, Propose
from ringrift.node.sim.calamity import Calamities
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.faults import SHARES, Fault, draw_plan
from ringrift.node.sim.machine import Machine, World
from ringrift.node.sim.network import Network, Weather, across
from ringrift.node.sim.process import Process
from ringrift.node.sim.trace import Trace
from ringrift.wire.log import NO_SESSION

NAMES = ("a", "b", "c")


class Stage:
    """Three machines, and faults that are planned for them."""

    def __init__(self, *faults: Fault) -> None:
        self.agenda = Agenda()
        self.network = Network(self.agenda, random.Random(1))
        observer = Observer(lambda: self.agenda.now, NAMES)
        self.network.join("w", lambda sender, message: None)
        self.trace = Trace(lambda: self.agenda.now, "plain")
        timing = TIMINGS["lan"]
        world = World(self.agenda, self.network, observer, self.trace, timing, "5" * 32, Process)
        self.machines = {name: Machine(name, world, random.Random(name)) for name in NAMES}
        for name, machine in self.machines.items():
            found(machine.disk, world.incarnation, name, NAMES)
            machine.start()
        Calamities(self.machines, ("w",), world, random.Random(2)).plan(list(faults))


def test_of_two_faults_of_a_kind_the_worse_one_counts_until_it_ends() -> None:
    stage = Stage(Fault("loss", 1, 4, 1.0, 0.9), Fault("loss", 2, 3, 0.0, 0.9))
    stage.agenda.run(2.5)
    assert stage.network.weather.lost == 0.32
    stage.agenda.run(3.5)
    assert stage.network.weather.lost == 0.32
    stage.agenda.run(4.5)
    assert stage.network.weather == Weather()


def test_a_partition_outlives_the_end_of_another_cut() -> None:
    stage = Stage(Fault("partition", 1, 4, 0.5, 0.9), Fault("one_way", 2, 3, 0.5, 0.9))
    stage.agenda.run(3.5)
    assert stage.network.is_cut
    stage.agenda.run(4.5)
    assert not stage.network.is_cut


def test_a_partition_cuts_both_ways_and_only_between_the_sides() -> None:
    assert sorted(across({"a": 0, "b": 1, "c": 1})) == [
        ("a", "b"),
        ("a", "c"),
        ("b", "a"),
        ("c", "a"),
    ]


def _leader_under_power_cut() -> tuple[Stage, Machine]:
    stage = Stage(Fault("power_cut", 5, 9, 0.9, 0.1))
    stage.agenda.run(5.5)
    (leader,) = [machine for machine in stage.machines.values() if machine.leads]
    return stage, leader


def test_power_is_cut_between_a_write_and_its_sync() -> None:
    stage, leader = _leader_under_power_cut()
    assert leader.process is not None
    last = leader.process.host.raft.durable_index
    opens = encode_command(OpenSession(owner="w", boot=1))
    leader.deliver("w", Ask(1, Propose(NO_SESSION, 0, opens)))
    stage.agenda.run(5.6)
    assert leader.process is None
    stage.agenda.run(9.0)
    lines = [line for line in stage.trace.lines if line.split()[1] == leader.name]
    assert any("loses power" in line for line in lines)
    assert f"log to {last}" in lines[-2] or f"log to {last + 1}" in lines[-2]


def test_a_write_that_outlasts_the_fault_is_spared() -> None:
    stage, leader = _leader_under_power_cut()
    leader.slowness = 1e4
    opens = encode_command(OpenSession(owner="w", boot=1))
    stage.agenda.at(8.99, leader.deliver, "w", Ask(1, Propose(NO_SESSION, 0, opens)))
    stage.agenda.run(30.0)
    assert leader.process is not None


def test_power_that_nobody_writes_under_is_not_cut() -> None:
    stage, leader = _leader_under_power_cut()
    assert leader.at_next_write is not None
    stage.agenda.run(9.5)
    assert leader.process is not None and leader.at_next_write is None


def test_every_kind_ends_with_all_machines_up_and_whole() -> None:
    stage = Stage(*(Fault(kind, 2, 6, 0.1, 0.1) for kind in SHARES))
    stage.agenda.run(12.0)
    assert stage.network.weather == Weather()
    assert not stage.network.is_cut
    for machine in stage.machines.values():
        assert machine.process is not None
        assert (machine.slowness, machine.at_next_write) == (1.0, None)
        assert (machine.disk.capacity, machine.disk.fsync_fails) == (None, False)


def test_seeds_draw_subsets_that_together_cover_every_kind() -> None:
    plans = [draw_plan(random.Random(seed), 38.0) for seed in range(100)]
    kinds = [{fault.kind for fault in plan} for plan in plans]
    assert set().union(*kinds) == set(SHARES)
    assert all(1 <= len(some) < len(SHARES) for some in kinds)
    assert all(0 <= fault.start < fault.end <= 38.0 for plan in plans for fault in plan)
