"""From claims to specs and from results to outcomes: what cannot be true is not handed in."""

from pathlib import Path

import msgspec
import pytest

from ringrift.node.cluster.work import (
    EvaluationOutcome,
    EvaluationWork,
    Item,
    Payload,
    SelfplayOutcome,
    SelfplayWork,
    TrainingOutcome,
    TrainingWork,
)
from ringrift.node.worker.admission import Admission, admission, hindered
from ringrift.node.worker.jobs import JobError, job_for, made_by, needed, outcome_of, shard_facts
from ringrift.node.worker.slots import slots_for
from ringrift.wire.job import (
    EvaluationDone,
    EvaluationJob,
    JobSpec,
    SelfplayDone,
    SelfplayJob,
    ShardWritten,
    TrainingDone,
    TrainingJob,
)

NET, OTHER, SHARD = "1" * 64, "2" * 64, "3" * 64
RUN = "ab" * 16
OUT = Path("/out")


class Here:
    """A store that has everything but `OTHER`."""

    def has(self, sha256: str) -> bool:
        return sha256 != OTHER

    def path(self, sha256: str) -> Path:
        return Path("/blobs") / sha256


def item(payload: Payload) -> Item:
    return Item(
        id=1, config="hex8_2p", priority=1, max_attempts=3, timeout_s=60, payload=payload,
        state="claimed", attempts=1, claim=None, error=None, queued_at_ms=0, ended_at_ms=None,
    )  # fmt: skip


def job_of(item: Item, blobs: Here, run_id: str, out_dir: Path, threads: int) -> JobSpec:
    return job_for(item.config, item.payload, blobs, run_id, out_dir, Path("/exports"), threads)


SELFPLAY = SelfplayWork(
    games=8, parallel_games=4, games_per_shard=4, full_simulations=16, full_considered=8,
    cheap_simulations=8, cheap_considered=4, full_fraction=0.5,
)  # fmt: skip
TRAINING = TrainingWork(
    shards=(SHARD,), parent=NET, new_rows=10, games_seen=8, rows_seen=10, learning_rate=0.1,
    batch_size=4, max_reuse=2.0, window_rows=100,
)  # fmt: skip
EVALUATION = EvaluationWork(candidate=NET, opponent="random-1", openings=20, simulations=8)


def with_(payload: Payload, **changes: object) -> Item:
    return item(msgspec.structs.replace(payload, **changes))


def test_selfplay_is_told_everything_of_its_work() -> None:
    job = job_of(with_(SELFPLAY, weights=NET), Here(), RUN, OUT, 2)
    assert isinstance(job, SelfplayJob)
    assert job.weights is not None
    assert (job.weights.path, job.threads, job.run_id) == (f"/blobs/{NET}", 2, RUN)
    for name in SelfplayWork.__struct_fields__:
        if name != "weights":
            assert getattr(job, name) == getattr(SELFPLAY, name)


def test_training_gets_its_shards_and_its_parent() -> None:
    job = job_of(item(TRAINING), Here(), RUN, OUT, 1)
    assert isinstance(job, TrainingJob)
    assert [shard.path for shard in job.shards] == [f"/blobs/{SHARD}"]
    assert (job.new_rows, job.max_reuse, job.window_rows) == (10, 2.0, 100)
    assert job.export_dir == "/exports/hex8_2p"
    assert job.parent_state is None


def test_a_fit_goes_on_with_the_optimiser_of_its_parent() -> None:
    work = with_(TRAINING, parent_state=SHARD)
    job = job_of(work, Here(), RUN, OUT, 1)
    assert isinstance(job, TrainingJob)
    assert job.parent_state is not None
    assert job.parent_state.path == f"/blobs/{SHARD}"
    assert needed(work) == (NET, SHARD)


