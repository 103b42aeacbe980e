"""Ratings by maximum likelihood over all matches, each with its error.

Bradley-Terry (1952) on the Elo scale: strength g = 10**(elo / 400), and a player who sits alone
against m equal opponents takes first place with probability g / (g + m * g_opponent). One player,
the anchor, is fixed; a player whom no chain of matches ties to it has no rating on its scale.

With more seats only the first place of the player that sits alone counts, not the order of the
others: these are copies of one player, so their order among themselves says nothing, and where the
lone player came below first says little that first places over all rotations do not. For two
players and their copies this is what Plackett-Luce says of the first place.

As the only prior, each pair that met has one virtual game more, scored at the even share 1/(m+1)
(two seats: a draw). It keeps ratings finite after 40 : 0 and fades with real games.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringrift.train.blocks import NORMAL_95, Histogram, Score, effective_games

ELO_PER_NAT = 400 / math.log(10)
_NEWTON_STEPS = 100
_SETTLED = 1e-9

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """`a` alone against `opponents` seats of `b`: first places of `a` in `games` games.

    `effective` is how many independent games these are worth (None: all of them); see
    `blocks.effective_games`. `early`: a test watched the match and could end it, which pushes its
    score away from even; see `headline_difference`. Raises ValueError on impossible counts.
    """

    a: str
    b: str
    opponents: int
    wins_a: int
    games: int
    effective: float | None = None
    early: bool = False

    def __post_init__(self) -> None:
        if self.a == self.b or self.opponents < 1 or not 0 <= self.wins_a <= self.games:
            raise ValueError(
                f"match {self.a} against {self.opponents} x {self.b} with {self.wins_a} of "
                f"{self.games} won is impossible; it needs two players and 0 to games wins."
            )

    @staticmethod
    def of_histogram(a: str, b: str, histogram: Histogram, *, early: bool = False) -> "Match":
        """The match of `a` against `b` whose blocks are counted in `histogram`."""
        score = Score(histogram)
        worth = effective_games(histogram)
        return Match(a, b, score.rotations - 1, score.wins, score.games, worth, early)


@dataclass(frozen=True, slots=True)
class Rating:
    """Elo and its standard error (None: not tied to the anchor), and the games played in all."""

    elo: float | None
    standard_error: float | None
    games: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one player is above another, with its standard error and the games that tell it."""

    elo: float
    standard_error: float
    games: int

    @property
    def low(self) -> float:
        """Lower 95 % bound."""
        return self.elo - NORMAL_95 * self.standard_error

    @property
    def high(self) -> float:
        """Upper 95 % bound."""
        return self.elo + NORMAL_95 * self.standard_error


@dataclass(frozen=True, slots=True)
class _Likelihood:
    """Weighted binomial terms in numbers: player `a[i]` against m equal players `b[i]`."""

    a: NDArray[np.intp]
    b: NDArray[np.intp]
    log_opponents: Vector
    wins: Vector
    games: Vector
    players: int

    def value(self, strength: Vector) -> float:
        edge = strength[self.a] - strength[self.b] - self.log_opponents
        return float(np.sum(self.wins * edge - self.games * np.logaddexp(0.0, edge)))

    def slopes(self, strength: Vector) -> tuple[Vector, NDArray[np.float64]]:
        """Gradient and negative Hessian by all players' strengths."""
        edge = strength[self.a] - strength[self.b] - self.log_opponents
        expected = np.exp(-np.logaddexp(0.0, -edge))
        surplus = self.wins - self.games * expected
        gradient = np.zeros(self.players)
        np.add.at(gradient, self.a, surplus)
        np.add.at(gradient, self.b, -surplus)
        weight = self.games * expected * (1 - expected)
        information = np.zeros((self.players, self.players))
        np.add.at(information, (self.a, self.a), weight)
        np.add.at(information, (self.b, self.b), weight)
        np.add.at(information, (self.a, self.b), -weight)
        np.add.at(information, (self.b, self.a), -weight)
        return gradient, information


