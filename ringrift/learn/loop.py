"""The driver of a run: starts the children that `plan` asks for and remembers what they did.

Runnable compute threads never exceed the cores: each core has one child of one thread (selfplay, or
now and then a match), but for a fit the first of them stop playing. Unfinished games are kept for
the next child on that core.
"""

import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Literal

import trio

from ringrift.learn.children import COMMAND, LIMITS, LearnError, nothing
from ringrift.learn.events import (
    Event,
    Fitting,
    Kept,
    Lost,
    Matched,
    Stage,
    Started,
    Trained,
    Unfit,
    Unplayed,
    Worked,
)
from ringrift.learn.gates import rulings
from ringrift.learn.journal import Journal
from ringrift.learn.plan import (
    MatchTask,
    evaluation_affordable,
    fit_cores,
    fit_due,
    generator_of,
    next_match,
    window_shards,
)
from ringrift.learn.progress import Progress, is_network
from ringrift.learn.rollback import rollback
from ringrift.node.runtime.clock import Clock
from ringrift.node.worker.child import Child, ChildLimits
from ringrift.train.artifacts import ArtifactError, check_artifact
from ringrift.wire.job import (
    ENDLESS_GAMES,
    EvaluationDone,
    EvaluationJob,
    Failed,
    Finished,
    JobLine,
    JobSpec,
    SelfplayJob,
    ShardWritten,
    TrainingDone,
    TrainingJob,
    Weights,
)
from ringrift.wire.job import Progress as Advance

_PREPARING = ChildLimits(silence_s=120.0, run_s=3600.0, grace_s=1.0)
_REMEMBER_WORK_EVERY_S = 10.0
_MOST_DEATHS = 3


class _ChildError(LearnError):
    """A child failed; `said` when it said so itself, not when it died or was given up."""

    def __init__(self, sentence: str, *, said: bool) -> None:
        super().__init__(sentence)
        self.said = said


@dataclass(slots=True)
class Doing:
    """What one core does at the moment, for the view."""

    stage: Stage | Literal["preparing"]
    about: str
    advance: Advance | None = None