def test_a_fit_makes_a_network_and_what_the_next_one_goes_on_from() -> None:
    assert [made.sha256 for made in made_by(trained())] == [OTHER]
    both = made_by(trained(state_path="/out/y", state_sha256=SHARD, state_bytes=7))
    assert both[1] == ("/out/y", SHARD, 7)


def test_an_opponent_is_a_baseline_or_a_network() -> None:
    by_name = job_of(item(EVALUATION), Here(), RUN, OUT, 1)
    by_hash = job_of(with_(EVALUATION, opponent=SHARD), Here(), RUN, OUT, 1)
    assert isinstance(by_name, EvaluationJob)
    assert isinstance(by_hash, EvaluationJob)
    assert by_name.opponent == "random-1"
    assert not isinstance(by_hash.opponent, str)


@pytest.mark.parametrize(
    ("work", "blobs"),
    [
        (with_(SELFPLAY, weights=None), ()),
        (with_(SELFPLAY, weights=NET), (NET,)),
        (with_(TRAINING, parent=None), (SHARD,)),
        (with_(TRAINING, parent=NET, shards=(SHARD, OTHER, SHARD)), (NET, SHARD, OTHER)),
        (item(EVALUATION), (NET,)),
        (with_(EVALUATION, opponent=OTHER), (NET, OTHER)),
        (with_(EVALUATION, opponent=NET), (NET,)),
    ],
)
def test_what_a_child_reads_is_known_beforehand(work: Item, blobs: tuple[str, ...]) -> None:
    assert needed(work) == blobs


@pytest.mark.parametrize(
    "work",
    [
        with_(SELFPLAY, weights=OTHER),
        with_(TRAINING, shards=(SHARD, OTHER)),
        with_(TRAINING, parent=OTHER),
        with_(EVALUATION, candidate=OTHER),
        with_(EVALUATION, opponent=OTHER),
    ],
)
def test_work_on_files_that_are_not_here_is_refused(work: Item) -> None:
    with pytest.raises(JobError, match="not on this node"):
        job_of(work, Here(), RUN, OUT, 1)


def test_a_shard_of_another_run_is_refused() -> None:
    job = job_of(item(SELFPLAY), Here(), RUN, OUT, 1)
    assert isinstance(job, SelfplayJob)
    line = ShardWritten(
        path="/out/x", sha256=SHARD, bytes=5, run_id=RUN, first_game=0, games=4, decisions=40,
        full_rows=10, steps=80,
    )  # fmt: skip
    assert shard_facts(job, line).source == "untrained"
    with pytest.raises(JobError, match="run"):
        shard_facts(job, msgspec.structs.replace(line, run_id="cd" * 16))


def trained(**changes: object) -> TrainingDone:
    done = TrainingDone(
        path="/out/x", sha256=OTHER, bytes=5, dataset_sha256=SHARD, rows=10, rows_drawn=20,
        steps=5, reuse=2.0, policy_loss=1.0, value_loss=0.5, holdout_policy_loss=None,
        holdout_value_loss=None, parameters_changed=True, seconds=1.0,
    )  # fmt: skip
    return msgspec.structs.replace(done, **changes)


def match(**changes: object) -> EvaluationDone:
    done = EvaluationDone(
        opponent="random-1", blocks=(2,) * 20, rotations=2, distinct_openings=20,
        distinct_games=40, seconds=1.0,
    )  # fmt: skip
    return msgspec.structs.replace(done, **changes)


def test_true_results_become_outcomes() -> None:
    selfplay, training, evaluation = (
        job_of(item(payload), Here(), RUN, OUT, 1) for payload in (SELFPLAY, TRAINING, EVALUATION)
    )
    assert outcome_of(selfplay, SelfplayDone(8, 80, 1.0), 8) == SelfplayOutcome(8, 80, 1.0)
    assert isinstance(outcome_of(training, trained(), 0), TrainingOutcome)
    frozen = job_of(with_(TRAINING, learning_rate=0.0), Here(), RUN, OUT, 1)
    assert outcome_of(frozen, trained(parameters_changed=False), 0)
    outcome = outcome_of(evaluation, match(blocks=(2,) * 15 + (0,) * 5), 0)
    assert isinstance(outcome, EvaluationOutcome)
    assert outcome.histogram == (5, 0, 15)


