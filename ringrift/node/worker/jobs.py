"""From a claimed item to the spec of its child, and from the child's result to an outcome.

A result is believed only as far as it can be checked here; what does not fit fails the attempt.
"""

from pathlib import Path
from typing import NamedTuple

from ringrift.node.cluster.shards import ShardFacts
from ringrift.node.cluster.work import (
    EvaluationOutcome,
    EvaluationWork,
    Item,
    Outcome,
    Payload,
    SelfplayOutcome,
    SelfplayWork,
    TrainingOutcome,
    TrainingWork,
)
from ringrift.node.data.blobs import BlobStore
from ringrift.wire.job import (
    EvaluationDone,
    EvaluationJob,
    JobSpec,
    SelfplayDone,
    SelfplayJob,
    ShardWritten,
    TrainingDone,
    TrainingJob,
    Weights,
)

UNTRAINED = "untrained"
SHA256_DIGITS = 64


class JobError(ValueError):
    """An item that cannot be worked on here, or a result that cannot be true; one sentence."""


def needed(item: Item) -> tuple[str, ...]:
    """The blobs that the child of an item reads, each once."""
    match item.payload:
        case SelfplayWork(weights=weights):
            found = [weights]
        case TrainingWork(shards=shards, parent=parent, parent_state=state):
            found = [parent, state, *shards]
        case EvaluationWork(candidate=candidate, opponent=opponent):
            found = [candidate, opponent if _is_network(opponent) else None]
    return tuple(dict.fromkeys(sha256 for sha256 in found if sha256 is not None))


def job_for(
    config: str,
    payload: Payload,
    blobs: BlobStore,
    run_id: str,
    out_dir: Path,
    exports: Path,
    threads: int,
) -> JobSpec:
    """Return the spec of a child for some work; it looks for every blob. Raises `JobError`.

    Fits keep the rows of their shards in `exports`, so that the next one need not replay them.
    """
    match payload:
        case SelfplayWork() as work:
            return SelfplayJob(
                config=config,
                run_id=run_id,
                games=work.games,
                out_dir=str(out_dir),
                weights=None if work.weights is None else _blob(blobs, work.weights),
                threads=threads,
                parallel_games=work.parallel_games,
                games_per_shard=work.games_per_shard,
                full_simulations=work.full_simulations,
                full_considered=work.full_considered,
                cheap_simulations=work.cheap_simulations,
                cheap_considered=work.cheap_considered,
                full_fraction=work.full_fraction,
            )
        case TrainingWork() as work:
            return TrainingJob(
                config=config,
                run_id=run_id,
                out_dir=str(out_dir),
                shards=tuple(_blob(blobs, shard) for shard in work.shards),
                new_rows=work.new_rows,
                parent=None if work.parent is None else _blob(blobs, work.parent),
                parent_state=(
                    None if work.parent_state is None else _blob(blobs, work.parent_state)
                ),
                export_dir=str(exports / config),
                precision="auto",
                threads=threads,
                learning_rate=work.learning_rate,
                batch_size=work.batch_size,
                max_reuse=work.max_reuse,
                window_rows=work.window_rows,
            )
        case EvaluationWork() as work:
            is_network = _is_network(work.opponent)
            return EvaluationJob(
                config=config,
                run_id=run_id,
                out_dir=str(out_dir),
                candidate=_blob(blobs, work.candidate),
                opponent=_blob(blobs, work.opponent) if is_network else work.opponent,
                openings=work.openings,
                simulations=work.simulations,
                threads=threads,
            )


class Made(NamedTuple):
    """A file that a child has made."""

    path: str
    sha256: str
    bytes: int


def made_by(done: TrainingDone) -> list[Made]:
    """The files of a fit: its network, and what the next fit goes on from."""
    files = [Made(done.path, done.sha256, done.bytes)]
    if done.state_path is not None and done.state_sha256 is not None:
        files.append(Made(done.state_path, done.state_sha256, done.state_bytes or 0))
    return files


def shard_facts(job: SelfplayJob, line: ShardWritten) -> ShardFacts:
    """Return what the log is to know of a shard. Raises `JobError` if it is not of this run."""
    if line.run_id != job.run_id:
        raise JobError(f"a shard of run {line.run_id} came from the child of run {job.run_id}")
    return ShardFacts(
        sha256=line.sha256,
        bytes=line.bytes,
        config=job.config,
        run_id=line.run_id,
        first_game=line.first_game,
        games=line.games,
        decisions=line.decisions,
        full_rows=line.full_rows,
        steps=line.steps,
        source=UNTRAINED if job.weights is None else job.weights.sha256,
    )


def outcome_of(
    job: JobSpec, result: SelfplayDone | TrainingDone | EvaluationDone | None, games_kept: int
) -> Outcome:
    """Return the outcome to hand in for a whole run. Raises `JobError` if it cannot be true.

    `games_kept` are the games of this run's shards that are in the log.
    """
    match job, result:
        case SelfplayJob(), SelfplayDone():
            if not result.games == games_kept == job.games:
                raise JobError(
                    f"{job.games} games were asked for, the child says {result.games}, "
                    f"its shards hold {games_kept}"
                )
            return SelfplayOutcome.of(result)
        case TrainingJob(), TrainingDone():
            if result.rows < 1:
                raise JobError("the child trained on no rows")
            if not result.parameters_changed and job.learning_rate > 0:
                raise JobError("the child changed no parameter although the learning rate is not 0")
            return TrainingOutcome.of(result)
        case EvaluationJob(), EvaluationDone():
            _check_match(job, result)
            return EvaluationOutcome.of(result)
        case _:
            made = "nothing" if result is None else type(result).__name__
            raise JobError(f"the child answered a {type(job).__name__} with {made}")


def _check_match(job: EvaluationJob, result: EvaluationDone) -> None:
    opponent = job.opponent if isinstance(job.opponent, str) else job.opponent.sha256
    seats = int(job.config[-2])
    if result.opponent != opponent:
        raise JobError(f"the match was to be against {opponent}, not {result.opponent}")
    if result.rotations != seats or len(result.blocks) != job.openings:
        raise JobError(
            f"the match was to have {job.openings} openings in {seats} rotations, "
            f"not {len(result.blocks)} in {result.rotations}"
        )
    if not all(0 <= wins <= seats for wins in result.blocks):
        raise JobError(f"a block of {seats} games cannot have {max(result.blocks)} wins")


def _is_network(opponent: str) -> bool:
    return len(opponent) == SHA256_DIGITS


def _blob(blobs: BlobStore, sha256: str) -> Weights:
    if not blobs.has(sha256):
        raise JobError(f"the file {sha256} is not on this node")
    return Weights(sha256=sha256, path=str(blobs.path(sha256)))
