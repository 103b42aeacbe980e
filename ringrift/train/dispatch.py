"""One job to its work: networks loaded and checked, players seated, the result as a line."""

from pathlib import Path

import torch

from ringrift.engine.config import Config
from ringrift.train.evaluation import run_evaluation
from ringrift.train.evaluator import load_evaluator
from ringrift.train.fit import Surroundings, fit
from ringrift.train.seeds import seed_of
from ringrift.train.selfplay import run_selfplay
from ringrift.train.world import World
from ringrift.wire.job import (
    EvaluationJob,
    Finished,
    JobSpec,
    SelfplayJob,
)


def run_job(spec: JobSpec, world: World) -> Finished:
    """Carry out `spec`; raises ValueError with one sentence when its inputs do not fit."""
    torch.set_num_threads(spec.threads)
    if isinstance(spec, SelfplayJob):
        return _selfplay(spec, world)
    if isinstance(spec, EvaluationJob):
        return run_evaluation(spec, world)
    done = fit(spec, Surroundings(world.emit, world.stopping, clock=world.clock))
    return Finished(result=done, partial=done is None)


def _selfplay(job: SelfplayJob, world: World) -> Finished:
    config = Config.parse(job.config)
    if job.weights is None:
        evaluator = load_evaluator(config, None, seed=seed_of(job.run_id, "network"))
    else:
        evaluator = load_evaluator(
            config, Path(job.weights.path), seed=0, sha256=job.weights.sha256
        )
    return run_selfplay(job, evaluator, world)
