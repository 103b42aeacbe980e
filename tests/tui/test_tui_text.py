"""Figures in words."""

import cockpit
import pytest

from ringrift.tui import text
from ringrift.wire.views import RatingView


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3660, "1 h 01 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_age(seconds: float | None, words: str) -> None:
    assert text.age(seconds) == words


def test_unknown_is_never_zero() -> None:
    unknown = RatingView(elo=None, standard_error=None, games=0)
    shown = [
        text.count(None),
        text.rate(None),
        text.percent(None),
        text.size(None),
        text.elo(None),
        text.elo(unknown),
        text.player(None),
        text.score(None),
        text.figure(None),
    ]
    assert set(shown) == {"–"}


def test_a_rating_without_error_says_so() -> None:
    assert text.elo(RatingView(elo=1400.0, standard_error=None, games=1)) == "1400 ±–"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (182_400_000_000, "182 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_size(number: int, words: str) -> None:
    assert text.size(number) == words


def test_speeds_keep_three_figures() -> None:
    assert [text.rate(x) for x in (1.944, 19.44, 1944.4)] == ["1.94/s", "19.4/s", "1,944/s"]


def test_players_are_short_or_named() -> None:
    assert text.player("heuristic-1") == "heuristic-1"
    assert text.player(cockpit.sha(6)) == cockpit.sha(6)[:8]


def test_a_bar_never_leaves_its_width() -> None:
    assert text.bar(0, 0, 4) == "╌╌╌╌"
    assert text.bar(1, 2, 4) == "━━╌╌"
    assert text.bar(9, 2, 4) == "━━━━"
