"""The virtual network: messages that are late, lost, doubled, overtaken, or cut off.

Endpoints are names. Between two of them messages keep their order unless `reordered`.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ringrift.node.sim.agenda import Schedule

Deliver = Callable[[str, object], None]
"""Takes (sender, message)."""

Link = tuple[str, str]
"""From one endpoint to another; the way back is another link."""


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

    def __init__(self, agenda: Schedule, rng: random.Random) -> None:
        self.weather = Weather()
        self._agenda, self._rng = agenda, rng
        self._endpoints: dict[str, Deliver] = {}
        self._cuts: dict[object, frozenset[Link]] = {}
        self._cut: frozenset[Link] = frozenset()
        self._newest: dict[Link, float] = {}

    @property
    def is_cut(self) -> bool:
        """Whether any link is cut now."""
        return bool(self._cut)

    def join(self, name: str, deliver: Deliver) -> None:
        """Let an endpoint be reached."""
        self._endpoints[name] = deliver

    def cut(self, cause: object, links: Iterable[Link]) -> None:
        """Let nothing pass over these links until their `cause` is mended."""
        self._cuts[cause] = frozenset(links)
        self._cut = frozenset[Link]().union(*self._cuts.values())

    def mend(self, cause: object) -> None:
        """Undo a cut."""
        del self._cuts[cause]
        self._cut = frozenset[Link]().union(*self._cuts.values())

    def send(self, sender: str, receiver: str, message: object) -> None:
        """Carry a message, or not."""
        weather, rng = self.weather, self._rng
        if self._cut and (sender, receiver) in self._cut:
            return
        if weather.lost and rng.random() < weather.lost:
            return
        self._carry(sender, receiver, message)
        if weather.doubled and rng.random() < weather.doubled:
            self._carry(sender, receiver, message)

    def drawn(self) -> int:
        """A number that tells which random numbers every message so far has drawn."""
        return self._rng.getrandbits(64)

    def _carry(self, sender: str, receiver: str, message: object) -> None:
        weather, rng = self.weather, self._rng
        delay = weather.fastest + (weather.slowest - weather.fastest) * rng.random()
        at = self._agenda.now + delay
        if weather.reordered and rng.random() < weather.reordered:
            at += delay * 10 * rng.random()
        else:
            link = (sender, receiver)
            newest = self._newest.get(link, 0.0)
            if at < newest:
                at = newest
            self._newest[link] = at
        self._agenda.at(at, self._deliver, sender, receiver, message)

    def _deliver(self, sender: str, receiver: str, message: object) -> None:
        # A cut also takes what is on its way.
        if not self._cut or (sender, receiver) not in self._cut:
            self._endpoints[receiver](sender, message)


def across(sides: Mapping[str, int]) -> list[Link]:
    """Every link between endpoints of different sides."""
    return [(a, b) for a, one in sides.items() for b, other in sides.items() if one != other]
