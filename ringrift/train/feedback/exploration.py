"""How much more selfplay explores when learning is in trouble: a factor from 1 to 2 (SYSTEM 2.7).

    anomalies  min(2, 1 + .15 · loss anomalies in a row)
    stall      min(1.5, 1.1^(fits without improvement / 5))
    decay      by velocity in Elo/h: > 2 × .98, > .5 × .90, >= 0 hold, < 0 × 1.05

Anomalies and a stall are often the same trouble: the larger boost counts, not their product.
"""

from ringrift.train.feedback.signals import clamp, require

_MOST = 2.0
_MOST_BY_STALL = 1.5


def trouble_boost(anomalies: int, stalled_fits: int) -> float:
    """The boost that `anomalies` in a row and `stalled_fits` in a row ask for."""
    require("anomalies", anomalies, 0)
    require("stalled_fits", stalled_fits, 0)
    # Twenty-five stalled fits are beyond the limit; the power of more could overflow.
    stall = min(_MOST_BY_STALL, 1.1 ** (min(stalled_fits, 25) / 5))
    return max(stall, min(_MOST, 1 + 0.15 * anomalies))


def next_boost(boost: float, asked: float, velocity: float | None) -> float:
    """The boost after a fit: it decays with `velocity` (None: holds), not below what is `asked`."""
    require("boost", boost, 1, _MOST)
    require("asked", asked, 1, _MOST)
    factor = 1.0
    if velocity is not None and velocity > 2:
        factor = 0.98
    elif velocity is not None and velocity > 0.5:
        factor = 0.90
    elif velocity is not None and velocity < 0:
        factor = 1.05
    return clamp(boost * factor, asked, _MOST)
