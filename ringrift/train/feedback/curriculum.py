"""How much a config counts in selfplay: a multiplier around 1, within .3 and 3 (SYSTEM 1.8, 2.7).

regression   × (.70 - .30 · min(drop, 150) / 150), not below .3
promotion    + .1, and failures are forgotten
failures     × min(2.5, 1 + .2 · failures in a row); the third in a row escalates
propagation  × (1 + .2 · share): .80 same family and seats, .60 same board with other seats,
             .40 another family with the same seats, only if that config is >= 50 Elo lower
mastery      an opponent beaten in >= 85 % of >= 20 games teaches no more
"""

from dataclasses import dataclass

from ringrift.engine.config import Config
from ringrift.train.feedback.signals import FeedbackError, clamp, require

LOWEST = 0.3
HIGHEST = 3.0
_ESCALATES_AFTER = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """A config's weight before failures are counted, and its failed promotions in a row."""

    weight: float = 1.0
    failures: int = 0

    def __post_init__(self) -> None:
        require("weight", self.weight, LOWEST, HIGHEST)
        require("failures", self.failures, 0)

    @property
    def multiplier(self) -> float:
        """What selfplay shares are multiplied by, .3 to 3."""
        return clamp(self.weight * min(2.5, 1 + 0.2 * self.failures), LOWEST, HIGHEST)

    @property
    def escalates(self) -> bool:
        """Whether failing has lasted so long that somebody should look."""
        return self.failures >= _ESCALATES_AFTER


def after_regression(standing: Standing, elo_drop: float) -> Standing:
    """`elo_drop` is positive and shown to be one (`regression.severity`)."""
    require("elo_drop", elo_drop, 0)
    factor = 0.70 - 0.30 * min(elo_drop, 150) / 150
    return Standing(clamp(standing.weight * factor, LOWEST, HIGHEST), standing.failures)


def after_promotion(standing: Standing) -> Standing:
    """A candidate of the config became champion."""
    return Standing(clamp(standing.weight + 0.1, LOWEST, HIGHEST), 0)


def after_failure(standing: Standing) -> Standing:
    """A candidate was rejected; "undecided" is no failure."""
    return Standing(standing.weight, standing.failures + 1)


def mastered(wins: int, games: int) -> bool | None:
    """Whether an opponent teaches no more; None until 20 games tell."""
    if not 0 <= wins <= games:
        raise FeedbackError(f"wins is {wins}; it must be from 0 to the {games} games.")
    return wins / games >= 0.85 if games >= 20 else None


def propagation(source: Config, target: Config, elo_lead: float | None) -> float | None:
    """The share of `source`'s progress that is worth trying on `target`.

    `elo_lead` is Elo(source) - Elo(target); None is returned when it decides and is unknown.
    """
    if source == target:
        return 0.0
    if source.board == target.board:
        return 0.60
    if source.players != target.players:
        return 0.0
    if source.facts.is_hex == target.facts.is_hex:
        return 0.80
    if elo_lead is None:
        return None
    return 0.40 if elo_lead >= 50 else 0.0


def after_propagation(standing: Standing, share: float) -> Standing:
    """Another config made progress, of which `share` (`propagation`) concerns this one."""
    require("share", share, 0, 1)
    return Standing(clamp(standing.weight * (1 + 0.2 * share), LOWEST, HIGHEST), standing.failures)
