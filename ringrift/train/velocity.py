"""How fast strength grows: Elo per hour of compute, with its error. Unknown is None.

One unit only. Hours are hours of compute handed in by the caller, so that a night in which the
machine was off does not make a run look slow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ringrift.train.blocks import NORMAL_95

STALLED_BELOW = 2.0
PLATEAU_BELOW = 10.0
FAST_ABOVE = 50.0
"""Elo per hour, SYSTEM 2.7."""

Pace = Literal["unknown", "stalled", "plateau", "steady", "fast"]
Trend = Literal["unknown", "plateauing", "accelerating", "stable", "decelerating"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rating with its standard error (above 0) after `hours` of compute."""

    hours: float
    elo: float
    standard_error: float

    def __post_init__(self) -> None:
        if not self.standard_error > 0 or not math.isfinite(self.elo + self.hours):
            raise ValueError(
                f"snapshot at {self.hours} h is {self.elo} ± {self.standard_error}; it needs a "
                "finite rating and an error above 0."
            )


@dataclass(frozen=True, slots=True)
class Velocity:
    """Elo per hour, and the standard error of that."""

    elo_per_hour: float
    standard_error: float

    @property
    def low(self) -> float:
        """Lower 95 % bound."""
        return self.elo_per_hour - NORMAL_95 * self.standard_error

    @property
    def high(self) -> float:
        """Upper 95 % bound."""
        return self.elo_per_hour + NORMAL_95 * self.standard_error


def velocity(snapshots: Sequence[Snapshot]) -> Velocity | None:
    """Slope of the weighted least-squares line through the snapshots, weights 1 / error squared.

    Its error follows from the snapshots' own; where they scatter about the line by more than that
    (chi squared above its degrees of freedom), it is widened by as much (Birge 1932). None with
    fewer than two different hours. Snapshots are taken as independent: those of one anchor share
    its error, which moves the line and not its slope.
    """
    if len({snapshot.hours for snapshot in snapshots}) < 2:
        return None
    weights = [1 / snapshot.standard_error**2 for snapshot in snapshots]
    total = sum(weights)
    pairs = list(zip(weights, snapshots, strict=True))
    hours = sum(w * s.hours for w, s in pairs) / total
    elo = sum(w * s.elo for w, s in pairs) / total
    spread = sum(w * (s.hours - hours) ** 2 for w, s in pairs)
    slope = sum(w * (s.hours - hours) * (s.elo - elo) for w, s in pairs) / spread
    scatter = sum(w * (s.elo - elo - slope * (s.hours - hours)) ** 2 for w, s in pairs)
    freedom = len(snapshots) - 2
    excess = max(1.0, scatter / freedom) if freedom > 0 else 1.0
    return Velocity(slope, math.sqrt(excess / spread))


def pace(now: Velocity | None) -> Pace:
    """A word for a velocity, each only where its 95 % bound allows no other; else "steady"."""
    if now is None:
        return "unknown"
    if now.high < STALLED_BELOW:
        return "stalled"
    if now.high < PLATEAU_BELOW:
        return "plateau"
    return "fast" if now.low > FAST_ABOVE else "steady"


def trend(now: Velocity | None, before: Velocity | None) -> Trend:
    """How the velocity changes from one stretch of time to the next; the stretches do not overlap.

    "plateauing" when it is shown to be below that of a plateau; a change counts when it is beyond
    1.96 of its standard errors.
    """
    if now is None:
        return "unknown"
    if now.high < PLATEAU_BELOW:
        return "plateauing"
    if before is None:
        return "unknown"
    change = now.elo_per_hour - before.elo_per_hour
    if abs(change) <= NORMAL_95 * math.hypot(now.standard_error, before.standard_error):
        return "stable"
    return "accelerating" if change > 0 else "decelerating"
