"""Memory pressure: a measurement becomes one of five tiers, with patience both ways.

    NORMAL --60 %--> CAUTION --70 %--> WARNING --80 %--> CRITICAL --90 %--> EMERGENCY

A tier is entered after `samples` consecutive measurements at or above its mark, and left after as
many below its mark less `hysteresis`. Marks, patience and hysteresis are SYSTEM.md 2.10's.
"""

from dataclasses import dataclass
from typing import Literal

Tier = Literal["NORMAL", "CAUTION", "WARNING", "CRITICAL", "EMERGENCY"]
TIERS: tuple[Tier, ...] = ("NORMAL", "CAUTION", "WARNING", "CRITICAL", "EMERGENCY")

SCORES: dict[Tier, float] = {
    "NORMAL": 1.0,
    "CAUTION": 0.75,
    "WARNING": 0.5,
    "CRITICAL": 0.25,
    "EMERGENCY": 0.0,
}
"""What a tier is worth in the resilience score (SYSTEM.md 2.3 b)."""


@dataclass(frozen=True, slots=True)
class MemoryPressure:
    """The tier now, and how many measurements in a row have asked for another one."""

    marks: tuple[float, float, float, float]
    hysteresis: float
    samples: int
    tier: Tier = "NORMAL"
    streak: int = 0

    def after(self, percent: float) -> "MemoryPressure":
        """Return the state after one more measurement of the used share, in %.

        One change of tier goes all the way to the tier that the newest measurement asks for.
        """
        wanted = self._wanted(percent)
        if wanted == self.tier:
            return self._with(self.tier, 0)
        rising = TIERS.index(wanted) > TIERS.index(self.tier)
        # Counted up while rising and down while falling, so that a turn starts from one again.
        streak = max(self.streak, 0) + 1 if rising else min(self.streak, 0) - 1
        if abs(streak) < self.samples:
            return self._with(self.tier, streak)
        return self._with(wanted, 0)

    def _wanted(self, percent: float) -> Tier:
        """Return the tier for one measurement, given the tier that would have to be left."""
        now = TIERS.index(self.tier)
        up = sum(percent >= mark for mark in self.marks)
        down = sum(percent >= mark - self.hysteresis for mark in self.marks)
        return TIERS[up if up > now else min(down, now)]

    def _with(self, tier: Tier, streak: int) -> "MemoryPressure":
        return MemoryPressure(self.marks, self.hysteresis, self.samples, tier, streak)
