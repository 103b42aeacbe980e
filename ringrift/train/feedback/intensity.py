"""How hard to train: from data quality and velocity to reuse, learning rate and batch.

Training is measured in rows, never in epochs: `reuse` is rows drawn (before augmentation) a new
full-search row, at most 4. A factor of SYSTEM 2.6's epochs multiplies it.

    quality >= .9 hot_path, >= .8 accelerated, >= .65 normal, else reduced; reduced where the
    config's gate is relaxed, paused where it is closed (SYSTEM 1.8); "intensive" and "high" are
    asked for, never concluded
    velocity in Elo/h: > 2 reuse × 1.5, batch >= 512, rate × 1.3; > 1 × 1.2, >= 384, × 1.1;
    < 0 reuse × 1.3, rate × .6; else < .5 rate × .8
    trend: accelerating (at > .5 Elo/h) rate × 1.05, decelerating × .95; plateauing reuse × 1.15
    clamps: reuse 0..4, batch 128..2,048, rate .3..2.5
"""

from dataclasses import dataclass
from typing import Literal

from ringrift.train.feedback.quality import Gate
from ringrift.train.feedback.signals import clamp, require

Intensity = Literal["intensive", "hot_path", "high", "accelerated", "normal", "reduced", "paused"]
Trend = Literal["accelerating", "stable", "decelerating", "plateauing"]

MOST_REUSE = 4.0
_PLANS: dict[Intensity, tuple[float, int, float]] = {
    "intensive": (2.0, 512, 1.1),
    "hot_path": (1.5, 1024, 1.2),
    "high": (1.5, 768, 1.05),
    "accelerated": (1.2, 768, 1.1),
    "normal": (1.0, 512, 1.0),
    "reduced": (0.8, 256, 0.9),
    "paused": (0.0, 256, 1.0),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows drawn a new row, the factor of the configured learning rate, rows a step."""

    reuse: float
    rate: float
    batch: int


def intensity_of(score: float | None, gate: Gate) -> Intensity | None:
    """What data of quality `score` behind `gate` earn; None while the quality is unknown."""
    require("score", score, 0, 1)
    if score is None or gate == "unknown":
        return None
    if gate != "open":
        return "reduced" if gate == "relaxed" else "paused"
    if score >= 0.9:
        return "hot_path"
    if score >= 0.8:
        return "accelerated"
    return "normal" if score >= 0.65 else "reduced"


def training_plan(
    intensity: Intensity,
    *,
    base_reuse: float,
    velocity: float | None = None,
    trend: Trend | None = None,
) -> Plan:
    """The plan for `intensity` where "normal" draws `base_reuse` rows a new row.

    `velocity` is in Elo/h; unknown (None), like an unknown trend, it amplifies nothing.
    """
    require("base_reuse", base_reuse, 0, MOST_REUSE)
    factor, batch, rate = _PLANS[intensity]
    reuse = base_reuse * factor
    if velocity is not None:
        if velocity > 2:
            reuse, batch, rate = reuse * 1.5, max(batch, 512), rate * 1.3
        elif velocity > 1:
            reuse, batch, rate = reuse * 1.2, max(batch, 384), rate * 1.1
        elif velocity < 0:
            reuse, rate = reuse * 1.3, rate * 0.6
        elif velocity < 0.5:
            rate *= 0.8
        if trend == "accelerating" and velocity > 0.5:
            rate *= 1.05
    if trend == "plateauing":
        reuse *= 1.15
    elif trend == "decelerating":
        rate *= 0.95
    return Plan(
        reuse=clamp(reuse, 0, MOST_REUSE),
        rate=clamp(rate, 0.3, 2.5),
        batch=int(clamp(batch, 128, 2048)),
    )
