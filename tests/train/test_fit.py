"""Training: it learns, goes on, stops, survives kills, and rate 0 changes nothing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

import ringrift.train.fit as fitting
from ringrift.engine.config import Config
from ringrift.train.checkpoint import CheckpointError
from ringrift.train.dataset import DatasetError
from ringrift.train.fit import FitError, Surroundings, fit
from ringrift.train.learner import WARM_UP_ROWS
from ringrift.train.network import initial_network
from ringrift.train.records import ShardFile
from ringrift.train.weights import WeightsError, WeightsInfo, load_weights, save_weights
from ringrift.wire.job import Progress, TrainingDone, TrainingJob, Weights

MakeShard = Callable[..., ShardFile]
HEX8 = Config.parse("hex8_2p")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shard(make_shard: MakeShard, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    file = make_shard(tmp_path_factory.mktemp("fit"), games=40)
    return Weights(file.sha256, str(file.path))


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("exports"))


@pytest.fixture
def small_parent(tmp_path: Path) -> Weights:
    """A smaller tower than the default: fits continue whatever they are given."""
    network = initial_network(HEX8, seed=1, blocks=1, channels=16)
    # A batch norm that has seen data must keep what it saw.
    network.train()
    with torch.no_grad():
        network(torch.rand(4, network.architecture.planes, 9, 9))
    info = WeightsInfo(
        config="hex8_2p", architecture=network.architecture, parent=None, run_id="0" * 32
    )
    file = save_weights(tmp_path, network, info)
    return Weights(file.sha256, str(file.path))


MakeJob = Callable[..., TrainingJob]


@pytest.fixture
def job(tmp_path: Path, shard: Weights, small_parent: Weights, exports: str) -> MakeJob:
    """job(**changes) -> a small one that goes on from the small parent."""

    def make(**changes: object) -> TrainingJob:
        fields: dict[str, object] = {
            "config": "hex8_2p",
            "run_id": "7" * 32,
            "out_dir": str(tmp_path / "out"),
            "shards": (shard,),
            "new_rows": 300,
            "batch_size": 64,
            "parent": small_parent,
            "export_dir": exports,
        }
        return TrainingJob(**(fields | changes))  # pyright: ignore[reportArgumentType]

    return make


def surroundings(
    told: list[Progress] | None = None,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = lambda: 0.0,
) -> Surroundings:
    report = ([] if told is None else told).append
    return Surroundings(report, stop, note=pytest.fail, clock=clock)


def run(spec: TrainingJob, told: list[Progress] | None = None) -> TrainingDone:
    done = fit(spec, surroundings(told))
    assert done is not None
    return done


def after(done: TrainingDone) -> dict[str, Weights]:
    """What the next job takes from a finished one."""
    assert done.state_path is not None and done.state_sha256 is not None
    return {
        "parent": Weights(done.sha256, done.path),
        "parent_state": Weights(done.state_sha256, done.state_path),
    }


def test_losses_fall_from_fit_to_fit(job: MakeJob):
    told: list[Progress] = []
    first = run(job(new_rows=500, learning_rate=0.005), told)
    second = run(job(new_rows=500, run_id="8" * 32, learning_rate=0.005, **after(first)))
    assert second.policy_loss < first.policy_loss
    assert second.value_loss < first.value_loss
    assert first.parameters_changed
    # The labels are the winners: knowing nothing costs ln 2.
    assert second.value_loss < 0.6 < np.log(2)
    assert second.holdout_policy_loss is not None and first.holdout_policy_loss is not None
    assert second.holdout_policy_loss < first.holdout_policy_loss
    assert told[-1].done == told[-1].total == first.rows_drawn
    assert told[-1].figures["value_loss"] > 0
    assert told[-1].figures["reuse"] == first.reuse == 4


def test_the_candidate_names_its_parent_and_run(job: MakeJob, small_parent: Weights):
    done = run(job())
    info, network = load_weights(Path(done.path), HEX8, done.sha256)
    assert (info.parent, info.run_id) == (small_parent.sha256, "7" * 32)
    assert network.architecture.blocks == 1
    assert done.bytes == Path(done.path).stat().st_size


def test_rows_drawn_are_paid_for_by_new_rows(job: MakeJob):
    done = run(job(new_rows=100, max_reuse=2.5))
    assert done.rows_drawn == 250
    assert done.reuse == 2.5
    assert done.steps == 4


def test_learning_rate_zero_changes_nothing(job: MakeJob):
    """Neither what is published nor what the next fit goes on from."""
    first = run(job(new_rows=50))
    assert first.parameters_changed
    idle = run(job(learning_rate=0, **after(first)))
    assert not idle.parameters_changed
    before = load_weights(Path(first.path), HEX8)[1].state_dict()
    later = load_weights(Path(idle.path), HEX8)[1].state_dict()
    for name, tensor in before.items():
        assert tensor.numpy().tobytes() == later[name].numpy().tobytes()
    went_on = run(job(run_id="9" * 32, new_rows=50, **after(first)))
    idled_first = run(job(run_id="9" * 32, new_rows=50, **after(idle)))
    one, two = (load_weights(Path(d.path), HEX8)[1].state_dict() for d in (went_on, idled_first))
    assert all(torch.equal(tensor, two[name]) for name, tensor in one.items())


def test_the_same_job_gives_the_same_candidate(job: MakeJob, tmp_path: Path):
    one = run(job(out_dir=str(tmp_path / "a"), new_rows=100))
    two = run(job(out_dir=str(tmp_path / "b"), new_rows=100))
    other = run(job(out_dir=str(tmp_path / "c"), new_rows=100, run_id="8" * 32))
    assert one.sha256 == two.sha256 != other.sha256
    assert one.state_sha256 == two.state_sha256


class Killed(BaseException):
    """What a test raises where a SIGKILL would strike."""


@pytest.mark.parametrize("at", [1, 5, 17])
def test_a_killed_fit_comes_to_the_same_candidate(job: MakeJob, tmp_path: Path, at: int):
    """Every step is kept here; the kill strikes at the end of one, the next start goes on."""
    checkpoints = tmp_path / "checkpoints"
    spec = job(checkpoint_dir=str(checkpoints))
    seconds = iter(range(0, 10**9, 30))
    whole = run(job())
    told: list[Progress] = []

    def report(progress: Progress) -> None:
        told.append(progress)
        if progress.unit == "rows" and len(told) == at + 1:
            raise Killed

    with pytest.raises(Killed):
        fit(spec, Surroundings(report, lambda: False, pytest.fail, lambda: float(next(seconds))))
    assert not list((tmp_path / "out").glob("*.partial"))
    told.clear()
    resumed = fit(spec, surroundings(told, clock=lambda: float(next(seconds))))
    assert resumed is not None
    assert (resumed.sha256, resumed.state_sha256) == (whole.sha256, whole.state_sha256)
    assert resumed.policy_loss == whole.policy_loss
    # The step that was under way at the kill is taken again, no earlier one.
    assert len([p for p in told if p.unit == "rows"]) == whole.steps - (at - 1)
    told.clear()
    again = fit(spec, surroundings(told))  # nobody had heard of the candidate: it is told again
    assert again is not None
    assert again.sha256 == whole.sha256
    assert not [p for p in told if p.unit == "rows"]
    assert fit(job(checkpoint_dir=str(checkpoints), new_rows=50), surroundings()) is not None
    assert len(list(checkpoints.iterdir())) == 1


def test_a_stopped_fit_goes_on_later(job: MakeJob, tmp_path: Path):
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 9

    spec = job(checkpoint_dir=str(tmp_path / "checkpoints"))
    assert fit(spec, surroundings(stop=stop)) is None
    told: list[Progress] = []
    resumed = fit(spec, surroundings(told, clock=iter(range(10**9)).__next__))
    assert resumed is not None
    assert resumed.sha256 == run(job()).sha256
    assert len([p for p in told if p.unit == "rows"]) < resumed.steps


def test_a_damaged_checkpoint_is_told_and_deleted(job: MakeJob, tmp_path: Path):
    checkpoints = tmp_path / "checkpoints"
    spec = job(checkpoint_dir=str(checkpoints), new_rows=50)
    stops = iter([False, False, True])
    assert fit(spec, surroundings(stop=lambda: next(stops))) is None
    (path,) = checkpoints.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FitError, match=r"is damaged and was deleted; start again\.$"):
        run(spec)
    assert run(spec).sha256 == run(job(new_rows=50)).sha256


@pytest.mark.parametrize("asked_before", [0, 3])
def test_a_stop_leaves_no_candidate(job: MakeJob, tmp_path: Path, asked_before: int):
    """`stop` is asked before each shard and each step: here at once, or after two steps."""
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > asked_before

    assert fit(job(), surroundings(stop=stop)) is None
    assert len(asked) == asked_before + 1
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_not_finite_is_one_clear_error(job: MakeJob, tmp_path: Path):
    network = initial_network(HEX8, seed=1, blocks=1, channels=16)
    with torch.no_grad():
        network.policy.weight.fill_(3e38)
    info = WeightsInfo(
        config="hex8_2p", architecture=network.architecture, parent=None, run_id="0" * 32
    )
    file = save_weights(tmp_path, network, info)
    with pytest.raises(FitError, match="at step 0: the loss is not finite; lower learning_rate"):
        run(job(parent=Weights(file.sha256, str(file.path))))
    assert not (tmp_path / "out").exists()


def test_a_loss_that_leaps_and_stays_up_is_one_clear_error(
    job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Weights are spoilt from outside after the twelfth step."""
    learn = fitting.Learner.learn

    def spoiling(learner: fitting.Learner, rate: float, rows: int) -> bool:
        if learner.rows == 12 * 64:
            with torch.no_grad():
                learner.network.policy.weight.mul_(1000)
        return learn(learner, rate, rows)

    monkeypatch.setattr("ringrift.train.monitor._FIRST_STEPS", 10)
    monkeypatch.setattr(fitting.Learner, "learn", spoiling)
    with pytest.raises(FitError, match=r"at step 15: the loss .* for 3 steps in a row; lower"):
        run(job())
    assert not (tmp_path / "out").exists()


