"""Whether a candidate becomes champion, and whether it is so weak that selfplay must not use it.

Two different questions. The generator of selfplay is the newest candidate *not shown worse* than
its reference (`generator_verdict`). The champion is replaced only by a candidate *shown better*
that passes every other line of the checklist as well (`promotion_verdict`).

Better than the champion is shown by the sequential test, or by a match of fixed length that was
looked at once; either has the error it states, a mixture of the two has not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ringrift.train.blocks import DISTINCT_SHARE, Histogram, Score, bounds, too_uniform
from ringrift.train.sequential import Look, SequentialTest, look


@dataclass(frozen=True, slots=True)
class PromotionSettings:
    """What a match must hold before it may speak; `distinct_share` is of games and of openings."""

    minimum_games: int = 40
    minimum_openings: int = 20
    distinct_share: float = DISTINCT_SHARE


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

    "undecided": a required match is missing, too short or too uniform to tell, or the sequential
    test has not ended: a candidate that a newer one overtakes stays undecided, it is not rejected.
    """

    decision: Literal["promoted", "rejected", "undecided"]
    checks: tuple[Check, ...]


def shown_worse(histogram: Histogram | None) -> bool:
    """Whether the upper 95 % bound lies below the even share; nothing is shown by no match."""
    if histogram is None or not sum(histogram):
        return False
    return bounds(histogram)[2] < Score(histogram).even


def generator_verdict(seats: int, reference: Score | None, minimum_openings: int = 20) -> Verdict:
    """Judge the newest candidate by its match against the reference of selfplay's generator.

    "promoted": it generates; "rejected": it is shown worse; "undecided": the match is missing, too
    short or too uniform to show anything, so that it generates as well. At an even score 2.5 % are
    refused at most by one look; who is refused how often else: `benchmarks/promotion.py`.
    """
    _check_seats(seats, reference)
    worse = reference is not None and shown_worse(reference.histogram)
    strength = Check(
        "not worse than the generator's reference",
        f"upper 95 % bound >= {1 / seats:.1%}",
        _shown(reference),
        not worse if reference is not None and reference.games else None,
    )
    openings = reference.openings if reference is not None else 0
    uniform = too_uniform(reference) if reference is not None else "not played"
    checks = (
        strength,
        Check(
            "openings against the reference",
            f">= {minimum_openings}",
            str(openings),
            openings >= minimum_openings,
        ),
        Check(
            "distinct openings and games against the reference",
            f">= {DISTINCT_SHARE:.0%}",
            uniform or "enough",
            uniform is None,
        ),
    )
    if openings < minimum_openings or uniform is not None:
        return Verdict("undecided", checks)
    return Verdict("rejected" if worse else "promoted", checks)


def promotion_verdict(
    seats: int,
    random: Score | None,
    heuristic: Score | None,
    champion: Score | None,
    settings: PromotionSettings = DEFAULT_SETTINGS,
    *,
    has_champion: bool = True,
    champion_against_heuristic: Score | None = None,
    test: SequentialTest | None = None,
    further: Sequence[Check] = (),
) -> Verdict:
    """Judge a candidate by its matches against random, the heuristic and the champion.

    With `has_champion` False only the lines against random are required. The heuristic is reported;
    once the champion is shown better than it, a candidate must not be shown worse than it, so that
    a chain of narrow promotions cannot drift away from it.

    With `test` the champion's match is judged by it, at whatever length it has. Without, the match
    is of fixed length and its lower 95 % bound must lie above the even share: an equal challenger
    is promoted in less than 2.5 % (simulated over 40 to 100 games: 1.1 to 2.2 %).

    `further` are lines of the caller's own, required unless they are only reported; all of them
    count as strength. Raises ValueError on a match of other seats.
    """
    _check_seats(seats, random, heuristic, champion, champion_against_heuristic)
    evidence = _evidence("random", random, settings)
    strength = [_better("random", random, seats)]
    running = False
    if has_champion:
        evidence += _evidence("champion", champion, settings)
        if test is None:
            strength.append(_better("champion", champion, seats))
        else:
            seen = look(champion.histogram if champion else (0,) * (seats + 1), test)
            strength.append(_tested(champion, seen))
            running = seen.verdict == "continue"
    mastered = _lower(champion_against_heuristic) > 1 / seats
    strength.append(_heuristic(heuristic, seats, required=has_champion and mastered))
    strength += further
    checks = (*strength, *evidence)
    if running or any(check.passed is False for check in evidence):
        return Verdict("undecided", checks)
    refused = any(check.passed is False for check in strength)
    return Verdict("rejected" if refused else "promoted", checks)


def _check_seats(seats: int, *matches: Score | None) -> None:
    for match in matches:
        if match is not None and match.rotations != seats:
            raise ValueError(f"a match has {match.rotations} rotations; it must have {seats}.")


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


def _tested(match: Score | None, seen: Look) -> Check:
    end = ", the most it may play" if seen.exhausted else ""
    running = ", not ended" if seen.verdict == "continue" else ""
    return Check(
        "better than champion",
        f"log-likelihood ratio >= {seen.accepts_at:.2f} within {seen.maximum_games} games",
        f"{seen.ratio:.2f}: {_shown(match)}{end}{running}",
        None if running else seen.verdict == "accepted",
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
