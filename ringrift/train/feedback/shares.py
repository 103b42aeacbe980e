"""Which config plays next, and how hard it searches (SYSTEM 2.5).

    score  = known terms' weighted mean · clamp(tier · curriculum · exploration, .3, 50)
      deficit   .40  1 - games / target, not below 0; an unrated config's target is 5,000
      value     .25  (.4 min(1, error / 300) + .3 min(1, gap / 500)) / .7, gap = goal Elo - Elo
      staleness .15  0 up to 1 h without new data, linear to 1 at 4 h
      velocity  .10  1 - exp(-max(0, v) / 1.39), v in Elo/h (SYSTEM's 33.3 Elo a day)
      training  .10  1 where training waits for data
    tier   = 20 under 20 games, 10 under 100, 5 under 500, 2.5 under 3,000, 1.5 under 5,000, else 1
    share  = floor + (1 - n · floor) · score / Σ scores

SYSTEM's multipliers reached 48,000 and drowned its terms. With a floor of 1/50 no config gets more
than 50 times what another gets. Under-served configs (< 3,000 games) have at least 40 % together.
A term that was not measured is left out of the mean, on both sides of the division.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ringrift.engine.config import Config
from ringrift.train.feedback.intensity import Intensity
from ringrift.train.feedback.signals import FeedbackError, clamp, require

FLOOR = 1 / 50
RESERVE = 0.40
UNDER_SERVED = 3000
GOAL_ELO = 1900.0
_UNRATED_TARGET = 5000
_TIERS = ((20, 20.0), (100, 10.0), (500, 5.0), (3000, 2.5), (5000, 1.5))
_BOARD_TARGET = {"hex8": 1.0, "square8": 1.2, "square19": 2.0, "hexagonal": 2.5}
_PLAYERS_TARGET = {2: 1.0, 3: 1.5, 4: 2.5}
_INTENSITY_BUDGET: dict[Intensity, float] = {
    "intensive": 1.75,
    "hot_path": 1.5,
    "high": 1.5,
    "accelerated": 1.25,
    "normal": 1.0,
    "reduced": 0.75,
    "paused": 0.5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A config's measured situation; None where unknown. Velocity is in Elo/h.

    `curriculum` and `exploration` are the multipliers of those modules.
    """

    games: int
    elo: float | None
    elo_error: float | None
    velocity: float | None
    hours_since_data: float | None
    training_waits: bool
    curriculum: float = 1.0
    exploration: float = 1.0

    def __post_init__(self) -> None:
        require("games", self.games, 0)
        require("elo", self.elo, -math.inf)
        require("elo_error", self.elo_error, 0)
        require("velocity", self.velocity, -math.inf)
        require("hours_since_data", self.hours_since_data, 0)
        require("curriculum", self.curriculum, 0.3, 3)
        require("exploration", self.exploration, 1, 2)


def target_games(config: Config, elo: float | None) -> int | None:
    """Games after which a config has had its fill, 0 to 500,000; None while its Elo is unknown."""
    if elo is None:
        return None
    scale = _BOARD_TARGET[config.board] * _PLAYERS_TARGET.get(config.players, 1.0)
    return int(clamp((GOAL_ELO - elo) * 500 * scale, 0, 500_000))


def information_value(elo: float | None, error: float | None) -> float | None:
    """What more games would tell and gain, 0 to 1; None while Elo or its error is unknown."""
    if elo is None or error is None:
        return None
    gap = clamp((GOAL_ELO - elo) / 500, 0, 1)
    return (0.4 * min(1.0, error / 300) + 0.3 * gap) / 0.7


def starvation(games: int) -> float:
    """The tier's multiplier: 20 for the starved, 1 from 5,000 games on."""
    return next((factor for below, factor in _TIERS if games < below), 1.0)


def score(config: Config, need: Need) -> float:
    """How much `config` should play; comparable between configs, 0 to 50."""
    target = target_games(config, need.elo)
    enough = _UNRATED_TARGET if target is None else max(1, target)
    deficit = clamp(1 - need.games / enough, 0, 1)
    stale = None if need.hours_since_data is None else clamp((need.hours_since_data - 1) / 3, 0, 1)
    speed = None if need.velocity is None else 1 - math.exp(-max(0.0, need.velocity) / 1.39)
    terms = (
        (0.40, deficit),
        (0.25, information_value(need.elo, need.elo_error)),
        (0.15, stale),
        (0.10, speed),
        (0.10, float(need.training_waits)),
    )
    known = [(weight, term) for weight, term in terms if term is not None]
    mean = sum(weight * term for weight, term in known) / sum(weight for weight, _ in known)
    return mean * clamp(starvation(need.games) * need.curriculum * need.exploration, 0.3, 50)


def selfplay_shares(needs: Mapping[Config, Need]) -> dict[Config, float]:
    """Each config's share of selfplay; they sum to 1 and none lies below 1/50.

    Raises FeedbackError for no or more than 49 configs.
    """
    n = len(needs)
    if not 0 < n < 1 / FLOOR:
        raise FeedbackError(f"needs holds {n} configs; selfplay is shared by 1 to 49.")
    scores = {config: score(config, need) for config, need in needs.items()}
    hungry = [config for config, need in needs.items() if need.games < UNDER_SERVED]
    rest = [config for config in needs if config not in hungry]
    whole = sum(scores.values())
    wanted = sum(scores[c] for c in hungry) / whole if whole > 0 else len(hungry) / n
    free = 1 - n * FLOOR
    if hungry and rest:
        wanted = max(wanted, (RESERVE - len(hungry) * FLOOR) / free)
    shares = _divided(scores, hungry, wanted * free) | _divided(scores, rest, (1 - wanted) * free)
    return {config: FLOOR + shares[config] for config in needs}


def _divided(
    scores: Mapping[Config, float], among: list[Config], amount: float
) -> dict[Config, float]:
    """`amount` in proportion to scores; evenly where all are 0."""
    whole = sum(scores[c] for c in among)
    return {c: amount * (scores[c] / whole if whole > 0 else 1 / len(among)) for c in among}


def allocate(shares: Mapping[Config, float], games: int) -> dict[Config, int]:
    """`games` in whole games by largest remainder: the sum is exact, ties go to the first named."""
    require("games", games, 0)
    counts = {config: int(share * games) for config, share in shares.items()}
    left = games - sum(counts.values())
    by_remainder = sorted(shares, key=lambda config: counts[config] - shares[config] * games)
    for config in by_remainder[:left]:
        counts[config] += 1
    return counts


def search_budget(config: Config, games: int, elo: float | None, intensity: Intensity) -> int:
    """Simulations of a full search, to be written into the work item and stored with every row.

    64 / 150 / 200 under 100 / 500 / 1,000 games, then by Elo 800, 1,600 from 1,800, 3,200 from
    2,000; an unrated config has not earned more than 200. Intensity multiplies, more than two
    seats × .8; large boards at most 800, and 400 under 1,000 games.
    """
    require("games", games, 0)
    bootstrap = games < 1000
    if bootstrap or elo is None:
        simulations = 64 if games < 100 else 150 if games < 500 else 200
    else:
        simulations = 3200 if elo >= 2000 else 1600 if elo >= 1800 else 800
    wanted = simulations * _INTENSITY_BUDGET[intensity] * (1.0 if config.players <= 2 else 0.8)
    if config.board in ("square19", "hexagonal"):
        wanted = min(wanted, 400 if bootstrap else 800)
    return max(1, round(wanted))