def fit_ratings(
    matches: Sequence[Match], anchor: str, anchor_elo: float = 1200.0
) -> dict[str, Rating]:
    """Rate everybody who played, and the anchor, which is `anchor_elo` by definition (error 0).

    Standard errors are those of the difference to the anchor, from the inverse information.
    """
    games: dict[str, int] = defaultdict(int)
    for match in matches:
        games[match.a] += match.games
        games[match.b] += match.games
    played = [match for match in matches if match.games]
    connected = _connected(played, anchor)
    names = sorted(connected - {anchor})
    rated: dict[str, Rating] = {anchor: Rating(anchor_elo, 0.0, games[anchor])}
    if names:
        order = {name: place for place, name in enumerate([anchor, *names])}
        strength, error = _maximise(_likelihood(played, order))
        for name in names:
            place = order[name]
            elo = anchor_elo + ELO_PER_NAT * float(strength[place])
            rated[name] = Rating(elo, ELO_PER_NAT * float(error[place]), games[name])
    for name in games:
        rated.setdefault(name, Rating(None, None, games[name]))
    return rated


def headline_difference(matches: Sequence[Match], a: str, b: str) -> Difference | None:
    """How far `a` is above `b` by the matches that the two played against each other in full.

    Matches that a test could end are left out: they end when the score is far from even. None when
    nothing is left. `a` may have sat alone or not.
    """
    fixed = [match for match in matches if not match.early and {match.a, match.b} == {a, b}]
    rating = fit_ratings(fixed, b, 0.0).get(a)
    if rating is None or rating.elo is None or rating.standard_error is None:
        return None
    return Difference(rating.elo, rating.standard_error, rating.games)


def _connected(matches: Sequence[Match], anchor: str) -> set[str]:
    neighbours: dict[str, set[str]] = defaultdict(set)
    for match in matches:
        neighbours[match.a].add(match.b)
        neighbours[match.b].add(match.a)
    found, frontier = {anchor}, [anchor]
    while frontier:
        fresh = neighbours[frontier.pop()] - found
        found |= fresh
        frontier.extend(fresh)
    return found


def _likelihood(matches: Sequence[Match], order: dict[str, int]) -> _Likelihood:
    wins: dict[tuple[int, int, int], float] = defaultdict(float)
    games: dict[tuple[int, int, int], float] = defaultdict(float)
    for match in matches:
        if match.a in order:
            key = (order[match.a], order[match.b], match.opponents)
            effective = match.games if match.effective is None else match.effective
            wins[key] += match.wins_a * effective / match.games
            games[key] += effective
    met: dict[frozenset[int], list[tuple[int, int, int]]] = defaultdict(list)
    for key in games:
        met[frozenset(key[:2])].append(key)
    for keys in met.values():
        for key in keys:
            # A pair that met in several ways shares its one virtual game among them.
            games[key] += 1 / len(keys)
            wins[key] += 1 / len(keys) / (key[2] + 1)
    rows = sorted(games)
    return _Likelihood(
        np.array([row[0] for row in rows], dtype=np.intp),
        np.array([row[1] for row in rows], dtype=np.intp),
        np.log(np.array([row[2] for row in rows], dtype=np.float64)),
        np.array([wins[row] for row in rows]),
        np.array([games[row] for row in rows]),
        len(order),
    )


def _maximise(likelihood: _Likelihood) -> tuple[Vector, Vector]:
    """Strengths in nats and their errors; player 0 stays at 0.

    Newton's method on a strictly concave function; a step that does not climb is halved.
    """
    strength = np.zeros(likelihood.players)
    value = likelihood.value(strength)
    step, covariance = _newton(likelihood, strength)
    taken = 0
    while float(np.max(np.abs(step))) >= _SETTLED:
        assert taken < _NEWTON_STEPS, "ratings did not settle, though there is one maximum"
        taken += 1
        least = value - 1e-12 * (1 + abs(value))
        while likelihood.value(strength + step) < least:
            step = step / 2
        strength = strength + step
        value = likelihood.value(strength)
        step, covariance = _newton(likelihood, strength)
    return strength, np.sqrt(np.concatenate([[0.0], np.diag(covariance)]))


def _newton(likelihood: _Likelihood, strength: Vector) -> tuple[Vector, NDArray[np.float64]]:
    """The full step, and the covariance of the strengths but player 0's."""
    gradient, information = likelihood.slopes(strength)
    covariance = np.linalg.inv(information[1:, 1:]).astype(np.float64)
    return np.concatenate([[0.0], covariance @ gradient[1:]]), covariance