def test_nothing_new_and_wrong_parents_are_refused(job: MakeJob, tmp_path: Path):
    with pytest.raises(FitError, match="new_rows is 0; there is nothing new"):
        run(job(new_rows=0))
    with pytest.raises(WeightsError, match="cannot be read"):
        run(job(parent=Weights("0" * 64, str(tmp_path / "absent"))))
    with pytest.raises(DatasetError, match="no full-search decision"):
        run(job(shards=()))
    with pytest.raises(WeightsError, match="is a network of hex8_2p, not of square8_2p"):
        run(job(config="square8_2p"))
    assert not (tmp_path / "out").exists()


def test_a_state_of_another_parent_or_damaged_is_refused(job: MakeJob, small_parent: Weights):
    left = after(run(job(new_rows=50)))
    with pytest.raises(FitError, match=r"belongs to weights .*, not to parent"):
        run(job(parent=small_parent, parent_state=left["parent_state"]))
    path = Path(left["parent_state"].path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="does not hash to"):
        run(job(**left))


def test_a_full_disk_leaves_earlier_files_alone(
    job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = run(job(new_rows=50))
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ringrift.train.artifacts.os.fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        run(job(new_rows=50, run_id="8" * 32, **after(first)))
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_without_a_parent_a_network_is_drawn(job: MakeJob):
    done = run(job(parent=None, new_rows=10, max_reuse=1, learning_rate=0, heads=()))
    info, network = load_weights(Path(done.path), HEX8)
    drawn = initial_network(HEX8, int("7" * 32, 16)).state_dict()
    assert info.parent is None
    assert all(torch.equal(drawn[name], tensor) for name, tensor in network.state_dict().items())


def test_too_few_rows_to_hold_a_full_search_are_told(job: MakeJob):
    """One row may be a cheap one, from which no policy can be learned or measured."""
    refused = 0
    for run_id in range(30):
        spec = msgspec.structs.replace(job(new_rows=1, max_reuse=1), run_id=f"{run_id:032x}")
        try:
            done = run(spec)
        except FitError as error:
            assert str(error).startswith("new_rows is 1; ")
            refused += 1
        else:
            assert done.rows_drawn == 1
    assert 0 < refused < 30


def test_the_rate_rises_once_and_is_constant_from_fit_to_fit(
    job: MakeJob, monkeypatch: pytest.MonkeyPatch
):
    rates: list[float] = []
    learn = fitting.Learner.learn

    def spied(learner: fitting.Learner, rate: float, rows: int) -> bool:
        rates.append(rate)
        return learn(learner, rate, rows)

    monkeypatch.setattr(fitting.Learner, "learn", spied)
    monkeypatch.setattr("ringrift.train.learner.WARM_UP_ROWS", 256)
    assert WARM_UP_ROWS > 256
    first = run(job(new_rows=100, learning_rate=0.01))
    assert rates[:5] == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01])
    rates.clear()
    run(job(new_rows=100, learning_rate=0.01, **after(first)))
    assert rates == [0.01] * len(rates)
    rates.clear()
    run(job(new_rows=100, learning_rate=0.01, parent=after(first)["parent"]))
    assert rates[0] == pytest.approx(0.0025)
