"""What to do next: a pure function of what holds. Knows no clock, no child and no file."""

from collections.abc import Collection
from dataclasses import dataclass

from ringrift.engine.config import Config
from ringrift.learn.events import Kept
from ringrift.learn.gates import HEURISTIC, RANDOM, challenger, stands
from ringrift.learn.progress import Candidate, Progress
from ringrift.train.promotion import generator_verdict
from ringrift.train.window import window_rows


@dataclass(frozen=True, slots=True)
class MatchTask:
    """Blocks to play next: `openings` from `first_opening` on, against a baseline or a network."""

    candidate: str
    opponent: str
    first_opening: int
    openings: int


def rows_wanted(progress: Progress) -> int:
    """New full-search rows that the next fit waits for: a share of all there are, within bounds.

    Early fits are small and frequent, because the first games are worth little later.
    """
    settings = progress.settings
    share = int(settings.rows_share * progress.full_rows)
    return min(settings.most_rows, max(settings.first_rows, share))


def fit_cores(cores: int) -> int:
    """How many of the cores stop playing for a fit; the others play on.

    One core was measured to train three quarters as fast as two together at the best of times, and
    faster at others, so a fit has no more than it takes to keep up (docs/learning.md).
    """
    return max(1, cores // 4)


def fit_due(progress: Progress) -> bool:
    """Whether a fit has begun, or there are enough rows that none has seen."""
    return progress.fitting is not None or progress.new_rows >= rows_wanted(progress)


def generator_of(progress: Progress) -> Candidate | None:
    """Who plays selfplay: the newest candidate not shown worse than the champion.

    Before the first champion, than the random player; one that has not met it yet is not shown
    worse. None before the first fit. The champion itself ends the search at the latest.
    """
    reference = progress.champion or RANDOM
    seats = Config.parse(progress.settings.config).players
    for candidate in reversed(progress.candidates):
        if candidate.sha256 == progress.champion:
            return candidate
        pairing = candidate.pairings.get(reference)
        score = None if pairing is None else pairing.score()
        if generator_verdict(seats, score).decision != "rejected":
            return candidate
    return progress.newest


def evaluation_affordable(progress: Progress) -> bool:
    """Whether evaluation has had less than its share of all core seconds so far."""
    spent = progress.core_s.get("evaluation", 0.0)
    return spent <= progress.settings.evaluation_share * sum(progress.core_s.values())


def next_match(progress: Progress, running: Collection[str]) -> MatchTask | None:
    """The match that says most now; `running` are the opponents being played at the moment.

    Of the challenger: first its test against the champion, piece by piece, then the baselines of
    the checklist.
    """
    candidate = challenger(progress)
    if candidate is None:
        return None
    settings = progress.settings
    for opponent, openings in _wanted(progress, candidate):
        played = len(candidate.pairings[opponent].blocks) if opponent in candidate.pairings else 0
        if opponent not in running and played < openings:
            piece = min(settings.gate_openings, openings - played)
            return MatchTask(candidate.sha256, opponent, played, piece)
    return None


def _wanted(progress: Progress, candidate: Candidate) -> list[tuple[str, int]]:
    gate = progress.settings.gate_openings
    baselines = [(RANDOM, gate), (HEURISTIC, gate)]
    if progress.champion is None:
        return baselines
    match stands(progress, candidate):
        case "continue":
            pairing = candidate.pairings.get(progress.champion)
            return [(progress.champion, gate + (0 if pairing is None else len(pairing.blocks)))]
        case "accepted":
            return baselines
        case "rejected":
            return []


def window_shards(progress: Progress) -> tuple[list[Kept], int]:
    """The newest shards that a fit may draw from, oldest first, and the window in full rows.

    A fit that has begun knows no shard that came later.
    """
    known = progress.full_rows if progress.fitting is None else progress.fitting
    rows = window_rows(known)
    chosen: list[Kept] = []
    covered, before = 0, progress.full_rows
    for shard in reversed(progress.shards):
        before -= shard.full_rows
        if before >= known:
            continue
        if covered >= rows:
            break
        chosen.append(shard)
        covered += shard.full_rows
    return chosen[::-1], rows
