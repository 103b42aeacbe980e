"""What the formulas share: the refusal of impossible measurements, and clamping."""

import math


class FeedbackError(ValueError):
    """A measurement that cannot be: one sentence that names it and its range."""


def require(name: str, value: float | None, low: float, high: float = math.inf) -> None:
    """Refuse a known `value` outside low..high, and NaN."""
    if value is not None and not low <= value <= high:
        raise FeedbackError(f"{name} is {value}; it must be from {low:g} to {high:g}.")


def clamp(value: float, low: float, high: float) -> float:
    """The number nearest to `value` in low..high."""
    return min(high, max(low, value))
