"""How good the newest training data of a config is, from measurements alone.

    score = confidence · labels · intact · fresh, each in [0, 1]
    labels     = .40 budget + .35 generator + .25 entropy
      budget     = row-weighted mean of min(1, log2(1 + simulations) / log2(1 + wanted))
      generator  = min(1, 2 / (1 + 10^(-gap / 400))), gap = Elo(generator) - Elo(champion)
      entropy    = clamp(min(h / .05, (1 - h) / .30)) of the mean policy target's entropy
                   h = H / log(choices): at 0 soft targets were lost, at 1 they say nothing
    intact     = (1 - truncated) · (1 - duplicates) · (.5 + .5 parity_checked)
    fresh      = 2^(-age / 4 h)
    confidence = 1 - 2^(-games / 100)

SYSTEM 2.6 "Quality score". Its game score was a constant in practice and blind to all of this; its
decay ended at a floor of .5, which the easiest gate let pass; its game count was applied twice.
Here age leads to 0 (half-life: the 4 h of SYSTEM's data age), and few games lower the score once.
"""

import math
from dataclasses import dataclass, fields
from typing import Literal

from ringrift.engine.config import Config
from ringrift.train.feedback.signals import clamp, require

_HALF_LIFE_H = 4.0
_GAMES_TO_HALF = 100
_GATE = 0.50
_RELAXED_GATE = 0.40
_GATE_OF_PLAYERS = {3: 0.05, 4: 0.15}
_GATE_OF_BOARD = {"square8": 0.02, "square19": 0.05, "hexagonal": 0.08}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMeasures:
    """What was measured of a config's newest data; None where nobody measured.

    `budgets` are (simulations, rows) of full-search rows, `generator_gap` is in Elo, `age_h` in
    hours since the newest game; `target_entropy` (of log choices) and the rest are shares of 1.
    Games whose replay no second engine or reader checked (parity) count half.
    """

    games: int | None
    budgets: tuple[tuple[int, int], ...] | None
    generator_gap: float | None
    target_entropy: float | None
    truncated: float | None
    duplicates: float | None
    parity_checked: float | None
    age_h: float | None

    def __post_init__(self) -> None:
        require("games", self.games, 0)
        require("age_h", self.age_h, 0)
        require("generator_gap", self.generator_gap, -math.inf)
        for name in ("target_entropy", "truncated", "duplicates", "parity_checked"):
            require(name, getattr(self, name), 0, 1)
        for simulations, rows in self.budgets or ():
            require("simulations of budgets", simulations, 0)
            require("rows of budgets", rows, 0)


@dataclass(frozen=True, slots=True)
class Quality:
    """The score in [0, 1], or None with the names of the measurements that are missing."""

    score: float | None
    missing: tuple[str, ...]


Gate = Literal["open", "relaxed", "closed", "unknown"]


def data_quality(measures: DataMeasures, wanted_simulations: int) -> Quality:
    """Judge data whose full searches were meant to have `wanted_simulations`.

    Budgets without a single row count as missing.
    """
    require("wanted_simulations", wanted_simulations, 1)
    m = measures
    missing = tuple(f.name for f in fields(m) if getattr(m, f.name) is None)
    rows = sum(count for _, count in m.budgets or ())
    if m.budgets is not None and rows == 0:
        missing += ("budgets",)
    if missing:
        return Quality(None, missing)
    assert m.budgets is not None and m.generator_gap is not None and m.target_entropy is not None
    assert m.truncated is not None and m.duplicates is not None and m.parity_checked is not None
    assert m.age_h is not None and m.games is not None
    whole = math.log2(1 + wanted_simulations)
    budget = sum(n * min(1.0, math.log2(1 + sims) / whole) for sims, n in m.budgets) / rows
    # Beyond ten thousand Elo the power overflows and nothing changes any more.
    generator = min(1.0, 2 / (1 + 10 ** (-clamp(m.generator_gap, -1e4, 1e4) / 400)))
    entropy = clamp(min(m.target_entropy / 0.05, (1 - m.target_entropy) / 0.30), 0, 1)
    labels = 0.40 * budget + 0.35 * generator + 0.25 * entropy
    intact = (1 - m.truncated) * (1 - m.duplicates) * (0.5 + 0.5 * m.parity_checked)
    confidence = 1 - 2 ** (-m.games / _GAMES_TO_HALF)
    return Quality(confidence * labels * intact * 2 ** (-m.age_h / _HALF_LIFE_H), ())


def required_quality(config: Config) -> float:
    """The score from which a config's data may be trained on: .50 to .73 (SYSTEM 2.6)."""
    return _GATE + _GATE_OF_PLAYERS.get(config.players, 0.0) + _GATE_OF_BOARD.get(config.board, 0.0)


def quality_gate(
    config: Config, score: float | None, games: int, hours_since_training: float | None
) -> Gate:
    """Whether `score` lets training start.

    "relaxed": below the requirement but at least .40, for a config with under 5,000 games or none
    trained for more than 4 h (None: never). An unknown score is "unknown", which opens nothing.
    """
    require("score", score, 0, 1)
    if score is None:
        return "unknown"
    if score >= required_quality(config):
        return "open"
    waited = hours_since_training is None or hours_since_training > 4
    return "relaxed" if score >= _RELAXED_GATE and (games < 5000 or waited) else "closed"
