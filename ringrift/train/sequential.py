"""The sequential promotion test: play blocks until a challenger is shown better, or not.

A generalised sequential probability ratio test (GSPRT; Van den Bergh, "A practical introduction to
the GSPRT", 2019) on block scores. Null: the score is even, 1/n. Alternative: it is that of a player
`elo` above its opponents. The log-likelihood ratio after N blocks of mean m and variance v is

    N (s1 - s0) (2 m - s0 - s1) / (2 v),

that of a normal mean whose variance is estimated from the blocks themselves: games of a block that
go together or against each other are thereby counted for what they are worth. Wald's bounds
(1945) end it. What is reached, by simulation: `benchmarks/promotion.py`, docs/promotion.md.

Knows nothing of games or players; a verdict is a function of the histogram alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ringrift.train.blocks import Histogram, Score, histogram_of

# Half a block of all wins and half a block of none are added before the variance is taken: a few
# blocks that happen to end alike would otherwise look certain.
_VIRTUAL_BLOCKS = 0.5


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """What the test may get wrong and how long it may take.

    `error`: share of equal challengers that it accepts. `miss`: share of challengers `elo` better
    that it rejects, before the maximum length takes its toll. Looks come after `first_look` blocks
    and then after every `every`; at `maximum_games` a challenger not shown better is rejected.
    Raises ValueError on a probability outside (0, .5), or lengths that leave no look.
    """

    error: float = 0.05
    miss: float = 0.09
    elo: float = 50.0
    first_look: int = 20
    every: int = 4
    maximum_games: int = 1000

    def __post_init__(self) -> None:
        for name, value in (("error", self.error), ("miss", self.miss)):
            if not 0 < value < 0.5:
                raise ValueError(f"{name} is {value}; it must lie between 0 and 0.5.")
        if self.elo <= 0:
            raise ValueError(f"elo is {self.elo}; it must be above 0.")
        if self.first_look < 2 or self.every < 1:
            raise ValueError(
                f"looks are after {self.first_look} blocks and every {self.every}; the first needs "
                "2 or more blocks, and the others must be 1 or more apart."
            )

    @property
    def accepts_at(self) -> float:
        """The log-likelihood ratio from which a challenger is accepted."""
        return math.log((1 - self.miss) / self.error)

    @property
    def rejects_at(self) -> float:
        """The log-likelihood ratio down to which a challenger is rejected."""
        return math.log(self.miss / (1 - self.error))

    def next_look(self, blocks: int, seats: int) -> int:
        """How many blocks there must be at the first look after `blocks` have been played.

        Never beyond the last look, which is at the maximum length.
        """
        looks = max(0, (blocks - self.first_look) // self.every + 1)
        return min(self.first_look + looks * self.every, self.last_look(seats))

    def last_look(self, seats: int) -> int:
        """Blocks at the maximum length. Raises ValueError when it comes before the first look."""
        most = self.maximum_games // seats
        if most < self.first_look:
            raise ValueError(
                f"maximum_games is {self.maximum_games}; it must hold {self.first_look} blocks of "
                f"{seats} games."
            )
        return most - (most - self.first_look) % self.every


@dataclass(frozen=True, slots=True)
class Look:
    """How the test stands: `ratio` is accepted from `accepts_at` and rejected from `rejects_at`.

    `exhausted`: rejected because the maximum length was reached, not because of the ratio.
    """

    verdict: Literal["accepted", "rejected", "continue"]
    ratio: float
    accepts_at: float
    rejects_at: float
    games: int
    maximum_games: int
    exhausted: bool = False


def promotion_test(attempt: int) -> SequentialTest:
    """The test for the `attempt`-th candidate, from 1, that meets the same champion."""
    return SequentialTest(error=shared_error(attempt))


def shared_error(attempt: int, total: float = 0.05) -> float:
    """What the `attempt`-th candidate against one champion gets of the error of all together.

    The first .7 of it, the k-th .3 / (k (k - 1)), which add up to 1: in a row of candidates that
    are all equal to the champion, however long, the chance that any is promoted stays below
    `total`. A row begins anew with each champion. The first gets most because the rest of a row is
    there for candidates that keep growing stronger. Raises ValueError on an attempt below 1.
    """
    if attempt < 1:
        raise ValueError(f"attempt is {attempt}; it must be 1 or more.")
    return total * (0.7 if attempt == 1 else 0.3 / (attempt * (attempt - 1)))


def share_at(elo: float, seats: int) -> float:
    """First places per game of a player `elo` above its `seats - 1` equal opponents.

    As in `rating`: g / (g + seats - 1) with g = 10**(elo / 400).
    """
    strength = 10 ** (elo / 400)
    return strength / (strength + seats - 1)


def log_likelihood_ratio(histogram: Histogram, elo: float) -> float:
    """How much better `elo` above the opponents explains these blocks than an even score does."""
    match = Score(histogram)
    if match.score is None:
        return 0.0
    even, better = match.even, share_at(elo, match.rotations)
    gap = better - even
    variance = _variance(histogram)
    return match.openings * gap * (2 * match.score - even - better) / (2 * variance)


def look(histogram: Histogram, test: SequentialTest) -> Look:
    """Judge all blocks played so far; between two looks the answer is always "continue"."""
    match = Score(histogram)
    ratio = log_likelihood_ratio(histogram, test.elo)
    last = test.last_look(match.rotations)
    due = (match.openings - test.first_look) % test.every == 0
    ended = match.openings >= last
    verdict, exhausted = "continue", False
    if ended or (due and match.openings >= test.first_look):
        if ratio >= test.accepts_at:
            verdict = "accepted"
        elif ratio <= test.rejects_at:
            verdict = "rejected"
        elif ended:
            verdict, exhausted = "rejected", True
    return Look(
        verdict,
        ratio,
        test.accepts_at,
        test.rejects_at,
        match.games,
        last * match.rotations,
        exhausted,
    )


def first_end(wins_per_block: Sequence[int], seats: int, test: SequentialTest) -> tuple[int, Look]:
    """Where the test ends in blocks that were played side by side, in the order of their openings.

    Returns how many of them count and the look at these. Those beyond the first look that ends it
    must not count; while none does, all count. So many games can run at once without bending the
    test.
    """
    blocks = 0
    while (blocks := test.next_look(blocks, seats)) <= len(wins_per_block):
        seen = look(histogram_of(wins_per_block[:blocks], seats), test)
        if seen.verdict != "continue":
            return blocks, seen
    return len(wins_per_block), look(histogram_of(wins_per_block, seats), test)


def _variance(histogram: Histogram) -> float:
    """Of block scores, with the virtual blocks."""
    rotations = len(histogram) - 1
    counts = [float(count) for count in histogram]
    counts[0] += _VIRTUAL_BLOCKS
    counts[-1] += _VIRTUAL_BLOCKS
    total = sum(counts)
    mean = sum(k * count for k, count in enumerate(counts)) / (total * rotations)
    squares = sum(count * (k / rotations - mean) ** 2 for k, count in enumerate(counts))
    return squares / (total - 1)
