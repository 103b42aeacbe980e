"""The core tier: a whole cluster of voters in one thread, under virtual time, with faults.

Everything that decides is the production code (`Host`, `Storage`, `ClusterState`, the lease tables);
disks, clocks and the network are virtual. A seed decides everything: the faults, the clients'
wishes, every delay. After `FAULTS_S` seconds all faults end and the cluster must be whole again.
"""

import random
import zlib
from dataclasses import dataclass

from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.storage import found
from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.asks import Renew
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.checkers.tally import Tally
from ringrift.node.sim.checkers.violation import Violation
from ringrift.node.sim.client import Client, Market
from ringrift.node.sim.faults import Fault, draw_plan
from ringrift.node.sim.habits import Operator, Worker
from ringrift.node.sim.machine import Machine, World
from ringrift.node.sim.network import Network
from ringrift.wire.log import Voters

LENGTH_S = 60.0
CALM_S = 22.0
"""The fault-free end of a run."""
QUIET_S = 8.0
"""Before the end clients ask for nothing new, so that every wish can be answered."""
WORKERS = 4
PACE_S = 0.35
RENEW_EVERY_S = 1.0
INCARNATION = "5" * 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed gave: its counts, a checksum of everything that happened, what was broken."""

    seed: int
    tally: Tally
    checksum: int
    violation: Violation | None
    trace: tuple[str, ...]


class Run:
    """One seed with `size` machines, all of them voters at first."""

    def __init__(self, seed: int, size: int, *, trace: bool = False) -> None:
        self.seed = seed
        self._rng = random.Random(f"core {size} {seed}")
        self._agenda = Agenda()
        self._checksum = 0
        self._trace: list[str] | None = [] if trace else None
        self._numbers = 0
        names: Voters = tuple("abcdefghi"[:size])
        observer = Observer(lambda: self._agenda.now, names)
        network = Network(self._agenda, self._fork())
        world = World(self._agenda, network, observer, TIMINGS["lan"], INCARNATION, self._say)
        self._world, self._voters = world, names
        self.machines = {name: Machine(name, world, self._fork()) for name in names}
        self._plan = draw_plan(self._fork(), LENGTH_S - CALM_S)
        self._workers: list[tuple[Client, Worker]] = []

    def play(self) -> Outcome:
        """Let it all happen."""
        violation = None
        try:
            self._begin()
            self._agenda.run(LENGTH_S - CALM_S)
            self._heal()
            self._agenda.run(LENGTH_S)
            self._end()
        except Violation as broken:
            violation = broken
            self._say(str(broken))
        observer = self._world.observer
        trace = tuple(self._trace or ())
        return Outcome(self.seed, observer.tally, self._checksum, violation, trace)

    def _fork(self) -> random.Random:
        return random.Random(self._rng.getrandbits(64))

    def _say(self, line: str) -> None:
        """Take a line of the trace; its checksum tells whether two runs were the same."""
        line = f"{self._agenda.now:9.4f}  {line}"
        self._checksum = zlib.crc32(line.encode(), self._checksum)
        if self._trace is not None:
            self._trace.append(line)

    def _begin(self) -> None:
        for name, machine in self.machines.items():
            found(machine.disk, INCARNATION, name, self._voters)
            machine.start()
        for fault in self._plan:
            self._say(f"planned: {fault}")
            self._agenda.at(fault.start, self._strike, fault)
        market = Market(
            self._agenda,
            self._world.network,
            self._world.observer,
            self._voters,
            lambda node: self.machines[node].life,
            self._number,
        )
        for place in range(WORKERS):
            worker = Worker(f"w{place}", self._fork(), PACE_S)
            client = Client(worker.name, market, self._fork(), Quieting(worker, self._agenda))
            self._workers.append((client, worker))
        operator = Operator(
            self._fork(), self._voters, self._known_voters, self._rng.uniform(1.5, 8.0)
        )
        Client("operator", market, self._fork(), Quieting(operator, self._agenda))
        self._agenda.after(RENEW_EVERY_S, self._renew)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _known_voters(self) -> Voters:
        """The voters that the most advanced machine knows."""
        hosts = [m.host for m in self.machines.values() if m.host is not None]
        newest = max(hosts, key=lambda host: host.state.index, default=None)
        return newest.raft.tail.voters if newest is not None else self._voters

    def _renew(self) -> None:
        for client, worker in self._workers:
            if worker.held:
                client.send(Renew(tuple(worker.held)))
        self._agenda.after(RENEW_EVERY_S, self._renew)

    # Faults.

    def _victim(self, fault: Fault) -> Machine:
        leader = next((m for m in self.machines.values() if m.leads), None)
        if fault.aim < 0.5 and leader is not None:
            return leader
        return self.machines[self._rng.choice(self._voters)]

    def _strike(self, fault: Fault) -> None:
        weather, network, now = self._world.network.weather, self._world.network, self._agenda.now
        victim, strength = self._victim(fault), fault.strength
        self._say(f"{fault.kind} strikes {victim.name}, strength {strength:.2f}")
        match fault.kind:
            case "loss":
                weather.lost = 0.02 + 0.3 * strength**2
            case "delay":
                weather.slowest = 0.01 + 0.5 * strength**2
            case "doubling":
                weather.doubled = 0.05 + 0.4 * strength
            case "reordering":
                weather.reordered = 0.05 + 0.5 * strength
            case "partition":
                self._part(victim)
            case "one_way":
                for other in self._voters:
                    if self._rng.random() < 0.6:
                        pair = (victim.name, other) if strength < 0.5 else (other, victim.name)
                        network.mute(*pair)
            case "crash" | "power_cut":
                victim.stop(power_cut=fault.kind == "power_cut")
            case "slow_disk":
                victim.slowness = 10.0 ** (1.0 + 2.5 * strength)
            case "full_disk":
                victim.disk.capacity = victim.disk.used + int(2000 * strength)
            case "broken_sync":
                victim.disk.fsync_fails = True
            case "skew":
                victim.clock.skew(1.0 + (strength - 0.4) * 0.8, now)
            case "jump":
                victim.clock.jump(10.0 ** (3.0 * strength - 1.0), now)
            case "starved":
                victim.starved_until = max(victim.starved_until, fault.end)
        self._agenda.at(fault.end, self._relent, fault, victim)

    def _part(self, victim: Machine) -> None:
        """A minority around the victim is cut off, with some of the clients."""
        others = [name for name in self._voters if name != victim.name]
        minority = self._rng.randint(1, (len(self._voters) - 1) // 2)
        small = {victim.name, *self._rng.sample(others, minority - 1)}
        sides = {name: int(name in small) for name in self._voters}
        sides |= {client.name: self._rng.randint(0, 1) for client, _ in self._workers}
        # The operator stands with the majority, so that voters change while others are cut off.
        self._world.network.part(sides | {"operator": 0})
        self._world.observer.partitioned(True)

    def _relent(self, fault: Fault, victim: Machine) -> None:
        weather, network = self._world.network.weather, self._world.network
        match fault.kind:
            case "loss":
                weather.lost = 0.0
            case "delay":
                weather.slowest = 0.001
            case "doubling":
                weather.doubled = 0.0
            case "reordering":
                weather.reordered = 0.0
            case "partition" | "one_way":
                network.mend()
                self._world.observer.partitioned(False)
            case "crash" | "power_cut":
                if victim.host is None:
                    victim.start()
            case "slow_disk":
                victim.slowness = 1.0
            case "full_disk":
                victim.disk.capacity = None
            case "broken_sync":
                victim.disk.fsync_fails = False
            case "skew":
                victim.clock.skew(1.0, self._agenda.now)
            case "jump" | "starved":
                pass

    def _heal(self) -> None:
        """All faults have ended by now; whoever is still down comes back."""
        self._say("all faults have ended")
        for machine in self.machines.values():
            if machine.host is None:
                machine.start()
        self._world.observer.healed(self._voters)

    def _end(self) -> None:
        states = {n: m.host.state for n, m in self.machines.items() if m.host is not None}
        self._world.observer.finished(states)
        for name, state in states.items():
            self._say(f"{name} ends with {state.index} entries, digest {state.digest()[:16]}")


class Quieting:
    """A habit that wishes for nothing new in the last seconds of a run."""

    def __init__(self, habit: Worker | Operator, agenda: Agenda) -> None:
        self._habit, self._agenda = habit, agenda
        self.pause, self.told = habit.pause, habit.told

    def next_wish(self):  # noqa: ANN201
        if self._agenda.now > LENGTH_S - QUIET_S:
            return None
        return self._habit.next_wish()
