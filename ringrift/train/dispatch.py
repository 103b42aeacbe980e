"""One job to its work: networks loaded and checked, players seated, the result as a line."""

from pathlib import Path

import torch

from ringrift.engine.config import Config
from ringrift.engine.rules import Tables, tables_for
from ringrift.train.arena import play_match
from ringrift.train.evaluator import load_evaluator
from ringrift.train.fit import Surroundings, fit
from ringrift.train.pace import Pace
from ringrift.train.player import SearchPlayer, baseline, match_budget
from ringrift.train.seeds import seed_of
from ringrift.train.selfplay import run_selfplay
from ringrift.train.world import World
from ringrift.wire.job import (
    EvaluationDone,
    EvaluationJob,
    Finished,
    JobSpec,
    SelfplayJob,
    Weights,
)

# Positions judged in one batch: more gain nothing on a processor, and cost memory.
_MOST_SLOTS = 128


def run_job(spec: JobSpec, world: World) -> Finished:
    """Carry out `spec`; raises ValueError with one sentence when its inputs do not fit."""
    torch.set_num_threads(spec.threads)
    if isinstance(spec, SelfplayJob):
        return _selfplay(spec, world)
    if isinstance(spec, EvaluationJob):
        return _evaluation(spec, world)
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


def _evaluation(job: EvaluationJob, world: World) -> Finished:
    started = world.clock()
    tables = tables_for(Config.parse(job.config))
    candidate = _searcher(job, job.candidate, tables)
    if isinstance(job.opponent, str):
        opponent, searchers = baseline(job.opponent, tables), (candidate,)
    else:
        opponent = _searcher(job, job.opponent, tables)
        searchers = (candidate, opponent)
    pace = Pace(world, unit="games", total=job.openings * tables.players)

    def progress(done: int, decisions: int) -> None:
        evaluations = sum(player.evaluations for player in searchers)
        pace.tell(done, {"decisions": decisions, "evaluations": evaluations})

    match = play_match(
        tables,
        candidate,
        opponent,
        seed=seed_of(job.run_id, "match"),
        openings=job.openings,
        stopping=world.stopping,
        progress=progress,
    )
    if match is None:
        return Finished(result=None, partial=True)
    done = EvaluationDone(
        opponent=job.opponent if isinstance(job.opponent, str) else job.opponent.sha256,
        blocks=match.blocks,
        rotations=tables.players,
        distinct_openings=match.distinct_openings,
        distinct_games=match.distinct_games,
        seconds=world.clock() - started,
    )
    return Finished(result=done)


def _searcher(job: EvaluationJob, who: Weights, tables: Tables) -> SearchPlayer:
    evaluator = load_evaluator(Config.parse(job.config), Path(who.path), seed=0, sha256=who.sha256)
    slots = min(job.openings * tables.players, _MOST_SLOTS)
    return SearchPlayer(tables, evaluator, match_budget(job.simulations), slots=slots)