@dataclass(slots=True)
class _Meter:
    """Core seconds of one child that the journal does not hold yet."""

    stage: Stage
    cores: int
    since: float


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a child runs and what for; `network` is who plays selfplay, None before the first."""

    core: int
    stage: Stage
    network: str | None = None


@dataclass(slots=True)
class Learning:
    """One run in `directory`. `changed` is called after every event and line of a child."""

    directory: Path
    journal: Journal
    progress: Progress
    cores: int
    clock: Clock
    limit_s: float | None
    changed: Callable[[Event | None], None]
    once: bool = False
    command: tuple[str, ...] = COMMAND
    doing: dict[int, Doing] = field(default_factory=dict[int, Doing])
    _begun: float | None = None
    _stopping: bool = False
    _children: dict[Child, _Place] = field(default_factory=dict[Child, _Place])
    _matches: dict[str, str] = field(default_factory=dict[str, str])  # opponent: candidate
    _deaths: int = 0  # of children of matches, one after the other
    _before_s: float = 0.0
    _candidates_before: int = 0
    _failure: LearnError | None = None

    @property
    def at_s(self) -> float:
        """Compute time of the run: what earlier sittings took, and this one so far."""
        if self._begun is None:
            return self.progress.at_s
        return self._before_s + self.clock.now() - self._begun

    def stop(self) -> None:
        """End soon: selfplay hands in its games, a match or fit is given up."""
        self._stopping = True
        self._end_children()

    async def run(self) -> None:
        """Work until the time is up or `stop` was called; raises LearnError."""
        await self._prepare()
        self._before_s, self._begun = self.progress.at_s, self.clock.now()
        self._candidates_before = len(self.progress.candidates)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._guarded, self._learn)
            for core in range(self._fit_cores, self.cores):
                nursery.start_soon(self._guarded, self._work_on, core, self._over)
        if self._failure is not None:
            raise self._failure

    @property
    def _fit_cores(self) -> int:
        return fit_cores(self.cores)

    async def _guarded(self, work: Callable[..., Awaitable[None]], *given: object) -> None:
        """If this fails, the others hand in what they have before the run ends for that reason."""
        try:
            await work(*given)
        except LearnError as error:
            self._end_for(error)

    def _end_for(self, error: LearnError) -> None:
        self._failure = self._failure or error
        self.stop()

    async def _learn(self) -> None:
        """Have the first cores play until a fit is due, then fit, until it is over."""
        while not self._over():
            async with trio.open_nursery() as nursery:
                for core in range(self._fit_cores):
                    nursery.start_soon(self._guarded, self._work_on, core, self._played_enough)
            if fit_due(self.progress) and not self._over():
                await self._fit()
            self._rule()
            self._settle()

    async def _prepare(self) -> None:
        """Have the kernels compiled by one child, once a machine; this is no time of the run."""
        settings = self.progress.settings
        with tempfile.TemporaryDirectory() as nowhere:
            job = SelfplayJob(
                config=settings.config,
                run_id=_hex("prepare"),
                games=1,
                out_dir=nowhere,
                parallel_games=1,
                full_simulations=2,
                cheap_simulations=2,
            )
            child = Child(self.command, job, Path(nowhere), _PREPARING, self.clock)
            self._children[child] = _Place(0, "selfplay")
            self.doing[0] = Doing("preparing", "kernels of the engine")

            async def on_line(line: JobLine) -> None:
                if isinstance(line, Advance):
                    self.doing[0].advance = line
                self.changed(None)

            end = await child.run(nothing, on_line)
            del self._children[child], self.doing[0]
        if isinstance(end, Failed) and not self._stopping:
            raise LearnError(f"preparing failed: {end.reason}")

    def send_signal(self, number: Signals) -> None:
        """Send a signal to every child and all below it."""
        for child in self._children:
            child.send_signal(number)

    def _over(self) -> bool:
        timed_out = self.limit_s is not None and self.at_s >= self.limit_s
        fitted = len(self.progress.candidates) > self._candidates_before
        return self._stopping or timed_out or (self.once and fitted)

    def _remember(self, event: Event) -> None:
        try:
            self.journal.append(event)
        except OSError as error:
            raise LearnError(
                f"{self.directory} cannot be written ({error.strerror}); make room there and start "
                "again: everything acknowledged so far is kept."
            ) from error
        self.progress.take(event)
        self.changed(event)

    async def _work_on(self, core: int, enough: Callable[[], bool]) -> None:
        """Keep one core busy with matches and selfplay."""
        while not enough():
            task = None
            # A match on a core that is to fit would keep the fit waiting.
            if core >= self._fit_cores or self._fit_cores == self.cores:
                affordable = evaluation_affordable(self.progress)
                task = next_match(self.progress, self._matches) if affordable else None
            if task is not None:
                await self._match(core, task)
                self._rule()
            else:
                await self._selfplay_on(core)
            self._settle()

    def _played_enough(self) -> bool:
        """Of the cores that fit: selfplay goes on while one of them still plays a match."""
        matches = (p for p in self._children.values() if p.stage == "evaluation")
        busy = any(place.core < self._fit_cores for place in matches)
        return self._over() or (fit_due(self.progress) and not busy)

    def _settle(self) -> None:
        """Stop selfplay that is due for something else, or for another network."""
        if self._over():
            self._end_children()
            return
        generator, enough = generator_of(self.progress), self._played_enough()
        network = None if generator is None else generator.sha256
        for child, place in self._children.items():
            leaves = enough and place.core < self._fit_cores
            if place.stage == "selfplay" and (leaves or place.network != network):
                child.stop()

    def _end_children(self) -> None:
        for child in self._children:
            child.stop()

    def _rule(self) -> None:
        for ruled in rulings(self.progress, set(self._matches.values())):
            self._remember(ruled)
        rolled_back = rollback(self.progress)
        if rolled_back is not None:
            self._remember(rolled_back)

    async def _selfplay_on(self, core: int) -> None:
        settings, generator = self.progress.settings, generator_of(self.progress)
        sha256 = None if generator is None else generator.sha256
        job = SelfplayJob(
            config=settings.config,
            run_id=self._run_id("selfplay"),
            games=ENDLESS_GAMES,
            out_dir=str(self.directory / "shards"),
            weights=self._network(sha256),
            carry=str(self._carry(core)),
            adopt=self._orphans(),
            parallel_games=settings.parallel_games,
            games_per_shard=settings.games_per_shard,
            full_simulations=settings.full_simulations,
            full_considered=settings.full_considered,
            cheap_simulations=settings.cheap_simulations,
            cheap_considered=settings.cheap_considered,
            full_fraction=settings.full_fraction,
            random_openings=settings.random_openings,
            opening_turns=settings.opening_turns,
        )
        about = "the untrained network" if generator is None else f"network {generator.number}"

        def on_line(line: JobLine) -> None:
            if isinstance(line, ShardWritten):
                self._remember(self._kept(line, sha256))
                self._settle()

        place = _Place(core, "selfplay", sha256)
        await self._child(place, 1, job, about, on_line)

    def _carry(self, core: int) -> Path:
        return self.directory / f"unfinished-{core}.carry"

    def _orphans(self) -> tuple[str, ...]:
        """Unfinished games of cores that are not used any more."""
        used = {self._carry(core) for core in range(self.cores)}
        return tuple(map(str, sorted(set(self.directory.glob("unfinished-*.carry")) - used)))

    def _kept(self, line: ShardWritten, generator: str | None) -> Kept:
        return Kept(
            sha256=line.sha256,
            bytes=line.bytes,
            run_id=line.run_id,
            first_game=line.first_game,
            games=line.games,
            decisions=line.decisions,
            full_rows=line.full_rows,
            steps=line.steps,
            generator=generator,
            at_s=self.at_s,
        )

    async def _match(self, core: int, task: MatchTask) -> None:
        settings = self.progress.settings
        network = self._network(task.opponent) if is_network(task.opponent) else None
        candidate = self._network(task.candidate)
        assert candidate is not None
        job = EvaluationJob(
            config=settings.config,
            run_id=_hex("match", settings.seed, task.candidate, task.opponent),
            out_dir=str(self.directory / "work"),
            candidate=candidate,
            opponent=network or task.opponent,
            first_opening=task.first_opening,
            openings=task.openings,
            simulations=settings.evaluation_simulations,
            judge=self._network(self.progress.champion),
        )
        name_of = self.progress.name_of
        about = f"{name_of(task.candidate)} against {name_of(task.opponent)}"
        self._matches[task.opponent] = task.candidate
        try:
            end = await self._child(_Place(core, "evaluation"), 1, job, about)
        except _ChildError as error:
            if self._stopping:
                return  # whatever it said at its end, it was ended before its time
            self._deaths += not error.said
            if not error.said and self._deaths < _MOST_DEATHS:
                return  # somebody killed it: the match is played again
            # Play and training go on without it; the candidate's ruling tells the reason.
            self._remember(
                Unplayed(
                    candidate=task.candidate,
                    opponent=task.opponent,
                    reason=str(error),
                    at_s=self.at_s,
                )
            )
            return
        finally:
            del self._matches[task.opponent]
        if not isinstance(end.result, EvaluationDone):
            return  # stopped before its end
        self._deaths = 0
        self._remember(
            Matched(
                candidate=task.candidate,
                opponent=task.opponent,
                first_opening=task.first_opening,
                blocks=end.result.blocks,
                rotations=end.result.rotations,
                openings=end.result.openings,
                finals=end.result.finals,
                simulations=settings.evaluation_simulations,
                seconds=end.result.seconds,
                at_s=self.at_s,
            )
        )

    async def _fit(self) -> None:
        progress, settings = self.progress, self.progress.settings
        await self._look_for_losses()
        if not fit_due(progress) or self._over():
            return
        if progress.fitting is None:
            self._remember(Fitting(seen_rows=progress.full_rows, at_s=self.at_s))
        assert progress.fitting is not None
        parent, seen = progress.parent, progress.fitting
        window, rows = window_shards(progress)
        state = None
        if parent is not None and parent.trained.state_sha256 is not None:
            sha256 = parent.trained.state_sha256
            state = Weights(sha256, str(self.directory / "models" / f"{sha256}.state"))
        job = TrainingJob(
            config=settings.config,
            # Of what it continues from, not of this start: a fit that was killed is resumed.
            # One that failed is begun anew, with its rows in another order.
            run_id=_hex("fit", settings.seed, len(progress.candidates), progress.unfit),
            out_dir=str(self.directory / "models"),
            shards=tuple(
                Weights(shard.sha256, str(self.directory / "shards" / f"{shard.sha256}.shard"))
                for shard in window
            ),
            new_rows=seen - progress.seen_rows,
            parent=self._network(None if parent is None else parent.sha256),
            parent_state=state,
            checkpoint_dir=str(self.directory / "work" / "fit"),
            export_dir=str(self.directory / "work" / "exports"),
            threads=min(self._fit_cores, 256),  # more gain nothing for such a network
            learning_rate=settings.learning_rate,
            batch_size=settings.batch_size,
            max_reuse=settings.reuse,
            window_rows=rows,
            precision="auto",
            preset=settings.preset,
            heads=settings.heads,
        )
        about = f"network {len(progress.candidates) + 1}"
        try:
            end = await self._child(_Place(0, "training"), self._fit_cores, job, about)
        except _ChildError as error:
            if error.said and not self._stopping:
                self._remember(Unfit(reason=str(error), at_s=self.at_s))
            raise
        if isinstance(end.result, TrainingDone):
            self._remember(self._trained(end.result, parent and parent.sha256, seen))

    async def _look_for_losses(self) -> None:
        """Tell which shards of the window are not what they were acknowledged as."""
        for shard in window_shards(self.progress)[0]:
            path = self.directory / "shards" / f"{shard.sha256}.shard"
            if not await trio.to_thread.run_sync(_is_whole, path, shard.sha256):
                self._remember(Lost(sha256=shard.sha256, at_s=self.at_s))

    def _trained(self, done: TrainingDone, parent: str | None, seen: int) -> Trained:
        return Trained(
            sha256=done.sha256,
            state_sha256=done.state_sha256,
            parent=parent,
            seen_rows=seen,
            rows=done.rows,
            rows_drawn=done.rows_drawn,
            reuse=done.reuse,
            policy_loss=done.policy_loss,
            value_loss=done.value_loss,
            holdout_policy_loss=done.holdout_policy_loss,
            holdout_value_loss=done.holdout_value_loss,
            seconds=done.seconds,
            at_s=self.at_s,
        )

    async def _child(
        self,
        place: _Place,
        cores: int,
        job: JobSpec,
        about: str,
        on_line: Callable[[JobLine], object] | None = None,
    ) -> Finished:
        """Run one child to its end; raises _ChildError when it fails."""
        core, stage = place.core, place.stage
        work = self.directory / "work"
        work.mkdir(parents=True, exist_ok=True)
        child = Child(self.command, job, work, LIMITS, self.clock)
        meter = _Meter(stage, cores, self.clock.now())
        self.doing[core] = Doing(stage, about)
        self._children[child] = place
        try:
            end = await child.run(nothing, partial(self._heard, core, meter, on_line))
        finally:
            del self._children[child], self.doing[core]
        self._spend(meter)
        if isinstance(end, Failed):
            raise _ChildError(f"{stage} failed: {end.reason}", said=child.last_word is end)
        return end

    async def _heard(
        self,
        core: int,
        meter: _Meter,
        on_line: Callable[[JobLine], object] | None,
        line: JobLine,
    ) -> None:
        if isinstance(line, Advance):
            self.doing[core].advance = line
        try:
            if on_line is not None:
                on_line(line)
            if self.clock.now() - meter.since >= _REMEMBER_WORK_EVERY_S:
                self._spend(meter)
        except LearnError as error:
            self._end_for(error)  # raised here it would kill the child before it hands in
        if self._over():
            self._end_children()
        self.changed(None)

    def _spend(self, meter: _Meter) -> None:
        now = self.clock.now()
        spent, meter.since = (now - meter.since) * meter.cores, now
        self._remember(Worked(stage=meter.stage, core_seconds=spent, at_s=self.at_s))

    def _run_id(self, stage: Stage) -> str:
        number = self.progress.starts + 1
        self._remember(Started(number=number, stage=stage, at_s=self.at_s))
        settings = self.progress.settings
        return _hex("run", settings.config, settings.seed, number)

    def _network(self, sha256: str | None) -> Weights | None:
        if sha256 is None:
            return None
        return Weights(sha256, str(self.directory / "models" / f"{sha256}.safetensors"))


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        check_artifact(path, sha256)
    except ArtifactError:
        return False
    return True


def _hex(*parts: str | int) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
