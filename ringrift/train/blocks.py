"""What a match of blocks says: a score and how far it can be trusted.

A block is one opening played in every seat rotation. Its games share the opening, so they are not
independent, and the block is the sample. A match is summed up by a histogram over blocks, which can
be added up over matches: `histogram[k]` blocks in which the candidate won k of its games.

Knows nothing of games, players or ratings.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Histogram = tuple[int, ...]

NORMAL_95 = 1.959963984540054

DISTINCT_SHARE = 0.9
"""Share of games, and of openings, that must differ: players are noiseless, and the same game over
and over is one sample, however often it is counted."""


def histogram_of(wins_per_block: Sequence[int], rotations: int) -> Histogram:
    """Count blocks by their wins; raises ValueError if a block won more than its games."""
    counts = [0] * (rotations + 1)
    for wins in wins_per_block:
        if not 0 <= wins <= rotations:
            raise ValueError(f"a block has {wins} wins; it must have 0 to {rotations}.")
        counts[wins] += 1
    return tuple(counts)


@dataclass(frozen=True, slots=True)
class Score:
    """A match against one opponent, from the side of the candidate.

    `distinct_openings` and `distinct_games` (different final positions) are None when nobody
    counted them. Raises ValueError on a histogram without games in a block or with negative counts.
    """

    histogram: Histogram
    distinct_openings: int | None = None
    distinct_games: int | None = None

    def __post_init__(self) -> None:
        if len(self.histogram) < 2 or min(self.histogram) < 0:
            raise ValueError(
                f"histogram is {list(self.histogram)}; it must hold 2 or more counts from 0 up."
            )

    @property
    def rotations(self) -> int:
        """Games in a block, which is the number of seats."""
        return len(self.histogram) - 1

    @property
    def openings(self) -> int:
        """Blocks played."""
        return sum(self.histogram)

    @property
    def games(self) -> int:
        return self.openings * self.rotations

    @property
    def wins(self) -> int:
        """First places of the candidate."""
        return sum(k * count for k, count in enumerate(self.histogram))

    @property
    def even(self) -> float:
        """The share of an equal player: one in as many as there are seats."""
        return 1 / self.rotations

    @property
    def score(self) -> float | None:
        """First places per game; None before the first game."""
        return self.wins / self.games if self.games else None


def too_uniform(score: Score, share: float = DISTINCT_SHARE) -> str | None:
    """Why a match says nothing: too few of its openings or games differ. None when enough do.

    A match whose distinct games nobody counted is not known to be good.
    """
    counted = (
        ("openings", score.distinct_openings, score.openings),
        ("games", score.distinct_games, score.games),
    )
    for name, distinct, played in counted:
        if distinct is None:
            return f"nobody counted its distinct {name}"
        if distinct < share * played:
            return f"{distinct} of {played} {name} are distinct; {share:.0%} are required"
    return None


def effective_games(histogram: Histogram) -> float:
    """How many independent games the blocks are worth: between their number and their games.

    The design effect of cluster sampling (Kish 1965): the variance of block scores against that of
    as many independent games. One block of all wins and one of none are added before it is taken,
    so that few or one-sided blocks, whose sample variance says nothing, count as one game each
    rather than as certain. It is never below one: rotations that cancel out the opening's bias make
    the true error smaller than that of independent games, but whether they do is itself estimated
    from these few blocks, and a bound must not narrow on that estimate.
    """
    rotations = len(histogram) - 1
    blocks = sum(histogram)
    if blocks == 0:
        return 0.0
    counts = list(histogram)
    counts[0] += 1
    counts[-1] += 1
    total = sum(counts)
    mean = sum(k * count for k, count in enumerate(counts)) / (total * rotations)
    variance = sum(count * (k / rotations - mean) ** 2 for k, count in enumerate(counts))
    variance /= total - 1
    design_effect = rotations * variance / (mean * (1 - mean))
    return blocks * rotations / min(max(design_effect, 1.0), float(rotations))


def student_95(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's t for `freedom` >= 2 degrees, within 1 %.

    Expansion of Abramowitz and Stegun 26.7.5 to the third order; at 2 degrees, where it is 5 % off,
    the tabled value.
    """
    if freedom < 3:
        return 4.302652729696142
    z, n = NORMAL_95, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


def bounds(histogram: Histogram) -> tuple[float, float, float]:
    """Score with its lower and upper 95 % bound over blocks; raises ValueError without any game.

    Wilson's interval (1927), which stays sound at 0 and 100 %, on `effective_games` in place of
    games and with Student's quantile, since the block variance is itself an estimate.
    """
    summary = Score(histogram)
    share = summary.score
    if share is None:
        raise ValueError("histogram holds no games; bounds need at least one block.")
    n = effective_games(histogram)
    t = student_95(summary.openings + 1)
    centre = (share + t * t / (2 * n)) / (1 + t * t / n)
    half = t / (1 + t * t / n) * math.sqrt(share * (1 - share) / n + t * t / (4 * n * n))
    # At 0 and 100 % rounding would put the bound on the wrong side of the score.
    return share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))
