"""Whether a model got worse, how badly, and what follows (SYSTEM 2.7).

The worse of two severities counts, after >= 50 games, and each only where the drop exceeds its own
95 % error: noise is no regression.

    Elo drop       >= 20 minor, 35 moderate, 50 severe, 75 critical
    win-rate drop  >= .05 moderate, .10 severe, .15 critical (.05 is 35 Elo: no minor)
    escalation     2 in a row one level up; 3 in a row also force action
    exploration    min(2, 1.5 + {0, .2, .35, .5} + min(.5, .15 n)) after n in a row
    extra games    min(2,000, 500 · ({1, 1.5, 2, 2.5} + .3 n)); beyond 50 Elo also one tier down
    rollback       severe or worse, 3 in a row, >= 20 games, <= 3 in 24 h, 1 h after the last
"""

import bisect
from dataclasses import dataclass
from enum import IntEnum

from ringrift.train.feedback.signals import require

_ELO_LEVELS = (20.0, 35.0, 50.0, 75.0)
_WIN_RATE_LEVELS = (0.05, 0.05, 0.10, 0.15)
_NORMAL_95 = 1.96
_FEWEST_GAMES = 50


class Severity(IntEnum):
    """From no regression to the worst."""

    NONE = 0
    MINOR = 1
    MODERATE = 2
    SEVERE = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class Drop:
    """How much lower a figure is than before (negative: higher), and its standard error."""

    size: float
    error: float

    def __post_init__(self) -> None:
        require("error of a drop", self.error, 0)
        require("size of a drop", self.size, -float("inf"))


def severity(elo: Drop | None, win_rate: Drop | None, games: int) -> Severity | None:
    """The level before escalation; None (unknown) with under 50 games or neither drop measured."""
    require("games", games, 0)
    if games < _FEWEST_GAMES or (elo is None and win_rate is None):
        return None
    return max(_level(elo, _ELO_LEVELS), _level(win_rate, _WIN_RATE_LEVELS))


def _level(drop: Drop | None, levels: tuple[float, ...]) -> Severity:
    if drop is None or drop.size <= _NORMAL_95 * drop.error:
        return Severity.NONE
    return Severity(bisect.bisect_right(levels, drop.size))


@dataclass(frozen=True, slots=True)
class Escalation:
    """A severity that takes into account how long it has lasted."""

    severity: Severity
    act: bool


def escalated(severity: Severity, consecutive: int) -> Escalation:
    """`consecutive` regressions in a row, this one included; no regression stays none."""
    require("consecutive", consecutive, 0)
    if severity == Severity.NONE:
        return Escalation(severity, act=False)
    level = Severity(min(Severity.CRITICAL, severity + (consecutive >= 2)))
    return Escalation(level, act=consecutive >= 3)


@dataclass(frozen=True, slots=True)
class Response:
    """What a regression changes; the curriculum weight is `curriculum.after_regression`'s."""

    exploration: float
    extra_games: int
    tier_change: int


def response(severity: Severity, consecutive: int, elo_drop: float | None) -> Response:
    """The answer to a regression that is the `consecutive`-th in a row; none needs none."""
    require("consecutive", consecutive, 0)
    if severity == Severity.NONE:
        return Response(1.0, 0, 0)
    level = severity - 1
    boost = 1.5 + (0.0, 0.2, 0.35, 0.5)[level] + min(0.5, 0.15 * consecutive)
    games = 500 * ((1.0, 1.5, 2.0, 2.5)[level] + 0.3 * consecutive)
    tier = -1 if elo_drop is not None and elo_drop > 50 else 0
    return Response(min(2.0, boost), int(min(2000, games)), tier)


def rollback_refusals(
    severity: Severity, consecutive: int, games: int, rolled_back_at: tuple[float, ...], now: float
) -> tuple[str, ...]:
    """Every reason not to go back to the champion now; empty means do it.

    `rolled_back_at` holds the times of earlier rollbacks and `now` the present, in seconds of one
    clock.
    """
    today = [at for at in rolled_back_at if now - at < 86_400]
    checks = (
        (severity >= Severity.SEVERE, f"severity is {severity.name.lower()}, below severe"),
        (consecutive >= 3, f"{consecutive} regressions in a row, fewer than 3"),
        (games >= 20, f"{games} games, fewer than 20"),
        (len(today) < 3, f"{len(today)} rollbacks within 24 h, the most allowed is 3"),
        (all(now - at >= 3600 for at in today), "the last rollback is less than 1 h ago"),
    )
    return tuple(reason for passed, reason in checks if not passed)
