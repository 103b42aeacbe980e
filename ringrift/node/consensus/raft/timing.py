"""The one profile of time from which every timeout of consensus follows."""

from dataclasses import dataclass
from typing import Literal

Profile = Literal["local", "lan", "wan"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A leader is heard every `heartbeat`; who hears none for a time drawn between
    `election` and twice that campaigns.

    Everything else is derived: a leader that hears no majority, or whose disk answers nothing, for
    `patience` steps down; a voter that heard a leader within `election` refuses to depose it; a
    handover is given up after `election`.
    """

    heartbeat: float
    election: float

    def __post_init__(self) -> None:
        assert 0 < 5 * self.heartbeat <= self.election, self

    @property
    def patience(self) -> float:
        """Longest silence of the majority, or of the disk, that a leader bears."""
        return 2 * self.election

    @property
    def retry(self) -> float:
        """When a part of a snapshot that was not acknowledged is sent again."""
        return self.election / 2


TIMINGS: dict[Profile, Timing] = {
    "local": Timing(heartbeat=0.05, election=0.3),
    "lan": Timing(heartbeat=0.15, election=1.2),
    "wan": Timing(heartbeat=0.5, election=4.0),
}
