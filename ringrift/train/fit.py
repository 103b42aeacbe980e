"""Training: continue from the parent's weights on the newest rows, and publish a candidate.

Training is measured in rows: at most `max_reuse` rows are drawn for each full-search row that no
earlier fit has seen (Wu, "Accelerating self-play learning in Go", 2019). The optimiser starts
fresh in each fit.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ringrift.engine.config import Config
from ringrift.train.batches import Batch, Batches
from ringrift.train.dataset import Dataset, build_dataset, read_dataset
from ringrift.train.network import Network, initial_network
from ringrift.train.weights import WeightsInfo, load_weights, save_weights
from ringrift.wire.job import Progress, TrainingDone, TrainingJob

# Share of search's own value in the value target; the rest is the game's outcome.
ROOT_VALUE_SHARE = 0.3
# Cheap searches teach only the value, and only as often as this.
CHEAP_ROW_SHARE = 0.25
_WEIGHT_DECAY = 1e-4
_LARGEST_GRADIENT = 4.0
_WARM_UP_SHARE = 0.1
_LAST_RATE_SHARE = 0.1
_HOLDOUT_ROWS = 4096
_REPORT_EVERY_S = 1.0


class FitError(ValueError):
    """Training that cannot be done or went wrong: one sentence that names the field or the step."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean cross entropies in nats; policy over full rows, value over all; None without rows."""

    policy: float | None
    value: float | None


@dataclass(frozen=True, slots=True)
class _Sums:
    """Cross entropies added up over rows."""

    policy: float = 0.0
    value: float = 0.0
    full: int = 0
    rows: int = 0

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(
            self.policy + other.policy,
            self.value + other.value,
            self.full + other.full,
            self.rows + other.rows,
        )

    def losses(self) -> Losses:
        return Losses(
            self.policy / self.full if self.full else None,
            self.value / self.rows if self.rows else None,
        )


