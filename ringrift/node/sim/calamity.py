"""Lets the planned faults strike a cluster, and end."""

import random
from collections.abc import Mapping
from functools import partial

from ringrift.node.sim.ambush import Ambush
from ringrift.node.sim.faults import Fault, Kind
from ringrift.node.sim.machine import Machine, World
from ringrift.node.sim.moments import MOMENTS
from ringrift.node.sim.network import Link, across
from ringrift.wire.log import Voters

CALM_DELAY_S = 0.001
"""Longest delay of a message on a quiet network."""


class Calamities:
    """The faults of one run. Of those that overlap on one victim the worst counts.

    Partitions cut off clients too; of `clients` some are with each side.
    """

    def __init__(
        self,
        machines: Mapping[str, Machine],
        clients: Voters,
        world: World,
        rng: random.Random,
    ) -> None:
        self._machines, self._clients = machines, clients
        self._world, self._rng = world, rng
        self._active: dict[Fault, Machine] = {}
        self._slow: dict[Fault, list[Machine]] = {}
        self._ambushes: dict[Fault, Ambush] = {}

    def plan(self, faults: list[Fault]) -> None:
        """Have these faults strike when their time comes."""
        for fault in faults:
            self._world.agenda.at(fault.start, self._strike, fault)

    def _strike(self, fault: Fault) -> None:
        victim = self._victim(fault)
        self._active[fault] = victim
        whom = _OF_ALL.get(fault.kind, victim.name)
        words = f"{fault.kind} strikes {whom}, strength {fault.strength:.2f}"
        self._world.trace.event("fault", f"{words}, until {fault.end:.3f}")
        self._begin(fault, victim)
        self._world.agenda.at(fault.end, self._relent, fault)

    def _relent(self, fault: Fault) -> None:
        victim = self._active.pop(fault)
        self._world.trace.event("fault", f"{fault.kind} ends")
        self._end(fault, victim)

    def _victim(self, fault: Fault) -> Machine:
        leader = next((m for m in self._machines.values() if m.leads), None)
        if fault.aim < 0.5 and leader is not None:
            return leader
        return self._rng.choice(list(self._machines.values()))

    def _begin(self, fault: Fault, victim: Machine) -> None:
        strength = fault.strength
        match fault.kind:
            case "loss" | "delay" | "doubling" | "reordering":
                self._set_weather(fault.kind)
            case "slow_disk":
                self._slow_disks(fault, victim)
            case "skew":
                self._skew(victim)
            case "partition":
                self._cut(fault, across(self._sides(victim)))
            case "one_way":
                self._cut(fault, self._deaf_links(fault, victim))
            case "crash":
                victim.stop(power_cut=False)
            case "power_cut":
                self._cut_power(fault, [victim], victim)
            case "blackout":
                self._cut_power(fault, list(self._machines.values()), victim)
            case "ambush":
                self._lie_in_wait(fault)
            case "full_disk":
                victim.disk.capacity = victim.disk.used + int(2_000 * strength)
            case "broken_sync":
                victim.disk.fsync_fails = True
            case "jump":
                victim.clock.jump(10.0 ** (3.0 * strength - 1.0), self._world.agenda.now)
            case "starved":
                victim.starved_until = max(victim.starved_until, fault.end)

    def _end(self, fault: Fault, victim: Machine) -> None:
        again = self._worst(fault.kind, victim) is not None
        match fault.kind:
            case "loss" | "delay" | "doubling" | "reordering":
                self._set_weather(fault.kind)
            case "slow_disk":
                self._set_slowness(self._slow.pop(fault))
            case "skew":
                self._skew(victim)
            case "partition" | "one_way":
                self._world.network.mend(fault)
                self._world.observer.partitioned(self._world.network.is_cut)
            case "crash" | "power_cut":
                victim.at_next_write = None
                victim.start()
            case "blackout":
                victim.at_next_write = None
                for machine in self._machines.values():
                    self._world.agenda.after(self._rng.uniform(0.0, 2.0), machine.start)
            case "ambush":
                self._ambushes.pop(fault).end()
                self._set_slowness(self._slow.pop(fault, []))
            case "full_disk":
                if not again:
                    victim.disk.capacity = None
            case "broken_sync":
                victim.disk.fsync_fails = again
            case "jump" | "starved":
                pass

    def _worst(self, kind: Kind, victim: Machine | None = None) -> float | None:
        """The greatest strength of the active faults of a kind, on one machine or at all."""
        strengths = [
            fault.strength
            for fault, machine in self._active.items()
            if fault.kind == kind and victim in (None, machine)
        ]
        return max(strengths, default=None)

    def _set_weather(self, kind: Kind) -> None:
        weather, worst = self._world.network.weather, self._worst(kind)
        strength = worst or 0.0
        calm = worst is None
        match kind:
            case "loss":
                weather.lost = 0.0 if calm else 0.02 + 0.3 * strength**2
            case "delay":
                weather.slowest = CALM_DELAY_S if calm else 0.01 + 0.5 * strength**2
            case "doubling":
                weather.doubled = 0.0 if calm else 0.05 + 0.4 * strength
            case _:
                weather.reordered = 0.0 if calm else 0.05 + 0.5 * strength

    def _slow_disks(self, fault: Fault, victim: Machine) -> None:
        """Slow one disk, or those of a majority: then a few fast ones may outrun them."""
        many = self._rng.random() < 0.3
        others = [machine for machine in self._machines.values() if machine is not victim]
        more = self._rng.sample(others, len(self._machines) // 2) if many else []
        for machine in [victim, *more]:
            self._slow_down(fault, machine)

    def _slow_down(self, fault: Fault, machine: Machine) -> None:
        self._slow.setdefault(fault, []).append(machine)
        self._set_slowness([machine])

    def _set_slowness(self, changed: list[Machine]) -> None:
        for machine in changed:
            slow = [fault.strength for fault, slowed in self._slow.items() if machine in slowed]
            machine.slowness = 10.0 ** (1.0 + 2.5 * max(slow)) if slow else 1.0

    def _skew(self, victim: Machine) -> None:
        worst = self._worst("skew", victim)
        rate = 1.0 if worst is None else 1.0 + (worst - 0.4) * 0.8
        victim.clock.skew(rate, self._world.agenda.now)

    def _cut(self, fault: Fault, links: list[Link]) -> None:
        self._world.network.cut(fault, links)
        self._world.observer.partitioned(self._world.network.is_cut)

    def _sides(self, victim: Machine) -> dict[str, int]:
        """A minority around the victim is cut off, with some of the clients."""
        names = list(self._machines)
        others = [name for name in names if name != victim.name]
        size = self._rng.randint(1, (len(names) - 1) // 2)
        minority = {victim.name, *self._rng.sample(others, size - 1)}
        self._world.trace.event("fault", f"cut off: {'+'.join(sorted(minority))}")
        sides = {name: int(name in minority) for name in names}
        return sides | {client: int(self._rng.random() < 0.5) for client in self._clients}

    def _deaf_links(self, fault: Fault, victim: Machine) -> list[Link]:
        """Links to most other machines, or from them."""
        others = [name for name in self._machines if self._rng.random() < 0.6]
        if fault.strength < 0.5:
            return [(victim.name, other) for other in others]
        return [(other, victim.name) for other in others]

    def _cut_power(self, fault: Fault, machines: list[Machine], first: Machine) -> None:
        """Cut the power of machines, mostly at the worst time: when `first` has just written."""

        def cut() -> None:
            if fault in self._active:  # a slow disk may take longer than the fault lasts
                for machine in machines:
                    machine.stop(power_cut=True)

        if fault.strength < 0.2:
            cut()
        else:
            first.at_next_write = cut

    def _lie_in_wait(self, fault: Fault) -> None:
        moment = MOMENTS[int(fault.strength * len(MOMENTS))]
        machines = list(self._machines.values())
        slow = partial(self._slow_down, fault)
        self._ambushes[fault] = Ambush(moment, machines, self._world, self._rng, slow)
        self._world.trace.event("fault", f"ambush: {self._ambushes[fault]}")


_OF_ALL: dict[Kind, str] = {
    "loss": "the network",
    "delay": "the network",
    "doubling": "the network",
    "reordering": "the network",
    "ambush": "whoever comes by",
}
