"""The core tier: a whole cluster of voters in one thread, under virtual time, with faults.

    outcome = Run(seed, size).play()

Everything that decides is the production code (`Host`, `Storage`, `ClusterState`, the lease
tables); disks, clocks and the network are virtual. There is no trio, so that many seeds are cheap.
"""

from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.machine import Machine
from ringrift.node.sim.process import Process
from ringrift.node.sim.story import CALM_S, LENGTH_S, Outcome, Story
from ringrift.node.sim.trace import Detail


class Run:
    """One seed with `size` machines."""

    def __init__(self, seed: int, size: int, detail: Detail = "none") -> None:
        self._agenda = Agenda()
        self._story = Story("core", seed, size, detail, self._agenda, Process)

    @property
    def machines(self) -> dict[str, Machine]:
        """The machines by name."""
        return self._story.machines

    def play(self) -> Outcome:
        """Let it all happen."""
        error = None
        try:
            self._story.begin()
            self._agenda.run(LENGTH_S - CALM_S)
            self._story.heal()
            self._agenda.run(LENGTH_S)
            self._story.end()
        except Exception as raised:  # noqa: BLE001 - what ends a node is a finding of the seed
            error = raised
        return self._story.outcome(error)
