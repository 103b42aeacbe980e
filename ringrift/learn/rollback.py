"""When training returns to the champion: the networks since have become worse, and stay so.

A drop is how far a candidate's first places lie below its share against the champion, with the
standard error of its blocks; what counts as a regression and when it is answered is SYSTEM 2.7
(`train.feedback.regression`). The games it asks for are those of the last three matches together.
"""

from itertools import takewhile

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

_ROW = 3  # networks, as `rollback_refusals` asks for


def rollback(progress: Progress) -> RolledBack | None:
    """Let the next fit continue from the champion; None where there is no reason to.

    Nor while a fit is under way: it began from another parent, and the next would forget.
    """
    champion = progress.champion
    if progress.fitting is not None:
        return None
    if champion is None or progress.parent is None or progress.parent.sha256 == champion:
        return None
    measured = [c for c in _since(progress) if champion in c.pairings]
    # Together, for each match may have ended at the test's first look, with fewer than it takes.
    games = sum(_games(candidate, champion) for candidate in measured[:_ROW])
    found = [_severity(progress, candidate, champion, games) for candidate in measured]
    regressions = list(takewhile(bool, found))
    newest, consecutive = found[0] if regressions else None, len(regressions)
    level = escalated(newest or Severity.NONE, consecutive).severity
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


def _severity(
    progress: Progress, candidate: Candidate, champion: str, games: int
) -> Severity | None:
    share, _, high = bounds(candidate.pairings[champion].histogram)
    error = (high - share) / NORMAL_95
    even = 1 / Config.parse(progress.settings.config).players
    return severity(None, Drop(even - share, error), games)


def _games(candidate: Candidate, champion: str) -> int:
    pairing = candidate.pairings[champion]
    return len(pairing.blocks) * pairing.rotations
