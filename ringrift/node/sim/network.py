"""The virtual network: messages that are late, lost, doubled, overtaken, or cut off.

Endpoints are names. Between two of them messages keep their order unless `reordered`.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from ringrift.node.sim.agenda import Agenda

Deliver = Callable[[str, object], None]
"""Takes (sender, message)."""


@dataclass(slots=True)
class Weather:
    """Shares of messages that are lost, doubled, or overtaken, and the delay range in seconds."""

    lost: float = 0.0
    doubled: float = 0.0
    reordered: float = 0.0
    fastest: float = 0.0002
    slowest: float = 0.001


class Network:
    """Carries messages between endpoints; faults are set on `weather` and by `cut`."""

    def __init__(self, agenda: Agenda, rng: random.Random) -> None:
        self.weather = Weather()
        self._agenda, self._rng = agenda, rng
        self._endpoints: dict[str, Deliver] = {}
        self._sides: dict[str, int] = {}
        self._mute: set[tuple[str, str]] = set()
        self._newest: dict[tuple[str, str], float] = {}

    def join(self, name: str, deliver: Deliver) -> None:
        """Let an endpoint be reached."""
        self._endpoints[name] = deliver

    def part(self, sides: dict[str, int]) -> None:
        """Only endpoints of equal number reach each other; who has none reaches all."""
        self._sides = dict(sides)

    def mute(self, sender: str, receiver: str) -> None:
        """Nothing passes from one endpoint to the other; the way back stays open."""
        self._mute.add((sender, receiver))

    def mend(self) -> None:
        """Undo every `part` and `mute`."""
        self._sides.clear()
        self._mute.clear()

    def send(self, sender: str, receiver: str, message: object) -> None:
        """Carry a message, or not."""
        weather, rng = self.weather, self._rng
        if self._is_cut(sender, receiver) or (weather.lost and rng.random() < weather.lost):
            return
        self._carry(sender, receiver, message)
        if weather.doubled and rng.random() < weather.doubled:
            self._carry(sender, receiver, message)

    def _carry(self, sender: str, receiver: str, message: object) -> None:
        weather, rng = self.weather, self._rng
        delay = weather.fastest + (weather.slowest - weather.fastest) * rng.random()
        at = self._agenda.now + delay
        if weather.reordered and rng.random() < weather.reordered:
            at += delay * 10 * rng.random()
        else:
            link = (sender, receiver)
            at = self._newest[link] = max(at, self._newest.get(link, 0.0))
        self._agenda.at(at, self._deliver, sender, receiver, message)

    def _deliver(self, sender: str, receiver: str, message: object) -> None:
        # A cut also takes what is on its way.
        if not self._is_cut(sender, receiver):
            self._endpoints[receiver](sender, message)

    def _is_cut(self, sender: str, receiver: str) -> bool:
        if self._mute and (sender, receiver) in self._mute:
            return True
        sides = self._sides
        if not sides:
            return False
        one, other = sides.get(sender), sides.get(receiver)
        return one is not None and other is not None and one != other
