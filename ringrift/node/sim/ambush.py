"""Lies in wait for machines at one kind of moment, and strikes when one of them meets it."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, get_args

from ringrift.node.sim.asks import Ask, HandOver
from ringrift.node.sim.machine import Machine, World
from ringrift.node.sim.moments import Moment

NOBODY = "nobody"
"""Who tells leaders to hand over, and wants no answer."""

Blow = Literal[
    "it falls",
    "it stalls and falls",
    "the leader falls",
    "all fall",
    "it stalls and the leader changes",
]
"""What follows a moment."""

_ODDS: dict[Blow, float] = {
    "it falls": 0.25,
    "it stalls and falls": 0.25,
    "the leader falls": 0.1,
    "all fall": 0.15,
    "it stalls and the leader changes": 0.25,
}
_STALLS: tuple[Blow, ...] = ("it stalls and falls", "it stalls and the leader changes")


class Ambush:
    """One ambush, until `end`. `slow` stalls a machine's disk until then.

    Whoever falls is back soon; how soon, and how soon after the moment, is drawn for all of it.
    """

    def __init__(
        self,
        moment: Moment,
        machines: Sequence[Machine],
        world: World,
        rng: random.Random,
        slow: Callable[[Machine], None],
    ) -> None:
        self._moment: Moment = moment
        self._machines, self._world = machines, world
        self._rng, self._slow, self._over = rng, slow, False
        self._blow: Blow = rng.choices(get_args(Blow), [_ODDS[blow] for blow in get_args(Blow)])[0]
        self._pace = 10.0 ** rng.uniform(-4.0, -1.0)
        world.network.join(NOBODY, _ignore)
        for machine in machines:
            machine.at_moment[moment] = partial(self._met, machine)

    def __str__(self) -> str:
        return f"at each {self._moment} {self._blow}"

    def end(self) -> None:
        """Let everybody pass."""
        self._over = True
        for machine in self._machines:
            machine.at_moment.pop(self._moment, None)

    def _met(self, machine: Machine) -> None:
        if self._blow in _STALLS:
            self._slow(machine)
        soon = self._pace * self._rng.uniform(0.1, 3.0)
        self._world.agenda.after(soon, self._strike, machine)

    def _strike(self, machine: Machine) -> None:
        if self._over:
            return
        leaders = [machine for machine in self._machines if machine.leads]
        match self._blow:
            case "it falls" | "it stalls and falls":
                self._fell([machine])
            case "the leader falls":
                self._fell(leaders)
            case "all fall":
                self._fell(self._machines)
            case "it stalls and the leader changes":
                for leader in leaders:
                    leader.deliver(NOBODY, Ask(0, HandOver(self._rng.random())))

    def _fell(self, machines: Sequence[Machine]) -> None:
        for machine in machines:
            machine.stop(power_cut=self._rng.random() < 0.8)
            back = self._pace * 10.0 ** self._rng.uniform(0.0, 2.0)
            self._world.agenda.after(back, machine.start)


def _ignore(sender: str, message: object) -> None:
    pass
