"""A fleet whose nodes gossip, in virtual time: for measuring membership, not for proving rules.

    fleet = Fleet(seed, names, table, timing)
    for name in names: fleet.start(name)
    fleet.agenda.run(until)

The nodes are the production core; streams are flags at both ends, messages travel as objects over
the virtual network. A node may be killed (its streams close, dialling it is refused), lose its
power (nothing closes), or be starved (it stands still most of the time, and what comes waits).
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ringrift.node.gossip.core import Gossip, Sends
from ringrift.node.gossip.places import Place, Places
from ringrift.node.gossip.timing import GossipTiming
from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.network import Network, Weather
from ringrift.wire.gossip import GossipMessage

SILENCE_S = 20.0
"""After so long a stream to a node without power is given up."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
"""Dialling pauses double between these."""


@dataclass(slots=True)
class FleetNode:
    """A node's core, and what is around it; `stops` is when it stands still until, 0 if it runs."""

    name: str
    core: Gossip
    links: set[str] = field(default_factory=set[str])
    stops: float = 0.0
    waiting: list[tuple[str, GossipMessage]] = field(
        default_factory=list[tuple[str, GossipMessage]]
    )
    wakes_at: float = float("inf")


class Fleet:
    """Nodes by name; `table` is what all of them know as members, unless they are told late."""

    def __init__(
        self,
        seed: int,
        table: Mapping[str, Place],
        timing: GossipTiming,
        weather: Weather,
    ) -> None:
        self.agenda = Agenda()
        self.rng = random.Random(seed)
        self.nodes: dict[str, FleetNode] = {}
        self.table, self._timing = dict(table), timing
        self.network = Network(self.agenda, self.rng)
        self.network.weather = weather
        self._boots: dict[str, int] = {}

    def start(self, name: str, knows_after: Callable[[], float] | None = None) -> None:
        """Begin a life; with `knows_after` it becomes a member only now, known so many seconds
        later at each node."""
        now = self.agenda.now
        boot = self._boots[name] = self._boots.get(name, 0) + 1
        core = Gossip(name, boot, self._timing, random.Random(self.rng.random()), now)
        node = self.nodes[name] = FleetNode(name, core)
        self.network.join(name, lambda sender, message: self._deliver(node, sender, message))
        self.carry(node, core.place(self.table, now))
        observers = Places("", self.table).observers(name)
        for other in list(self.nodes.values()):
            if knows_after is not None and other is not node:
                self.agenda.after(knows_after(), self._learn, other)
            if other.name in observers:
                self.agenda.after(0.05 + 0.25 * self.rng.random(), self._link, node, other)

    def kill(self, name: str) -> None:
        """End a process: its streams close, and nobody can dial it."""
        for other in self._end(name):
            self.agenda.after(0.001 + 0.05 * self.rng.random(), self._break, other, name)

    def cut_power(self, name: str) -> None:
        """End a machine: its streams stay open until somebody finds them silent."""
        for other in self._end(name):
            self.agenda.after(SILENCE_S, self._break, other, name)

    def starve(self, name: str, runs: float, stands: float, until: float) -> None:
        """Let a node run and stand still in turn, for up to so many seconds each."""
        now = self.agenda.now
        node = self.nodes.get(name)
        if node is None or now > until:
            return
        running = runs * self.rng.random()
        standing = stands * self.rng.random()
        self.agenda.after(running, self.stop, node, now + running + standing)
        self.agenda.after(running + standing, self.starve, name, runs, stands, until)

    def _end(self, name: str) -> list[FleetNode]:
        del self.nodes[name]
        return [node for node in self.nodes.values() if name in node.links]

    def _learn(self, node: FleetNode) -> None:
        if self.nodes.get(node.name) is node:
            self.carry(node, node.core.place(self.table, self.agenda.now))

    def _link(self, one: FleetNode, other: FleetNode) -> None:
        if self._lives(one) and self._lives(other):
            for node, peer in ((one, other.name), (other, one.name)):
                node.links.add(peer)
                self.carry(node, node.core.linked(peer, self.agenda.now))

    def _break(self, node: FleetNode, peer: str) -> None:
        if self._lives(node) and peer not in self.nodes and peer in node.links:
            node.links.discard(peer)
            self.carry(node, node.core.lost(peer, self.agenda.now))
            self._redial(node, peer, FIRST_PAUSE_S)

    def _redial(self, node: FleetNode, peer: str, pause: float) -> None:
        if self._lives(node) and peer not in self.nodes:
            self.carry(node, node.core.redial_failed(peer, self.agenda.now))
            again = min(2 * pause, LONGEST_PAUSE_S)
            self.agenda.after(pause, self._redial, node, peer, again)

    def _lives(self, node: FleetNode) -> bool:
        return self.nodes.get(node.name) is node

    def _deliver(self, node: FleetNode, sender: str, message: object) -> None:
        assert isinstance(message, GossipMessage)
        if node.stops:
            node.waiting.append((sender, message))
        elif self._lives(node) and sender in node.links:
            self.carry(node, node.core.receive(sender, message, self.agenda.now))

    def stop(self, node: FleetNode, until: float) -> None:
        """Let a node stand still."""
        node.stops = until
        self.agenda.at(until, self._go_on, node)

    def _go_on(self, node: FleetNode) -> None:
        """What is overdue comes first, before what waited is read: the worst order there is."""
        node.stops = 0.0
        if self._lives(node):
            self.carry(node, node.core.tick(self.agenda.now))
            waiting, node.waiting = node.waiting, []
            for sender, message in waiting:
                self._deliver(node, sender, message)

    def carry(self, node: FleetNode, sends: Sends) -> None:
        """Send what a node wants sent, and wake it when it wants to be."""
        for peer, message in sends:
            if peer in node.links:
                self.network.send(node.name, peer, message)
        if node.core.next_at < node.wakes_at:
            node.wakes_at = node.core.next_at
            self.agenda.at(node.wakes_at, self._wake, node, node.wakes_at)

    def _wake(self, node: FleetNode, meant: float) -> None:
        if node.wakes_at != meant or not self._lives(node):
            return
        node.wakes_at = float("inf")
        if node.stops:
            # It sees to what is overdue when it goes on.
            return
        self.carry(node, node.core.tick(self.agenda.now))
