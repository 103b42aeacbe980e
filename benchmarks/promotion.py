"""What the promotion test and the generator gate get wrong, and how many games they take.

Run `python benchmarks/promotion.py`; a minute or two on one core. Challengers are simulated as
histograms of block scores. The games of a block are tied together by what their opening does:

  independent   nothing
  bias S        it favours seats, by normal draws of S Elo a seat: what one side gains by it, the
                other gains in another rotation, so block scores vary less
  taste S       it suits the challenger or does not, by a normal draw of S Elo: block scores vary
                more, and no test can do with as few games
  alike         in half of the blocks all games end alike (.5), or in all of them (1)
  hostile       the worst of 20 random distributions of block scores whose mean is even

`variance` is that of block scores against independent games. A challenger "of +50 Elo" scores what
+50 Elo would score on average over the openings, in every model.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ringrift.train.promotion import shown_worse
from ringrift.train.sequential import SequentialTest, promotion_test, share_at

Vector = NDArray[np.float64]
Counts = NDArray[np.int64]

MODELS: dict[str, dict[str, float]] = {
    "independent": {},
    "bias 100": {"bias": 100.0},
    "bias 200": {"bias": 200.0},
    "bias 400": {"bias": 400.0},
    "taste 100": {"taste": 100.0},
    "taste 200": {"taste": 200.0},
    "alike .5": {"alike": 0.5},
    "alike 1": {"alike": 1.0},
}
ROW = 20
GENERATOR_BLOCKS = 20


@dataclass(frozen=True)
class Outcome:
    """Of many challengers: share accepted, mean games, and the games 95 % of them stay below."""

    accepted: float
    games: float
    games_95: float


def block_law(
    seats: int, elo: float, *, bias: float = 0.0, taste: float = 0.0, alike: float = 0.0
) -> Vector:
    """Probability of a block with k first places, k = 0..seats, averaged over openings."""
    rng = np.random.default_rng(5)
    openings = 4000 if bias or taste else 1
    favour = bias * rng.normal(size=(openings, seats))
    liking = taste * rng.normal(size=openings)
    law = np.zeros((openings, seats + 1))
    law[:, 0] = 1
    for seat in range(seats):
        strength = favour.copy()
        strength[:, seat] += elo + liking
        weight = 10 ** (strength / 400)
        win = (weight[:, seat] / weight.sum(axis=1))[:, None]
        law[:, 1:] = law[:, 1:] * (1 - win) + law[:, :-1] * win
        law[:, :1] *= 1 - win
    mixed = law.mean(axis=0)
    score = mean_of(mixed)
    together = np.zeros(seats + 1)
    together[0], together[-1] = 1 - score, score
    return (1 - alike) * mixed + alike * together


def law_with_score(seats: int, score: float, **model: float) -> Vector:
    """The block law of that model whose mean score is `score`."""
    low, high = -800.0, 800.0
    for _ in range(50):
        middle = (low + high) / 2
        if mean_of(block_law(seats, middle, **model)) < score:
            low = middle
        else:
            high = middle
    return block_law(seats, (low + high) / 2, **model)


def mean_of(law: Vector) -> float:
    return float(law @ np.arange(len(law))) / (len(law) - 1)


def variance_ratio(law: Vector) -> float:
    """Variance of block scores against that of as many independent games."""
    seats, score = len(law) - 1, mean_of(law)
    variance = float(law @ (np.arange(seats + 1) / seats - score) ** 2)
    return variance * seats / (score * (1 - score))


def hostile_laws(seats: int, count: int) -> Iterator[Vector]:
    """Random laws with an even mean: a mixture of one that scores below and one above."""
    rng = np.random.default_rng(9)
    even, made = 1 / seats, 0
    while made < count:
        low, high = rng.dirichlet(np.full(seats + 1, 0.4), size=2)
        a, b = mean_of(low), mean_of(high)
        if a < even < b:
            made += 1
            share = (even - a) / (b - a)
            yield (1 - share) * low + share * high


def challenge(
    rng: np.random.Generator, law: Vector, tests: Sequence[SequentialTest], count: int
) -> list[Outcome]:
    """Put the same `count` challengers with this block law to each of `tests`."""
    seats, blocks = len(law) - 1, [0]
    while (due := tests[0].next_look(blocks[-1], seats)) > blocks[-1]:
        blocks.append(due)
    steps = [rng.multinomial(n, law, size=count) for n in np.diff(blocks)]
    ratios = log_likelihood_ratios(np.cumsum(np.stack(steps, axis=1), axis=1), tests[0].elo)
    games = np.array(blocks[1:]) * seats
    outcomes: list[Outcome] = []
    for test in tests:
        accepted = ratios >= test.accepts_at
        ended = accepted | (ratios <= test.rejects_at)
        ended[:, -1] = True
        first = ended.argmax(axis=1)
        lengths = games[first]
        outcomes.append(
            Outcome(
                float(accepted[np.arange(count), first].mean()),
                float(lengths.mean()),
                float(np.quantile(lengths, 0.95)),
            )
        )
    return outcomes


def challenge_overtaken(
    rng: np.random.Generator, law: Vector, test: SequentialTest, count: int
) -> Outcome:
    """Challengers with a newer candidate waiting all the time, as in a run of `ringrift learn`.

    Their test gives way, undecided, after any piece of `GENERATOR_BLOCKS` whose games so far do not
    speak for them.
    """
    seats = len(law) - 1
    last = test.last_look(seats)
    blocks = np.arange(test.first_look, last + 1, test.every)
    steps = np.diff(blocks, prepend=0)
    drawn = np.stack([rng.multinomial(n, law, size=count) for n in steps], axis=1)
    ratios = log_likelihood_ratios(np.cumsum(drawn, axis=1), test.elo)
    accepted = ratios >= test.accepts_at
    gives_way = (ratios <= 0) & (blocks % GENERATOR_BLOCKS == 0)
    ended = accepted | gives_way | (ratios <= test.rejects_at)
    ended[:, -1] = True
    first = ended.argmax(axis=1)
    lengths = blocks[first] * seats
    return Outcome(
        float(accepted[np.arange(count), first].mean()),
        float(lengths.mean()),
        float(np.quantile(lengths, 0.95)),
    )


def log_likelihood_ratios(histograms: Counts, elo: float) -> Vector:
    """`sequential.log_likelihood_ratio` of many histograms [..., seats + 1] at once."""
    seats = histograms.shape[-1] - 1
    scores = np.arange(seats + 1) / seats
    even, better = 1 / seats, share_at(elo, seats)
    blocks = histograms.sum(axis=-1)
    counts = histograms.astype(np.float64)
    score = counts @ scores / blocks
    counts[..., 0] += 0.5
    counts[..., -1] += 0.5
    mean = counts @ scores / (blocks + 1)
    variance = (counts @ scores**2 - (blocks + 1) * mean**2) / blocks
    return blocks * (better - even) * (2 * score - even - better) / (2 * variance)


def fooled_in_a_row(rng: np.random.Generator, law: Vector, count: int, length: int = ROW) -> float:
    """Chance that any of `length` equal candidates in a row against one champion is promoted.

    Each attempt's own rate over `count` challengers; attempts are independent.
    """
    outcomes = challenge(rng, law, [promotion_test(k) for k in range(1, length + 1)], count)
    return 1 - float(np.prod([1 - outcome.accepted for outcome in outcomes]))


def called_worse(rng: np.random.Generator, law: Vector, count: int) -> float:
    """Share of challengers with this law whom the generator gate refuses after 20 openings."""
    histograms: list[list[int]] = rng.multinomial(GENERATOR_BLOCKS, law, size=count).tolist()
    return float(np.mean([shown_worse(tuple(histogram)) for histogram in histograms]))


def _tests(challengers: int) -> None:
    rng = np.random.default_rng(1)
    first, fifth = promotion_test(1), promotion_test(5)
    print(
        f"promotion test, {challengers} challengers a figure: `first` of its row at error "
        f"{first.error:.3f}, fifth at {fifth.error:.5f}; `row`: any of {ROW} equal ones promoted"
    )
    print(
        f"{'seats':5} {'model':12} {'variance':>8} | {'equal, first':>12} {'games':>5} "
        f"{'row':>6} | {'+50, first':>10} {'games':>5} {'95 %':>5} | {'+100, fifth':>11} games"
    )
    for seats in (2, 3, 4):
        for name, model in MODELS.items():
            equal, better, strong = (
                law_with_score(seats, share_at(elo, seats), **model) for elo in (0, 50, 100)
            )
            fooled = challenge(rng, equal, [first], challengers)[0]
            row = fooled_in_a_row(rng, equal, challengers)
            power = challenge(rng, better, [first], challengers)[0]
            late = challenge(rng, strong, [fifth], challengers)[0]
            print(
                f"{seats:5} {name:12} {variance_ratio(equal):8.2f} | "
                f"{fooled.accepted:12.1%} {fooled.games:5.0f} {row:6.1%} | "
                f"{power.accepted:10.1%} {power.games:5.0f} {power.games_95:5.0f} | "
                f"{late.accepted:11.1%} {late.games:5.0f}",
                flush=True,
            )
        rates = [
            challenge(rng, law, [first], challengers)[0].accepted for law in hostile_laws(seats, 20)
        ]
        print(f"{seats:5} hostile: at most {max(rates):.1%}", flush=True)


def _overtaken(challengers: int) -> None:
    rng = np.random.default_rng(3)
    print("\na newer candidate waits all the time (2 seats, independent): accepted, mean games")
    for attempt in (1, 2, 5, 10):
        shares = [
            challenge_overtaken(rng, block_law(2, float(elo)), promotion_test(attempt), challengers)
            for elo in (0, 50, 100, 200)
        ]
        told = "  ".join(f"{o.accepted:6.2%} {o.games:4.0f}" for o in shares)
        print(f"attempt {attempt:2}, equal, +50, +100, +200 Elo: {told}")


def _gate(challengers: int) -> None:
    rng = np.random.default_rng(2)
    print("\ngenerator gate after 20 openings: refused though equal, 50, 100 and 200 Elo weaker")
    for seats in (2, 3, 4):
        for name, model in MODELS.items():
            refused = [
                called_worse(
                    rng, law_with_score(seats, share_at(-elo, seats), **model), challengers
                )
                for elo in (0, 50, 100, 200)
            ]
            print(f"{seats:5} {name:12} " + " ".join(f"{share:6.1%}" for share in refused))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--challengers", type=int, default=10_000)
    asked = parser.parse_args()
    _tests(asked.challengers)
    _overtaken(asked.challengers)
    _gate(min(asked.challengers, 1000))


if __name__ == "__main__":
    main()
