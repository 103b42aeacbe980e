"""Who becomes champion: the test against the reigning one, then a checklist.

The champion is served, rated and rolled back to; it is replaced only by a candidate that a
sequential test showed better. Whether a candidate may play selfplay is another question (`plan`).
"""

from dataclasses import dataclass
from typing import Literal

from ringrift.engine.config import Config
from ringrift.learn.events import Ruled
from ringrift.learn.progress import Candidate, Pairing, Progress
from ringrift.train.blocks import Score, bounds
from ringrift.train.promotion import promotion_verdict

RANDOM = "random-1"
HEURISTIC = "heuristic-1"


@dataclass(frozen=True, slots=True)
class Test:
    """How a candidate's test against the champion stands after `blocks` blocks."""

    decision: Literal["better", "not better", "continue"]
    blocks: int


def test_of(progress: Progress, candidate: Candidate) -> Test:
    """The test of `candidate` against today's champion; without one there is nothing to test."""
    if progress.champion is None:
        return Test("better", 0)
    pairing = candidate.pairings.get(progress.champion)
    blocks = 0 if pairing is None else len(pairing.blocks)
    if pairing is None or blocks < progress.settings.gate_openings:
        return Test("continue", blocks)
    _, low, high = bounds(pairing.histogram)
    even = 1 / pairing.rotations
    if low > even:
        return Test("better", blocks)
    if high < even or blocks >= progress.settings.most_openings:
        return Test("not better", blocks)
    return Test("continue", blocks)


def overtaken(progress: Progress, candidate: Candidate) -> bool:
    """Whether a newer candidate exists."""
    return candidate is not progress.newest


def rulings(progress: Progress) -> list[Ruled]:
    """Every decision that can be taken now and has not been.

    A candidate overtaken before its test ended is "undecided", never "rejected".
    """
    return [
        ruled
        for candidate in progress.candidates
        if candidate.ruled is None and (ruled := _ruling(progress, candidate)) is not None
    ]


def _ruling(progress: Progress, candidate: Candidate) -> Ruled | None:
    players = Config.parse(progress.settings.config).players
    test = test_of(progress, candidate)
    verdict = promotion_verdict(
        players,
        _score(candidate.pairings.get(RANDOM)),
        _score(candidate.pairings.get(HEURISTIC)),
        _score(candidate.pairings.get(progress.champion or "")),
        has_champion=progress.champion is not None,
        champion_against_heuristic=_score(_of_champion(progress)),
    )
    decision = verdict.decision
    complete = {RANDOM, HEURISTIC} <= candidate.pairings.keys()
    if overtaken(progress, candidate) and (test.decision == "continue" or not complete):
        decision = "undecided"
    elif test.decision == "continue" or (test.decision == "better" and not complete):
        return None
    elif test.decision == "not better":
        decision = "rejected"
    return Ruled(
        candidate=candidate.sha256,
        decision=decision,
        against=progress.champion,
        checks=tuple((c.name, c.required, c.actual, c.passed) for c in verdict.checks),
        at_s=progress.at_s,
    )


def _of_champion(progress: Progress) -> Pairing | None:
    if progress.champion is None:
        return None
    return progress.candidate(progress.champion).pairings.get(HEURISTIC)


def _score(pairing: Pairing | None) -> Score | None:
    if pairing is None:
        return None
    return Score(pairing.histogram, pairing.distinct_openings, pairing.distinct_games)
