"""How a run stands, as lines of text. Pure: handed the run and what its cores do."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ringrift.learn.events import (
    Event,
    Fitting,
    Founded,
    Kept,
    Lost,
    Matched,
    RolledBack,
    Ruled,
    Started,
    Trained,
    Unfit,
    Unplayed,
    Worked,
)
from ringrift.learn.gates import HEURISTIC
from ringrift.learn.plan import generator_of, rows_wanted
from ringrift.learn.progress import Candidate, Pairing, Progress
from ringrift.train.blocks import bounds, too_uniform
from ringrift.train.rating import Match, Rating, fit_ratings
from ringrift.train.velocity import Snapshot, pace, velocity
from ringrift.wire.job import Progress as Advance

_COLUMNS = 100
_SHOWN_CANDIDATES = 12
_SHOWN_CHAMPIONS = 6
_BAR = 24
ANCHOR_ELO = 1200.0


class Doing(Protocol):
    """What one core does."""

    @property
    def stage(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def advance(self) -> Advance | None: ...


def ratings(progress: Progress) -> dict[str, Rating]:
    """Elo of everybody who met somebody, by sha256 or baseline name; the heuristic is 1200."""
    matches = [
        Match.of_histogram(candidate.sha256, opponent, pairing.histogram)
        for candidate in progress.candidates
        for opponent, pairing in candidate.pairings.items()
        if too_uniform(pairing.score()) is None
    ]
    return fit_ratings(matches, HEURISTIC, ANCHOR_ELO)


def page(
    progress: Progress, doing: Mapping[int, Doing], at_s: float, limit_s: float | None
) -> list[str]:
    """The whole view, about 25 lines of at most 100 columns."""
    rated = ratings(progress)
    lines = [_headline(progress, at_s, limit_s), ""]
    lines += [f"  core {core}  {_activity(work)}" for core, work in sorted(doing.items())]
    lines += ["", *_figures(progress), "", *_people(progress, rated), ""]
    lines += _ladder(progress, rated)
    return [line if len(line) <= _COLUMNS else f"{line[: _COLUMNS - 1]}…" for line in lines]


def news(progress: Progress, event: Event) -> list[str]:
    """What is worth a line for people who read a file or a pipe; nothing for most events."""
    at = clock(event.at_s) if not isinstance(event, Founded) else clock(0)
    match event:
        case Trained():
            number = progress.candidate(event.sha256).number
            text = (
                f"network {number} trained on {event.rows_drawn:,} rows (reuse "
                f"{event.reuse:.1f}): policy loss {event.policy_loss:.3f}, value loss "
                f"{event.value_loss:.3f}, {event.seconds:.0f} s"
            )
        case Matched():
            candidate = progress.candidate(event.candidate)
            pairing = candidate.pairings[event.opponent]
            against = progress.name_of(event.opponent)
            text = f"network {candidate.number} against {against}: {score(pairing)}"
        case Ruled():
            number = progress.candidate(event.candidate).number
            text = f"network {number} {event.decision} ({_reason(event)})"
        case Unplayed():
            number = progress.candidate(event.candidate).number
            against = progress.name_of(event.opponent)
            text = f"network {number} could not be played against {against}: {event.reason}"
        case Unfit():
            text = event.reason
        case Lost():
            text = (
                f"shards/{event.sha256}.shard is missing or damaged: its games do not count any "
                f"more ({progress.lost} lost so far)"
            )
        case RolledBack():
            number = progress.candidate(event.champion).number
            text = f"the next fit goes on from network {number}: {event.reason}"
        case Founded() | Started() | Kept() | Fitting() | Worked():
            return []
    return [f"{at}  {text}"]


def _reason(ruled: Ruled) -> str:
    """What carried a decision: the lines that failed, or for a promotion those that passed."""
    if ruled.decision == "undecided" and all("not played" in c[2] for c in ruled.checks[:2]):
        return "a newer network came before its test began"
    if ruled.decision == "undecided" and not any("match against" in c[0] for c in ruled.checks):
        for name, _, actual, passed in ruled.checks:
            if name == "better than champion" and passed is None:
                return f"a newer network came, and games so far do not speak for it: {actual}"
    carried = ruled.decision == "promoted"
    return "; ".join(
        f"{name}: {actual}, needed {required}"
        for name, required, actual, passed in ruled.checks
        if passed is carried and (name.startswith("better") or not carried)
    )


def clock(seconds: float) -> str:
    """Compute time as h:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def score(pairing: Pairing) -> str:
    """First places with their 95 % bounds over blocks."""
    share, low, high = bounds(pairing.histogram)
    games = len(pairing.blocks) * pairing.rotations
    return f"{share:.1%} [{low:.1%}, {high:.1%}] of {games} games"


def pulse(progress: Progress, at_s: float) -> str:
    """One line on how things stand."""
    return (
        f"{clock(at_s)}  {progress.games:,} games, {progress.full_rows:,} full rows, "
        f"{len(progress.candidates)} networks, {progress.new_rows:,} of "
        f"{rows_wanted(progress):,} new rows until the next fit"
    )


