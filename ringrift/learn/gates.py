"""Who becomes champion: the test against the reigning one, then a checklist.

The champion is served, rated and rolled back to; it is replaced only by a candidate that a
sequential test showed better. Whether a candidate may play selfplay is another question (`plan`).
"""

from collections.abc import Collection
from typing import Literal

from ringrift.engine.config import Config
from ringrift.learn.events import Ruled
from ringrift.learn.progress import Candidate, Pairing, Progress
from ringrift.train.blocks import Score, too_uniform
from ringrift.train.promotion import Verdict, promotion_verdict
from ringrift.train.sequential import Look, SequentialTest, first_end, promotion_test

# Names of `ringrift.engine.players`, which would bring numba along; a test holds them together.
RANDOM = "random-1"
HEURISTIC = "heuristic-2"

TestStands = Literal["accepted", "rejected", "continue"]


def challenge(progress: Progress, candidate: Candidate) -> SequentialTest:
    """The sequential test that `candidate` takes: later ones against one champion are stricter."""
    attempt = 1
    for other in progress.candidates:
        if other is candidate:
            break
        attempt += progress.champion in other.pairings
    return promotion_test(attempt)


def stands(progress: Progress, candidate: Candidate) -> TestStands:
    """How the candidate's test against today's champion stands; without one it has passed it."""
    if progress.champion is None:
        return "accepted"
    return _look(progress, candidate).verdict


def _look(progress: Progress, candidate: Candidate) -> Look:
    """Where the candidate's test ended, else where it stands; even before its first game."""
    seats = Config.parse(progress.settings.config).players
    pairing = candidate.pairings.get(progress.champion or "")
    blocks = [] if pairing is None else pairing.blocks
    return first_end(blocks, seats, challenge(progress, candidate))[1]


def challenger(progress: Progress) -> Candidate | None:
    """Who is to be tested now: who does well in a test, else the newest; None if all is ruled."""
    waiting = [candidate for candidate in progress.candidates if candidate.ruled is None]
    begun = [c for c in waiting if _begun(progress, c) and not _overtaken(progress, c)]
    return next(iter([*begun, *waiting[-1:]]), None)


def _begun(progress: Progress, candidate: Candidate) -> bool:
    return (progress.champion or RANDOM) in candidate.pairings


def _overtaken(progress: Progress, candidate: Candidate) -> bool:
    """Whether the newest candidate should be tested in this one's place.

    It should where this one's test has not begun, and where its games so far do not speak for it:
    tests take longer than fits, and a network no better than the champion would else keep all
    newer ones waiting for a thousand games. One whose games do speak for it is tested to the end.
    """
    if candidate is progress.newest:
        return False
    if not _begun(progress, candidate):
        return True
    return stands(progress, candidate) == "continue" and _look(progress, candidate).ratio <= 0


def rulings(progress: Progress, playing: Collection[str] = ()) -> list[Ruled]:
    """Every decision that can be taken now and has not been, but of candidates that are `playing`.

    An overtaken candidate is "undecided", never "rejected"; so is one whose match is too uniform to
    say anything or could not be played.
    """
    return [
        ruled
        for candidate in progress.candidates
        if candidate.ruled is None
        and candidate.sha256 not in playing
        and (ruled := _ruling(progress, candidate)) is not None
    ]


def _ruling(progress: Progress, candidate: Candidate) -> Ruled | None:
    test = stands(progress, candidate)
    complete = {RANDOM, HEURISTIC} <= candidate.pairings.keys()
    unplayed = candidate.unplayed
    against = _against(progress, candidate)
    verdict = _verdict(progress, candidate, against)
    decision = verdict.decision
    if test == "rejected":
        uniform = against is not None and too_uniform(against) is not None
        decision = "undecided" if uniform else "rejected"
    elif test == "continue" or not complete:
        if not _overtaken(progress, candidate) and unplayed is None:
            return None
        decision = "undecided"
    checks = tuple((c.name, c.required, c.actual, c.passed) for c in verdict.checks)
    if unplayed is not None:
        against_whom = progress.name_of(unplayed.opponent)
        checks += ((f"match against {against_whom}", "played", unplayed.reason, False),)
    return Ruled(
        candidate=candidate.sha256,
        decision=decision,
        against=progress.champion,
        checks=checks,
        at_s=progress.at_s,
    )


def _against(progress: Progress, candidate: Candidate) -> Score | None:
    """The match against the champion; blocks beyond the look that ended the test do not count."""
    pairing = candidate.pairings.get(progress.champion or "")
    if pairing is None:
        return None
    test = challenge(progress, candidate)
    return pairing.score(first_end(pairing.blocks, pairing.rotations, test)[0])


def _verdict(progress: Progress, candidate: Candidate, against: Score | None) -> Verdict:
    champion = progress.champion
    reigning = None if champion is None else progress.candidate(champion).pairings.get(HEURISTIC)
    return promotion_verdict(
        Config.parse(progress.settings.config).players,
        _score(candidate.pairings.get(RANDOM)),
        _score(candidate.pairings.get(HEURISTIC)),
        against,
        has_champion=champion is not None,
        champion_against_heuristic=_score(reigning),
        test=challenge(progress, candidate),
    )


def _score(pairing: Pairing | None) -> Score | None:
    return None if pairing is None else pairing.score()
