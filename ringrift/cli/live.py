"""The plain live view of `ringrift up`: lines for people who read a file or a pipe.

Pure: it is handed what the node shows and the time, and returns lines. News comes when it happens
(a network trained, a match finished, a decision with its reasons, a fault); between news, a line
every ten seconds says how things stand.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ringrift.tui import text
from ringrift.wire.views import EventView, ModelsView, ModelView, StatusView

PULSE_S: Final = 10.0
# Not EVENT_LOOP_BLOCKED: on a busy laptop it says nothing that a stranger could act on.
TOLD_EVENTS: Final = {
    "WORK_FAILED",
    "WORK_RETURNED",
    "LOOP_FAILED",
    "NODE_STARTED",
    "NODE_MODE_CHANGED",
    "NODE_RESTART_REQUESTED",
    "CONFIG_MODE_CHANGED",
    "WORK_CANCELLED",
    "GENERATOR_CHANGED",
}


@dataclass(slots=True)
class LiveView:
    """What has been told already; `look` returns what has not."""

    _told: dict[str, ModelView] | None = None
    _last_pulse: float | None = None
    _last_seq: int | None = None
    _silent: bool = False

    @property
    def last_seq(self) -> int | None:
        """The newest event that was taken in; None before any, when the newest are to be asked."""
        return self._last_seq

    def look(
        self, status: StatusView, models: ModelsView, events: Iterable[EventView], now: float
    ) -> list[str]:
        """Lines to print after this look; `now` is any clock in seconds."""
        first = self._told is None
        happened = [(text.clock(event.at), event.text) for event in self._happened(events)]
        here = text.clock(status.at)
        if self._silent:
            self._silent = False
            happened.append((here, "the node answers again"))
        news = _greeting(status, models) if first else self._news(models)
        stamped = [*([] if first else happened), *((here, line) for line in news)]
        self._told = {model.sha256: model for model in models.models}
        if self._last_pulse is None or now - self._last_pulse >= PULSE_S:
            self._last_pulse = now
            stamped.append((here, pulse(status)))
        return [f"{at}  {line}" for at, line in stamped]

    def silence(self, problem: str) -> list[str]:
        """Lines to print when the node did not answer: once, until it answers again."""
        if self._silent:
            return []
        self._silent = True
        return [f"          no answer: {problem}"]

    def _happened(self, events: Iterable[EventView]) -> Iterator[EventView]:
        for event in events:
            if self._last_seq is not None and event.seq <= self._last_seq:
                continue
            self._last_seq = event.seq
            if event.name in TOLD_EVENTS:
                yield event

    def _news(self, models: ModelsView) -> Iterator[str]:
        assert self._told is not None
        for model in models.models:
            known = self._told.get(model.sha256)
            if known is None:
                yield trained(model)
            old = {} if known is None else {match.opponent: match for match in known.matches}
            changed = [match for match in model.matches if old.get(match.opponent) != match]
            for match in changed:
                yield (
                    f"evaluated {_name(model)} against {text.player(match.opponent)}: won "
                    f"{match.wins} of {match.games} = {100 * match.score:.1f} % "
                    f"(95 % bounds {100 * match.low:.1f} to {100 * match.high:.1f} %, "
                    f"{match.openings} openings)"
                )
            if model.verdict is not None and (known is None or known.verdict != model.verdict):
                yield from decided(model)
                yield from ratings(models, model.config)


def pulse(status: StatusView) -> str:
    """How things stand, on one line."""
    parts: list[str] = []
    for config in status.configs:
        if config.games == 0 and config.mode == "paused":
            continue
        words = f"{config.name}: {text.count(config.games)} games"
        if config.games_per_s is not None:
            words += f" at {text.rate(config.games_per_s)}"
        words += f", generation {config.generation}"
        words += f", {text.count(config.games_since_training)} games since it was trained"
        if config.champion is not None:
            rating = text.elo(config.champion_rating)
            words += f", champion {text.player(config.champion)} Elo {rating}"
        parts.append(words + (" (paused)" if config.mode == "paused" else ""))
    for work in status.work:
        if work.state == "claimed":
            done = work.progress
            how = f"{done.done}/{done.total} {done.unit}" if done else "starting"
            parts.append(f"{work.kind} #{work.id} {how}")
    waiting = [stage for stage in status.stages if stage.state == "blocked"]
    parts += [f"{stage.name} is blocked: {stage.reason}" for stage in waiting]
    if status.healthy is False:
        parts.append(f"unhealthy: {status.reason}")
    return " | ".join(parts) or "waiting for the first work"


def trained(model: ModelView) -> str:
    """One line on a new network."""
    fit = model.training
    if fit is None:
        return f"new network {_name(model)}"
    held = ""
    if fit.holdout_policy_loss is not None and fit.holdout_value_loss is not None:
        held = f", held out {fit.holdout_policy_loss:.3f} and {fit.holdout_value_loss:.3f}"
    return (
        f"trained {_name(model)} on {fit.rows:,} rows in {fit.steps:,} steps, "
        f"{text.age(fit.seconds)}: policy loss {fit.policy_loss:.3f}, value loss "
        f"{fit.value_loss:.3f}{held}, each new row drawn {fit.reuse:.1f} times"
    )


def decided(model: ModelView) -> Iterator[str]:
    """A promotion or rejection with every reason."""
    verdict = model.verdict
    assert verdict is not None
    against = "" if verdict.against is None else f" against {text.player(verdict.against)}"
    yield f"{verdict.decision.upper()} {_name(model)}{against}"
    marks = {True: "passed", False: "FAILED", None: "noted"}
    for check in verdict.checks:
        yield f"    {marks[check.passed]:<7} {check.name}: {check.actual}, needed {check.required}"


def ratings(models: ModelsView, config: str) -> Iterator[str]:
    """The ladder of a configuration, strongest first, baselines among the networks."""
    rated = [(text.player(m.sha256), m.rating) for m in models.models if m.config == config]
    rated += list(models.baselines.get(config, {}).items())
    known = [(name, rating) for name, rating in rated if rating.elo is not None]
    known.sort(key=lambda pair: -(pair[1].elo or 0.0))
    if known:
        ladder = ", ".join(f"{name} {text.elo(rating)}" for name, rating in known[:8])
        yield f"    Elo ± standard error ({models.anchor} = {models.anchor_elo:.0f}): {ladder}"


def _greeting(status: StatusView, models: ModelsView) -> Iterator[str]:
    games = sum(config.games for config in status.configs)
    names = ", ".join(config.name for config in status.configs if config.mode == "active")
    trains = f", trains {names}" if names else ""
    yield f"node {status.name} ({status.profile}), process {status.pid}{trains}"
    if games or models.models:
        yield f"continuing: {games:,} games and {len(models.models)} networks so far"
        for config in sorted({model.config for model in models.models}):
            yield from ratings(models, config)


def _name(model: ModelView) -> str:
    return f"{model.config} generation {model.generation} ({text.player(model.sha256)})"