def _headline(progress: Progress, at_s: float, limit_s: float | None) -> str:
    left = "" if limit_s is None else f" of {clock(limit_s)}"
    settings = progress.settings
    return f"ringrift learn {settings.config}, seed {settings.seed}: {clock(at_s)}{left} of work"


def _activity(work: Doing) -> str:
    text = f"{work.stage:<10}  {work.about}"
    if (advance := work.advance) is None:
        return f"{text}: starting"
    rate = "" if advance.rate is None else f", {advance.rate:,.1f} {advance.unit}/s"
    figures = "".join(
        f", {value:,.0f} {name.removesuffix('_per_s')}/s"
        for name, value in advance.figures.items()
        if name.endswith("_per_s")
    )
    done = f"{advance.done:,} {advance.unit}"
    if work.stage != "selfplay" and advance.total:
        filled = min(_BAR, _BAR * advance.done // advance.total)
        done = f"{'█' * filled}{'·' * (_BAR - filled)} {advance.done:,}/{advance.total:,}"
    return f"{text}: {done}{rate}{figures}"


def _figures(progress: Progress) -> list[str]:
    total = sum(progress.core_s.values())
    shares = ", ".join(
        f"{stage} {seconds / total:.0%}" for stage, seconds in sorted(progress.core_s.items())
    )
    newest = progress.newest
    lines = [
        (
            f"  games      {progress.games:,}, {progress.decisions:,} decisions, "
            f"{progress.full_rows:,} full rows"
            + (f"; {progress.clashes} shards repeated games" if progress.clashes else "")
            + (f"; {progress.lost} games lost" if progress.lost else "")
        ),
        f"  next fit   {progress.new_rows:,} of {rows_wanted(progress):,} new rows",
        f"  core time  {shares or 'unknown'}",
    ]
    if newest is not None:
        fit = newest.trained
        held = "unknown"
        if fit.holdout_policy_loss is not None and fit.holdout_value_loss is not None:
            held = f"{fit.holdout_policy_loss:.3f} and {fit.holdout_value_loss:.3f}"
        lines.append(
            f"  last fit   {fit.rows_drawn:,} rows (reuse {fit.reuse:.1f}), policy "
            f"{fit.policy_loss:.3f}, value {fit.value_loss:.3f}, held out {held}"
        )
    return lines


def _people(progress: Progress, rated: Mapping[str, Rating]) -> list[str]:
    generator = generator_of(progress)
    plays = "the untrained network" if generator is None else f"network {generator.number}"
    if progress.champion is None:
        champion = "none yet"
    else:
        number = progress.candidate(progress.champion).number
        champion = f"network {number}, Elo {elo(rated.get(progress.champion))}"
    champions = [candidate for candidate in progress.candidates if _promoted(candidate)]
    before = [str(candidate.number) for candidate in champions[:-1]]
    shown = " → ".join(["…"] * (len(before) > _SHOWN_CHAMPIONS) + before[-_SHOWN_CHAMPIONS:])
    return [
        f"  generator  {plays}",
        f"  champion   {champion}" + (f" (after {shown})" if shown else ""),
        f"  velocity   {_velocity(champions, rated)}",
    ]


def _velocity(champions: Sequence[Candidate], rated: Mapping[str, Rating]) -> str:
    """Elo of champions over compute time."""
    snapshots = [
        Snapshot(champion.trained.at_s / 3600, rating.elo, rating.standard_error)
        for champion in champions
        if (rating := rated.get(champion.sha256)) is not None
        and rating.elo is not None
        and rating.standard_error
    ]
    found = velocity(snapshots)
    if found is None:
        return "unknown: it takes two rated champions"
    return f"{found.elo_per_hour:+,.0f} ± {found.standard_error:,.0f} Elo/h ({pace(found)})"


def _promoted(candidate: Candidate) -> bool:
    return candidate.ruled is not None and candidate.ruled.decision == "promoted"


def _ladder(progress: Progress, rated: Mapping[str, Rating]) -> list[str]:
    head = f"  {'network':<9}{'at':>8}  {'Elo':<14}{'decision':<11}scores"
    lines = [head] if progress.candidates else []
    for candidate in progress.candidates[-_SHOWN_CANDIDATES:][::-1]:
        decision = "waiting" if candidate.ruled is None else candidate.ruled.decision
        scores = ", ".join(
            f"{bounds(pairing.histogram)[0]:.0%} v {progress.name_of(opponent)}"
            for opponent, pairing in candidate.pairings.items()
        )
        lines.append(
            f"  {candidate.number:<9}{clock(candidate.trained.at_s):>8}  "
            f"{elo(rated.get(candidate.sha256)):<14}{decision:<11}{scores or 'not played'}"
        )
    return lines


def elo(rating: Rating | None) -> str:
    """Elo with its standard error; unknown is unknown."""
    if rating is None or rating.elo is None or rating.standard_error is None:
        return "unknown"
    return f"{rating.elo:.0f} ± {rating.standard_error:.0f}"