def fit(
    job: TrainingJob, report: Callable[[Progress], None], stop: Callable[[], bool]
) -> TrainingDone | None:
    """Build the dataset, train, write `<sha256>.safetensors` to `job.out_dir`.

    None if `stop` said so before the end: half a fit is no candidate and its rows stay new. With
    `learning_rate` 0 the candidate's parameters are bit for bit the parent's. Raises FitError,
    DatasetError, RecordError or WeightsError, each one sentence, with nothing published.
    """
    started = time.monotonic()
    budget = int(job.max_reuse * job.new_rows)
    if budget < 1:
        raise FitError(f"new_rows is {job.new_rows}; there is nothing new to train on.")
    config = Config.parse(job.config)
    out = Path(job.out_dir)
    network = _parent(job, config)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    file = build_dataset(
        out,
        config,
        job.shards,
        window_rows=job.window_rows,
        progress=lambda rows, window: report(Progress(rows, window, "rows replayed", None)),
        stop=stop,
    )
    if file is None:
        return None
    dataset = read_dataset(file.path, file.sha256)
    batches = Batches(dataset)
    drawn = draw_rows(dataset, budget, seed=int(job.run_id, 16))
    losses = _train(job, network, batches, drawn, report, stop)
    if losses is None:
        return None
    if losses.policy is None or losses.value is None:
        raise FitError(f"new_rows is {job.new_rows}; the rows drawn for it hold no full search.")
    held_out = np.flatnonzero(dataset.holdout)[-_HOLDOUT_ROWS:]
    holdout = measure(network, batches, held_out, job.batch_size)
    candidate = save_weights(
        out,
        network,
        WeightsInfo(
            config=config.name,
            architecture=network.architecture,
            parent=job.parent.sha256 if job.parent else None,
            run_id=job.run_id,
        ),
    )
    return TrainingDone(
        path=str(candidate.path),
        sha256=candidate.sha256,
        bytes=candidate.bytes,
        dataset_sha256=file.sha256,
        rows=dataset.rows,
        rows_drawn=len(drawn),
        steps=-(-len(drawn) // job.batch_size),
        reuse=len(drawn) / job.new_rows,
        policy_loss=losses.policy,
        value_loss=losses.value,
        holdout_policy_loss=holdout.policy,
        holdout_value_loss=holdout.value,
        parameters_changed=not _same(before, network.state_dict()),
        seconds=time.monotonic() - started,
    )


def draw_rows(dataset: Dataset, budget: int, *, seed: int) -> NDArray[np.int64]:
    """Which rows to train on, in order: `budget` in all, none held out.

    Each pass takes every full row and a share of the cheap ones, in random order. Raises FitError
    without any full row to learn from.
    """
    full = np.flatnonzero(dataset.full & ~dataset.holdout)
    cheap = np.flatnonzero(~dataset.full & ~dataset.holdout)
    if not len(full):
        raise FitError("shards hold no full-search decision to learn from; play more games.")
    rng = np.random.default_rng(seed)
    passes: list[NDArray[np.int64]] = []
    drawn = 0
    while drawn < budget:
        taken = cheap[rng.random(len(cheap)) < CHEAP_ROW_SHARE]
        passes.append(rng.permutation(np.concatenate([full, taken])))
        drawn += len(passes[-1])
    return np.concatenate(passes)[:budget]


def rate_at(step: int, steps: int, peak: float) -> float:
    """Learning rate of a step from 0: a short rise for the fresh optimiser, then a line down."""
    rise = max(1.0, _WARM_UP_SHARE * steps)
    fall = 1 - (1 - _LAST_RATE_SHARE) * step / steps
    return peak * min(1.0, (step + 1) / rise) * fall


def _loss_sums(network: Network, batch: Batch) -> tuple[Tensor, Tensor]:
    """Summed cross entropies: of the policy over full rows, of the value over all."""
    outputs = network(batch.planes)
    logits, values = outputs.policy, outputs.wins
    full = batch.full
    chosen = logits.float()[full].gather(1, batch.actions[full])
    chosen = chosen.masked_fill(~batch.legal[full], -torch.inf)
    # The padding's log probability is -inf, and -inf * 0 would be NaN.
    log_policy = functional.log_softmax(chosen, 1).masked_fill(~batch.legal[full], 0.0)
    policy = -(batch.policy[full] * log_policy).sum()
    value = -(batch.values * functional.log_softmax(values.float(), 1)).sum()
    return policy, value


def measure(network: Network, batches: Batches, rows: NDArray[np.int64], batch_size: int) -> Losses:
    """Losses of `rows` against the bare outcome, with the network as it would play."""
    network.eval()
    total = _Sums()
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            batch = batches.of(rows[start : start + batch_size], root_share=0.0)
            policy, value = _loss_sums(network, batch)
            full = int(batch.full.sum())
            total += _Sums(float(policy), float(value), full, len(batch.full))
    return total.losses()


def _train(
    job: TrainingJob,
    network: Network,
    batches: Batches,
    drawn: NDArray[np.int64],
    report: Callable[[Progress], None],
    stop: Callable[[], bool],
) -> Losses | None:
    """Take every step; mean training losses over the last quarter, None when stopped."""
    # Without learning, batch norm must not gather statistics either.
    network.train(job.learning_rate > 0)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    starts = range(0, len(drawn), job.batch_size)
    taken: list[_Sums] = []
    begun = reported = time.monotonic()
    for step, start in enumerate(starts):
        if stop():
            return None
        batch = batches.of(drawn[start : start + job.batch_size], ROOT_VALUE_SHARE)
        rate = rate_at(step, len(starts), job.learning_rate)
        taken.append(_step(network, optimiser, batch, rate, step))
        now = time.monotonic()
        if now - reported >= _REPORT_EVERY_S or step == len(starts) - 1:
            reported = now
            done = min(start + job.batch_size, len(drawn))
            report(_progress(done, len(drawn), now - begun, taken[-1].losses()))
    return sum(taken[-max(1, len(taken) // 4) :], start=_Sums()).losses()


def _step(
    network: Network,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    rate: float,
    step: int,
) -> _Sums:
    policy, value = _loss_sums(network, batch)
    rows, full = len(batch.full), int(batch.full.sum())
    loss = policy / max(1, full) + value / rows
    if not bool(torch.isfinite(loss)):
        raise FitError(
            f"the loss is not finite at step {step}; lower learning_rate or choose another parent."
        )
    if rate > 0:
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
    return _Sums(float(policy.detach()), float(value.detach()), full, rows)


def _progress(done: int, total: int, seconds: float, losses: Losses) -> Progress:
    figures = {"policy_loss": losses.policy, "value_loss": losses.value}
    known = {name: loss for name, loss in figures.items() if loss is not None}
    return Progress(done, total, "rows", done / seconds if seconds > 0 else None, known)


def _parent(job: TrainingJob, config: Config) -> Network:
    if job.parent is None:
        return initial_network(config, int(job.run_id, 16))
    return load_weights(Path(job.parent.path), config, job.parent.sha256)[1]


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())
