"""Whether a candidate becomes champion, and whether it is so weak that selfplay must not use it.

Two different questions. The generator of selfplay is the newest candidate *not shown worse* than
the champion; the champion is replaced only by a candidate *shown better*. All figures come from
finished matches of fixed length, so that looking at them once has the error it states.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ringrift.train.blocks import Histogram, Score, bounds


@dataclass(frozen=True, slots=True)
class PromotionSettings:
    """What a match must hold before it may speak; `distinct_share` is of games and of openings."""

    minimum_games: int = 40
    minimum_openings: int = 20
    distinct_share: float = 0.9


DEFAULT_SETTINGS = PromotionSettings()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist; `passed` None means reported, not required."""

    name: str
    required: str
    actual: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision with every reason.

    "undecided": a required match is missing, too short or too uniform to tell.
    """

    decision: Literal["promoted", "rejected", "undecided"]
    checks: tuple[Check, ...]


def shown_worse(histogram: Histogram | None) -> bool:
    """Whether the upper 95 % bound lies below the even share; nothing is shown by no match."""
    if histogram is None or not sum(histogram):
        return False
    return bounds(histogram)[2] < Score(histogram).even


def promotion_verdict(
    seats: int,
    random: Score | None,
    heuristic: Score | None,
    champion: Score | None,
    settings: PromotionSettings = DEFAULT_SETTINGS,
    *,
    has_champion: bool = True,
    champion_against_heuristic: Score | None = None,
) -> Verdict:
    """Judge a candidate by its matches against random, the heuristic and the champion.

    With `has_champion` False only the lines against random are required. The heuristic is reported;
    once the champion is shown better than it, a candidate must not be shown worse than it, so that
    a chain of narrow promotions cannot drift away from it. An equal challenger is promoted in less
    than 2.5 % of matches (simulated over 40 to 100 games: 1.1 to 2.2 %), since the lower 95 % bound
    must lie above the even share. Raises ValueError on a match of other seats.
    """
    for match in (random, heuristic, champion, champion_against_heuristic):
        if match is not None and match.rotations != seats:
            raise ValueError(f"a match has {match.rotations} rotations; it must have {seats}.")
    evidence = _evidence("random", random, settings)
    strength = [_better("random", random, seats)]
    if has_champion:
        evidence += _evidence("champion", champion, settings)
        strength.append(_better("champion", champion, seats))
    mastered = _lower(champion_against_heuristic) > 1 / seats
    strength.append(_heuristic(heuristic, seats, required=has_champion and mastered))
    checks = (*strength, *evidence)
    if any(check.passed is False for check in evidence):
        return Verdict("undecided", checks)
    refused = any(check.passed is False for check in strength)
    return Verdict("rejected" if refused else "promoted", checks)


def _lower(match: Score | None) -> float:
    return bounds(match.histogram)[1] if match is not None and match.games else 0.0


def _shown(match: Score | None) -> str:
    if match is None or not match.games:
        return "not played"
    score, low, high = bounds(match.histogram)
    return f"{score:.1%} [{low:.1%}, {high:.1%}] in {match.games} games"


def _better(opponent: str, match: Score | None, seats: int) -> Check:
    even = 1 / seats
    return Check(
        f"better than {opponent}",
        f"lower 95 % bound > {even:.1%}",
        _shown(match),
        _lower(match) > even,
    )


def _heuristic(match: Score | None, seats: int, *, required: bool) -> Check:
    name, actual = "not worse than heuristic", _shown(match)
    if not required:
        return Check(name, "reported until the champion is better than it", actual, None)
    passed = match is not None and match.games > 0 and not shown_worse(match.histogram)
    return Check(name, f"upper 95 % bound >= {1 / seats:.1%}", actual, passed)


def _evidence(opponent: str, match: Score | None, settings: PromotionSettings) -> list[Check]:
    openings = match.openings if match is not None else 0
    games = match.games if match is not None else 0
    return [
        Check(
            f"games against {opponent}",
            f">= {settings.minimum_games}",
            str(games),
            games >= settings.minimum_games,
        ),
        _distinct(
            f"distinct openings against {opponent}",
            max(settings.minimum_openings, math.ceil(settings.distinct_share * openings)),
            match.distinct_openings if match is not None else None,
        ),
        _distinct(
            f"distinct games against {opponent}",
            math.ceil(settings.distinct_share * games),
            match.distinct_games if match is not None else None,
        ),
    ]


def _distinct(name: str, required: int, counted: int | None) -> Check:
    actual = "unknown" if counted is None else str(counted)
    return Check(name, f">= {required}", actual, counted is not None and counted >= required)
