"""One seed's story, whichever tier plays it: the machines, the clients, the faults, the phases.

    begin    the cluster is founded, clients wish, and faults strike
    heal     all faults are over; the cluster must be whole again within moments
    end      everybody has to agree on everything

A seed decides everything: the faults, the clients' wishes, every delay.
"""

import random
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.storage import found, found_empty
from ringrift.node.sim.agenda import Schedule
from ringrift.node.sim.asks import Renew
from ringrift.node.sim.calamity import Calamities
from ringrift.node.sim.checkers.observer import Observer
from ringrift.node.sim.checkers.tally import Tally
from ringrift.node.sim.checkers.violation import CLUSTER, Violation, unexpected
from ringrift.node.sim.client import Client, Market
from ringrift.node.sim.faults import draw_plan
from ringrift.node.sim.habits import FEWEST_VOTERS, Operator, Reader, Worker
from ringrift.node.sim.machine import Life, Machine, NewLife, World
from ringrift.node.sim.network import Network
from ringrift.node.sim.trace import Detail, Trace
from ringrift.wire.log import Voters

LENGTH_S = 60.0
CALM_S = 22.0
"""The fault-free end of a run."""
QUIET_S = 8.0
"""Before the end clients wish for nothing new, so that every wish can be answered."""
WORKERS = 4
PACE_S = 0.3
RENEW_EVERY_S = 1.0
INCARNATION = "5" * 32
OPERATORS = ("operator", "deputy")
READERS = ("r0", "r1")
READER_PACE_S = 0.25


Tier = Literal["core", "driver"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed gave: its counts, a checksum of what happened, what was broken, and the trace."""

    seed: int
    size: int
    tally: Tally
    checksum: int
    violation: Violation | None
    trace: tuple[str, ...]


class Story:
    """One seed with `size` machines, in most seeds all of them voters at first."""

    def __init__(
        self, tier: Tier, seed: int, size: int, detail: Detail, agenda: Schedule, new_life: NewLife
    ) -> None:
        self.seed = seed
        self._rng = random.Random(f"{tier} {size} {seed}")
        self._agenda = agenda
        self._nodes: Voters = tuple("abcdefg"[:size])
        # Some clusters are founded small, by nodes whose peers know nothing when they are added.
        founders = FEWEST_VOTERS if self._rng.random() < 0.2 else size
        self._founders = self._nodes[:founders]
        observer = Observer(self._now, self._founders, lambda node: self.machines[node].now())
        self._network = Network(self._agenda, self._fork())
        self._world = World(
            self._agenda,
            self._network,
            observer,
            Trace(self._now, detail),
            TIMINGS["lan"],
            INCARNATION,
            new_life,
        )
        self.machines = {name: Machine(name, self._world, self._fork()) for name in self._nodes}
        self._market = Market(
            self._agenda,
            self._network,
            observer,
            self._world.trace,
            self._nodes,
            LENGTH_S - QUIET_S,
            lambda node: self.machines[node].life,
        )

    def outcome(self, error: Exception | None) -> Outcome:
        """What the seed gave; `error` is what ended it early."""
        trace = self._world.trace
        violation = error if isinstance(error, Violation) else None
        if error is not None and violation is None:
            # Whatever else ends a node is a finding of the seed, too.
            node = _machine_in(error.__traceback__) or CLUSTER
            violation = unexpected(error, node, self._now())
            violation.__cause__ = error
        if violation is not None and violation.__cause__ is not None:
            trace.lines += "".join(traceback.format_exception(violation.__cause__)).splitlines()
        if violation is not None:
            trace.event("rule", str(violation))
        seed, size, lines = self.seed, len(self._nodes), tuple(trace.lines)
        tally = self._world.observer.tally
        return Outcome(seed, size, tally, trace.checksum, violation, lines)

    def _now(self) -> float:
        return self._agenda.now

    def _fork(self) -> random.Random:
        return random.Random(self._rng.getrandbits(64))

    def begin(self) -> None:
        """Found the cluster, and let clients and faults loose."""
        for name, machine in self.machines.items():
            if name in self._founders:
                found(machine.disk, INCARNATION, name, self._founders)
            else:
                found_empty(machine.disk, INCARNATION, name)
            machine.start()
        workers = [Worker(f"w{place}", self._fork(), PACE_S) for place in range(WORKERS)]
        for worker in workers:
            client = Client(worker.name, self._market, self._fork(), worker)
            self._agenda.after(RENEW_EVERY_S, self._renew, client, worker)
        for name in READERS:
            Client(name, self._market, self._fork(), Reader(self._fork(), READER_PACE_S))
        for name in OPERATORS:
            pace = 10.0 ** self._rng.uniform(-0.3, 0.9)
            operator = Operator(
                self._fork(), self._nodes, self._known_voters, lambda: self._network.is_cut, pace
            )
            Client(name, self._market, self._fork(), operator)
        clients = (*(worker.name for worker in workers), *READERS, *OPERATORS)
        calamities = Calamities(self.machines, clients, self._world, self._fork())
        calamities.plan(draw_plan(self._fork(), LENGTH_S - CALM_S))

    def _known_voters(self) -> Voters:
        """The voters that the most advanced machine knows."""
        hosts = [m.process.host for m in self.machines.values() if m.process is not None]
        newest = max(hosts, key=lambda host: host.state.index, default=None)
        known = newest.raft.tail.voters if newest is not None else ()
        return known or self._founders

    def _renew(self, client: Client, worker: Worker) -> None:
        if worker.held:
            client.send(Renew(tuple(worker.held)))
        self._agenda.after(RENEW_EVERY_S, self._renew, client, worker)

    def heal(self) -> None:
        """All faults have ended by now; whoever is still down comes back."""
        self._world.trace.event("fault", "all have ended for good")
        for machine in self.machines.values():
            machine.start()
        self._world.observer.healed(self._nodes)

    def end(self) -> None:
        """Compare what everybody has at the end. Raises Violation."""
        hosts = {n: m.process.host for n, m in self.machines.items() if m.process is not None}
        self._world.observer.finished({name: host.state for name, host in hosts.items()})
        trace = self._world.trace
        for name, host in hosts.items():
            state = host.state
            trace.event(name, f"ends with {state.index} entries, digest {state.digest()[:16]}")
        # Equal for two runs only if every draw and every delay before it was.
        trace.event("run", f"{self._agenda.entered} actions, {self._network.drawn():016x}")


def _machine_in(at: TracebackType | None) -> str | None:
    """The machine whose code the innermost of these frames runs for."""
    node: str | None = None
    while at is not None:
        here = at.tb_frame.f_locals.get("self")
        node = here.name if isinstance(here, Machine | Life) else node
        at = at.tb_next
    return node
