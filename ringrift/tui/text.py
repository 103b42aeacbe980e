"""Figures in words: every number a person reads is written by one of these functions.

An unknown figure is "–", never 0.
"""

import time
from typing import Final

from ringrift.wire.views import Figure, MatchView, RatingView

UNKNOWN: Final = "–"
_HEX = frozenset("0123456789abcdef")


def age(seconds: float | None) -> str:
    """A duration in its two leading units: "3 s", "4 min", "2 h 05 min", "3 d 4 h"."""
    if seconds is None:
        return UNKNOWN
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def count(number: int | None) -> str:
    """A whole number with thousands separated."""
    return UNKNOWN if number is None else f"{number:,}"


def rate(per_second: float | None, unit: str = "") -> str:
    """A speed: three figures are enough."""
    if per_second is None:
        return UNKNOWN
    digits = 2 if per_second < 10 else 1 if per_second < 100 else 0
    return f"{per_second:,.{digits}f}{unit}/s"


def percent(value: float | None) -> str:
    """A value that already is in percent."""
    return UNKNOWN if value is None else f"{value:.0f} %"


def size(count_of_bytes: int | None) -> str:
    """Bytes in the decimal unit that leaves one to three digits."""
    if count_of_bytes is None:
        return UNKNOWN
    value, unit = float(count_of_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def elo(rating: RatingView | None) -> str:
    """A rating with its standard error; an error that is not known shows as such."""
    if rating is None or rating.elo is None:
        return UNKNOWN
    error = UNKNOWN if rating.standard_error is None else f"{rating.standard_error:.0f}"
    return f"{rating.elo:.0f} ±{error}"


def player(name: str | None) -> str:
    """A network by the first eight digits of its hash, a baseline by its name."""
    if name is None:
        return UNKNOWN
    return name[:8] if len(name) == 64 and _HEX.issuperset(name) else name


def score(match: MatchView | None) -> str:
    """A score with its 95 % bounds, in percent."""
    if match is None:
        return UNKNOWN
    return f"{100 * match.score:.0f} % ({100 * match.low:.0f}–{100 * match.high:.0f})"


def figure(value: Figure) -> str:
    """A figure of unknown kind, e.g. of a loop."""
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else value


def figures(values: dict[str, Figure]) -> str:
    """Named figures on one line: "games 1,284 · shards 41"."""
    return " · ".join(f"{name.replace('_', ' ')} {figure(v)}" for name, v in values.items())


def bar(done: int, total: int, width: int) -> str:
    """A progress bar that is legible without colour."""
    filled = 0 if total <= 0 else min(width, width * done // total)
    return "━" * filled + "╌" * (width - filled)


def moment(at: float) -> str:
    """The local date and time of day of a Unix time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def clock(at: float) -> str:
    """The local time of day of a Unix time; the very first entry of a log has none."""
    return UNKNOWN if at <= 0 else time.strftime("%H:%M:%S", time.localtime(at))
