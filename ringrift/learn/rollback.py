"""When training returns to the champion: the networks since have become worse, and stay so.

A drop is how far a candidate's first places lie below its share against the champion, with the
standard error of its blocks; what counts as a regression and when it is answered is SYSTEM 2.7
(`train.feedback.regression`).
"""

from ringrift.engine.config import Config
from ringrift.learn.events import RolledBack
from ringrift.learn.progress import Candidate, Progress
from ringrift.train.blocks import NORMAL_95, bounds
from ringrift.train.feedback.regression import (
    Drop,
    Severity,
    escalated,
    rollback_refusals,
    severity,
)


def rollback(progress: Progress) -> RolledBack | None:
    """Let the next fit continue from the champion; None where there is no reason to."""
    champion = progress.champion
    if champion is None or progress.parent is None or progress.parent.sha256 == champion:
        return None
    consecutive, worst, games = 0, Severity.NONE, 0
    for candidate in _since(progress):
        found = _severity(progress, candidate, champion)
        if found is None:
            continue  # not measured yet
        if found == Severity.NONE:
            break
        if consecutive == 0:
            worst, games = found, _games(candidate, champion)
        consecutive += 1
    level = escalated(worst, consecutive).severity
    times = tuple(event.at_s for event in progress.rolled_back)
    if rollback_refusals(level, consecutive, games, times, progress.at_s):
        return None
    number = progress.candidate(champion).number
    reason = (
        f"{consecutive} networks in a row are worse than network {number}, the newest of them "
        f"{level.name.lower()}ly"
    )
    return RolledBack(champion=champion, reason=reason, at_s=progress.at_s)


def _since(progress: Progress) -> list[Candidate]:
    """Candidates newer than the champion and the last rollback, the newest first."""
    after = progress.rolled_back[-1].at_s if progress.rolled_back else -1.0
    found: list[Candidate] = []
    for candidate in reversed(progress.candidates):
        if candidate.sha256 == progress.champion or candidate.trained.at_s <= after:
            break
        found.append(candidate)
    return found


def _severity(progress: Progress, candidate: Candidate, champion: str) -> Severity | None:
    pairing = candidate.pairings.get(champion)
    if pairing is None:
        return None
    share, _, high = bounds(pairing.histogram)
    error = (high - share) / NORMAL_95
    even = 1 / Config.parse(progress.settings.config).players
    return severity(None, Drop(even - share, error), _games(candidate, champion))


def _games(candidate: Candidate, champion: str) -> int:
    pairing = candidate.pairings[champion]
    return len(pairing.blocks) * pairing.rotations
