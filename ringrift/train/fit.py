"""Training: continue from the newest candidate on the newest rows, and publish the next one.

Training is measured in rows: at most `max_reuse` rows are drawn for each full-search row that no
earlier fit has seen (Wu, "Accelerating self-play learning in Go", 2019). A fit goes on from the
bare weights, the average and the optimiser of the fit before; what it publishes is the average.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.train.artifacts import Artifact
from ringrift.train.batches import Batch, Batches
from ringrift.train.checkpoint import (
    CheckpointError,
    FitFacts,
    StateFacts,
    load_checkpoint,
    load_state,
    save_checkpoint,
    save_state,
)
from ringrift.train.combine import Combined, combine, forget_exports
from ringrift.train.devices import rounds_fast
from ringrift.train.distributed import Team, alone
from ringrift.train.draw import draw_rows, row_weights
from ringrift.train.learner import Learner, Precision, Step
from ringrift.train.losses import TERMS
from ringrift.train.monitor import LossMonitor
from ringrift.train.network import initial_network
from ringrift.train.weighting import facts_of, strategy_weights
from ringrift.train.weights import WeightsInfo, load_weights, save_weights
from ringrift.wire.job import Progress, TrainingDone, TrainingJob

# Share of search's later judgement in the value target; the rest is the game's outcome.
ROOT_VALUE_SHARE = 0.3
CHECKPOINT_S = 20.0
_HOLDOUT_ROWS = 4096
_REPORT_EVERY_S = 1.0
_PRECISIONS: tuple[Precision, Precision] = ("float32", "bfloat16")
# Training losses are told as means over this last part of the steps.
_TOLD_SHARE = 0.25
_POLICY, _WINS = TERMS.index("policy"), TERMS.index("wins")


class FitError(ValueError):
    """Training that cannot be done or went wrong: one sentence that names the field or the step."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a fit needs of the world: `report` takes progress, `stop` asks it to end, `note` takes
    a sentence for the log; `clock` gives monotonic seconds.
    """

    report: Callable[[Progress], None]
    stop: Callable[[], bool]
    note: Callable[[str], None] = lambda sentence: print(sentence, file=sys.stderr)
    clock: Callable[[], float] = time.monotonic
    team: Team = field(default_factory=alone)


def fit(job: TrainingJob, around: Surroundings) -> TrainingDone | None:
    """Train on the job's window and write `<sha256>.safetensors` and `.state` to `job.out_dir`.

    None if `stop` said so before the end (half a fit is no candidate and its rows stay new; where
    there is a `checkpoint_dir` the next start goes on from here), and in every process of a team
    but the one that leads. With `learning_rate` 0 the candidate's parameters are bit for bit the
    parent's. Raises FitError, DatasetError, WeightingError, RecordError, WeightsError or
    CheckpointError, each one sentence, with nothing published.
    """
    started = around.clock()
    budget = int(job.max_reuse * job.new_rows)
    if budget < 1:
        raise FitError(f"new_rows is {job.new_rows}; there is nothing new to train on.")
    config = Config.parse(job.config)
    learner = _learner(job, config, around.team)
    before = {name: tensor.clone() for name, tensor in learner.average.state_dict().items()}
    window = _window(job, config, around)
    if window is None:
        return None
    run = _Run(job, learner, window, budget, around)
    if not run.train():
        return None
    held_out = np.flatnonzero(window.dataset.held_out)[-_HOLDOUT_ROWS:]
    holdout = measure(learner, run.batches, held_out, job.batch_size)
    if not around.team.leads:
        return None
    candidate, state = _publish(job, learner)
    return TrainingDone(
        path=str(candidate.path),
        sha256=candidate.sha256,
        bytes=candidate.bytes,
        dataset_sha256=window.sha256,
        rows=window.dataset.rows,
        rows_drawn=len(run.drawn),
        steps=run.steps,
        reuse=len(run.drawn) / job.new_rows,
        policy_loss=run.loss(_POLICY),
        value_loss=run.loss(_WINS),
        holdout_policy_loss=holdout[_POLICY],
        holdout_value_loss=holdout[_WINS],
        parameters_changed=any(
            not torch.equal(tensor, before[name])
            for name, tensor in learner.average.state_dict().items()
        ),
        seconds=around.clock() - started,
        state_path=str(state.path),
        state_sha256=state.sha256,
        state_bytes=state.bytes,
    )


def measure(
    learner: Learner, batches: Batches, rows: NDArray[np.int64], batch_size: int
) -> tuple[float | None, ...]:
    """Per head the loss of `rows` with the average, against the targets that training has; None
    without rows.
    """
    total = np.zeros((2, len(TERMS)))
    for start in range(0, len(rows), batch_size):
        part = batches.of(rows[start : start + batch_size], ROOT_VALUE_SHARE)
        total += learner.judge(part.to(learner.team.device))
    return tuple(_mean(*column) for column in total.T.tolist())


class _Run:
    """The steps of one fit, from its start or its checkpoint."""

    def __init__(
        self,
        job: TrainingJob,
        learner: Learner,
        window: Combined,
        budget: int,
        around: Surroundings,
    ) -> None:
        self.job, self._learner, self._around = job, learner, around
        self.batches = Batches(window.dataset, replies=learner.network.architecture.reply)
        self._seed = int(job.run_id, 16)
        strategy = strategy_weights(job.weighting, facts_of(window.dataset))
        drawn = draw_rows(row_weights(window.dataset, strategy), budget, seed=self._seed)
        if not window.dataset.full[drawn].any():
            raise FitError(
                f"new_rows is {job.new_rows}; the rows drawn for it hold no full search."
            )
        # Every process of a team takes as many rows as the others.
        self.drawn = drawn[: len(drawn) - len(drawn) % around.team.size]
        self.steps = -(-len(self.drawn) // job.batch_size)
        self._monitor = LossMonitor()
        self._sums: list[tuple[float, ...]] = []
        self._counts: list[tuple[float, ...]] = []
        self._parts = 1
        self._checkpoint = _checkpoint_path(job, window)
        self._next = self._resume()

    def train(self) -> bool:
        """Take all steps that are left; False when stopped."""
        clock, team = self._around.clock, self._around.team
        begun = reported = saved = clock()
        first = self._next
        for step in range(first, self.steps):
            if team.any(self._around.stop()):
                self._save()
                return False
            seen = self._step(step)
            self._next = step + 1
            if step >= self.steps - max(1, int(_TOLD_SHARE * self.steps)):
                self._sums.append(seen.sums)
                self._counts.append(seen.counts)
            now = clock()
            if team.leads and (now - reported >= _REPORT_EVERY_S or self._next == self.steps):
                reported = now
                self._around.report(self._progress(seen, first, now - begun))
            if now - saved >= CHECKPOINT_S:
                saved = now
                self._save()
        # Whoever asked may be killed before it knows of the candidate, and ask again.
        self._save()
        return True

    def loss(self, term: int) -> float:
        """Mean training loss of a head over the last quarter of the steps."""
        total = sum(sums[term] for sums in self._sums)
        return total / max(1.0, sum(counts[term] for counts in self._counts))

    def _step(self, step: int) -> Step:
        job, learner = self.job, self._learner
        rows = self.drawn[step * job.batch_size : (step + 1) * job.batch_size]
        learning = job.learning_rate > 0
        while True:
            try:
                seen = learner.look(self._batch(step, rows), learning)
                break
            except torch.cuda.OutOfMemoryError:
                if self._parts >= len(rows) or learner.team.size > 1:
                    raise
                self._parts *= 2
                self._around.note(
                    f"The GPU's memory is too small: {len(rows) // self._parts} rows at a time."
                )
        trouble = self._monitor.trouble(seen.loss)
        if trouble is None and learning:
            rate = learner.rate(job.learning_rate, len(rows))
            trouble = None if learner.learn(rate, len(rows)) else "the gradient is not finite"
        if trouble is not None:
            raise FitError(
                f"training stopped at step {step}: {trouble}; lower learning_rate or choose "
                "another parent."
            )
        return seen

    def _batch(self, step: int, rows: NDArray[np.int64]) -> list[Batch]:
        """This process's share of a step's rows, each under a random symmetry."""
        team = self._around.team
        rng = np.random.default_rng((self._seed, step))
        symmetry = rng.integers(self.batches.symmetries, size=len(rows))
        mine = np.arange(team.rank, len(rows), team.size)
        return [
            self.batches.of(rows[part], ROOT_VALUE_SHARE, symmetry[part]).to(team.device)
            for part in np.array_split(mine, max(1, min(self._parts, len(mine))))
        ]

    def _progress(self, seen: Step, first: int, seconds: float) -> Progress:
        job, drawn = self.job, len(self.drawn)
        done = min(self._next * job.batch_size, drawn)
        figures = {"reuse": done / job.new_rows}
        for name, total, count in zip(TERMS, seen.sums, seen.counts, strict=True):
            if count:
                figures["value_loss" if name == "wins" else f"{name}_loss"] = total / count
        rate = (done - first * job.batch_size) / seconds if seconds > 0 else None
        return Progress(done, drawn, "rows", rate, figures)

    def _save(self) -> None:
        if self._checkpoint is None or not self._around.team.leads:
            return
        monitor = self._monitor
        facts = FitFacts(
            step=self._next,
            rows=self._learner.rows,
            sums=self._sums,
            counts=self._counts,
            monitor=(monitor.mean, monitor.variance, monitor.steps, monitor.spikes),
        )
        save_checkpoint(self._checkpoint, self._learner.tensors(), facts)

    def _resume(self) -> int:
        """The next step: what this very fit left in its checkpoint is taken up."""
        if self._checkpoint is None:
            return 0
        if self._around.team.leads:
            for other in self._checkpoint.parent.glob("*.checkpoint"):
                if other != self._checkpoint:
                    other.unlink()  # whoever asked has gone on to this fit
        if not self._checkpoint.exists():
            return 0
        try:
            tensors, facts = load_checkpoint(self._checkpoint)
            self._learner.restore(tensors, facts.rows)
        except (CheckpointError, RuntimeError, KeyError) as error:
            # Half restored, this learner is of no use; from the start the same candidate comes out.
            self._checkpoint.unlink()
            raise FitError(
                f"{self._checkpoint} is damaged and was deleted; start again."
            ) from error
        self._sums, self._counts = facts.sums, facts.counts
        self._monitor = LossMonitor(*facts.monitor)
        return facts.step


def _learner(job: TrainingJob, config: Config, team: Team) -> Learner:
    rounded = job.precision == "auto" and rounds_fast(team.device)
    precision = job.precision if job.precision != "auto" else _PRECISIONS[rounded]
    if job.parent is None:
        seed, heads = int(job.run_id, 16), dict.fromkeys(job.heads, True)
        return Learner(initial_network(config, seed, job.preset, **heads), team, precision)
    network = load_weights(Path(job.parent.path), config, job.parent.sha256)[1]
    learner = Learner(network, team, precision)
    if job.parent_state is not None:
        path = job.parent_state.path
        tensors, facts = load_state(Path(path), job.parent_state.sha256)
        if facts.weights != job.parent.sha256:
            raise FitError(
                f"parent_state {path} belongs to weights {facts.weights[:12]}, not to parent "
                f"{job.parent.sha256[:12]}."
            )
        try:
            learner.restore(tensors, facts.rows)
        except (RuntimeError, KeyError) as error:
            raise FitError(f"parent_state {path} is of another network than parent.") from error
    return learner


def _window(job: TrainingJob, config: Config, around: Surroundings) -> Combined | None:
    directory = Path(job.export_dir or job.out_dir)

    def progress(rows: int, window: int) -> None:
        around.report(Progress(rows, window, "rows replayed", None))

    window = combine(
        directory,
        config,
        job.shards,
        window_rows=job.window_rows,
        progress=progress if around.team.leads else lambda rows, window: None,
        stop=around.stop,
        note=around.note,
    )
    if around.team.any(window is None):
        return None
    if around.team.leads:
        forget_exports(directory, job.shards)
    return window


def _publish(job: TrainingJob, learner: Learner) -> tuple[Artifact, Artifact]:
    info = WeightsInfo(
        config=job.config,
        architecture=learner.average.architecture,
        parent=job.parent.sha256 if job.parent else None,
        run_id=job.run_id,
    )
    out = Path(job.out_dir)
    candidate = save_weights(out, learner.average, info)
    facts = StateFacts(config=job.config, weights=candidate.sha256, rows=learner.rows)
    return candidate, save_state(out, learner.tensors(), facts)


def _checkpoint_path(job: TrainingJob, window: Combined) -> Path | None:
    """Named by everything that the candidate depends on, so that no other fit takes it up."""
    if job.checkpoint_dir is None:
        return None
    parents = [part.sha256 for part in (job.parent, job.parent_state) if part is not None]
    told = (
        job.run_id, window.sha256, parents, job.new_rows, job.max_reuse, job.batch_size,
        job.learning_rate, job.threads, job.precision, job.weighting, job.preset, job.heads,
    )  # fmt: skip
    digest = sha256(msgspec.json.encode(told)).hexdigest()
    return Path(job.checkpoint_dir) / f"{digest[:32]}.checkpoint"


def _mean(total: float, count: float) -> float | None:
    return total / count if count else None