@pytest.mark.parametrize(
    ("payload", "result", "kept", "words"),
    [
        (SELFPLAY, SelfplayDone(8, 80, 1.0), 4, "its shards hold 4"),
        (SELFPLAY, SelfplayDone(4, 80, 1.0), 4, "8 games were asked for"),
        (SELFPLAY, None, 0, "answered a SelfplayJob with nothing"),
        (SELFPLAY, match(), 8, "with EvaluationDone"),
        (TRAINING, trained(rows=0), 0, "no rows"),
        (TRAINING, trained(parameters_changed=False), 0, "changed no parameter"),
        (EVALUATION, match(opponent="heuristic-1"), 0, "against random-1"),
        (EVALUATION, match(rotations=3), 0, "2 rotations"),
        (EVALUATION, match(blocks=(1,) * 19), 0, "20 openings"),
        (EVALUATION, match(blocks=(3,) * 20), 0, "cannot have 3 wins"),
    ],
)
def test_results_that_cannot_be_true_are_refused(
    payload: Payload, result: TrainingDone | EvaluationDone | SelfplayDone, kept: int, words: str
) -> None:
    job = job_of(item(payload), Here(), RUN, OUT, 1)
    with pytest.raises(JobError, match=words):
        outcome_of(job, result, kept)


@pytest.mark.parametrize(
    ("cores", "wanted", "threads", "slots"),
    [
        (2, 0, 1, (2, 1)),
        (16, 4, 4, (4, 4)),
        (16, 9, 4, (4, 4)),
        (1, 0, 8, (1, 1)),
        (3, 0, 2, (1, 2)),
    ],
)
def test_slots_times_threads_never_exceed_the_cores(
    cores: int, wanted: int, threads: int, slots: tuple[int, int]
) -> None:
    made = slots_for(cores, wanted, threads)
    assert (made.total, made.threads) == slots
    assert made.total * made.threads <= cores


ALL = ("selfplay", "training", "evaluation")


@pytest.mark.parametrize(
    ("active", "tier", "free", "kinds", "words"),
    [
        (True, None, None, ALL, ""),
        (True, "CAUTION", 10, ALL, ""),
        (True, "WARNING", 10, ("training", "evaluation"), "memory: WARNING"),
        (True, "CRITICAL", 10, (), "memory: CRITICAL"),
        (True, "NORMAL", 4, (), "disk"),
        (False, "NORMAL", 10, (), "draining"),
    ],
)
def test_what_may_be_claimed(
    active: bool, tier: object, free: int | None, kinds: tuple[str, ...], words: str
) -> None:
    admitted = admission(
        ALL,
        active=active,
        hands_in=not active,
        tier=tier,
        disk_free_bytes=free,
        disk_floor_bytes=5,
    )
    assert admitted.kinds == kinds
    assert words in admitted.reason
    assert admitted.draining is not active


def test_what_runs_may_go_on_until_the_deadline_of_a_drain() -> None:
    for hands_in in (False, True):
        draining = admission(
            ALL,
            active=False,
            hands_in=hands_in,
            tier=None,
            disk_free_bytes=None,
            disk_floor_bytes=5,
        )
        assert (draining.kinds, draining.draining) == ((), hands_in)


def test_what_may_not_be_claimed_is_named_with_its_reason() -> None:
    some = Admission(("selfplay",), "memory: WARNING")
    assert hindered(ALL, some) == {"training": some.reason, "evaluation": some.reason}
    others = "this node does none of it (worker.kinds)"
    one = ("training",)
    assert hindered(one, Admission(one)) == {"selfplay": others, "evaluation": others}
    assert hindered(one, Admission((), "draining", draining=True))["training"] == "draining"
