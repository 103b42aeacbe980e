"""Training: it learns, it stops, it draws what new games pay for, and rate 0 changes nothing."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from ringrift.engine.config import Config
from ringrift.train.dataset import Dataset
from ringrift.train.fit import FitError, draw_rows, fit, rate_at
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


def job(out: Path, shard: Weights, **changes: object) -> TrainingJob:
    fields: dict[str, object] = {
        "config": "hex8_2p",
        "run_id": "7" * 32,
        "out_dir": str(out),
        "shards": (shard,),
        "new_rows": 300,
        "batch_size": 64,
    }
    return TrainingJob(**(fields | changes))  # pyright: ignore[reportArgumentType]


def run(spec: TrainingJob, told: list[Progress] | None = None) -> TrainingDone:
    done = fit(spec, [].append if told is None else told.append, lambda: False)
    assert done is not None
    return done


def test_losses_fall_from_fit_to_fit(tmp_path: Path, shard: Weights, small_parent: Weights):
    told: list[Progress] = []
    spec = job(tmp_path, shard, parent=small_parent, new_rows=500, learning_rate=0.01)
    first = run(spec, told)
    second = run(job(tmp_path, shard, parent=Weights(first.sha256, first.path), new_rows=500))
    assert second.policy_loss < first.policy_loss
    assert second.value_loss < first.value_loss
    assert first.parameters_changed
    # The labels are the winners: knowing nothing costs ln 2.
    assert second.value_loss < 0.6 < np.log(2)
    assert second.holdout_policy_loss is not None and first.holdout_policy_loss is not None
    assert told[-1].done == told[-1].total == first.rows_drawn
    assert told[-1].figures["value_loss"] > 0


def test_the_candidate_names_its_parent_and_run(
    tmp_path: Path, shard: Weights, small_parent: Weights
):
    done = run(job(tmp_path, shard, parent=small_parent))
    info, network = load_weights(Path(done.path), HEX8, done.sha256)
    assert (info.parent, info.run_id) == (small_parent.sha256, "7" * 32)
    assert network.architecture.blocks == 1
    assert (tmp_path / f"{done.dataset_sha256}.npz").exists()
    assert done.bytes == Path(done.path).stat().st_size


def test_rows_drawn_are_paid_for_by_new_rows(tmp_path: Path, shard: Weights, small_parent: Weights):
    done = run(job(tmp_path, shard, parent=small_parent, new_rows=100, max_reuse=2.5))
    assert done.rows_drawn == 250
    assert done.reuse == 2.5
    assert done.steps == 4


def test_learning_rate_zero_changes_nothing(tmp_path: Path, shard: Weights, small_parent: Weights):
    done = run(job(tmp_path, shard, parent=small_parent, learning_rate=0))
    assert not done.parameters_changed
    before = load_weights(Path(small_parent.path), HEX8)[1].state_dict()
    after = load_weights(Path(done.path), HEX8)[1].state_dict()
    for name, tensor in before.items():
        assert tensor.numpy().tobytes() == after[name].numpy().tobytes()


def test_the_same_job_gives_the_same_candidate(
    tmp_path: Path, shard: Weights, small_parent: Weights
):
    one = run(job(tmp_path / "a", shard, parent=small_parent, new_rows=100))
    two = run(job(tmp_path / "b", shard, parent=small_parent, new_rows=100))
    other = run(job(tmp_path / "c", shard, parent=small_parent, new_rows=100, run_id="8" * 32))
    assert one.sha256 == two.sha256 != other.sha256


@pytest.mark.parametrize("asked_before", [0, 3])
def test_a_stop_leaves_no_candidate(
    tmp_path: Path, shard: Weights, small_parent: Weights, asked_before: int
):
    """`stop` is asked before each shard and each step: here at once, or after two steps."""
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > asked_before

    out = tmp_path / "out"
    assert fit(job(out, shard, parent=small_parent), lambda _: None, stop) is None
    assert len(asked) == asked_before + 1
    assert not list(out.glob("*.safetensors"))


def test_a_loss_that_is_not_finite_is_one_clear_error(tmp_path: Path, shard: Weights):
    network = initial_network(HEX8, seed=1, blocks=1, channels=16)
    with torch.no_grad():
        network.policy.weight.fill_(3e38)
    info = WeightsInfo(
        config="hex8_2p", architecture=network.architecture, parent=None, run_id="0" * 32
    )
    file = save_weights(tmp_path, network, info)
    out = tmp_path / "out"
    with pytest.raises(FitError, match="the loss is not finite at step 0; lower learning_rate"):
        run(job(out, shard, parent=Weights(file.sha256, str(file.path))))
    assert not list(out.glob("*.safetensors"))


def test_nothing_new_and_a_wrong_parent_are_refused(tmp_path: Path, shard: Weights):
    with pytest.raises(FitError, match="new_rows is 0; there is nothing new"):
        run(job(tmp_path, shard, new_rows=0))
    with pytest.raises(WeightsError, match="cannot be read"):
        run(job(tmp_path, shard, parent=Weights("0" * 64, str(tmp_path / "absent"))))
    assert list(tmp_path.iterdir()) == []


def test_without_a_parent_a_network_is_drawn(tmp_path: Path, shard: Weights):
    done = run(job(tmp_path, shard, new_rows=10, max_reuse=1, learning_rate=0))
    info, network = load_weights(Path(done.path), HEX8)
    drawn = initial_network(HEX8, int("7" * 32, 16)).state_dict()
    assert info.parent is None
    assert all(torch.equal(drawn[name], tensor) for name, tensor in network.state_dict().items())


def test_too_few_rows_to_hold_a_full_search_are_told(
    tmp_path: Path, shard: Weights, small_parent: Weights
):
    """One row may be a cheap one, from which no policy can be learned or measured."""
    refused = 0
    for run_id in range(8):
        spec = job(tmp_path, shard, parent=small_parent, new_rows=1, max_reuse=1)
        try:
            done = run(msgspec.structs.replace(spec, run_id=f"{run_id:032x}"))
        except FitError as error:
            assert str(error).startswith("new_rows is 1; ")
            refused += 1
        else:
            assert done.rows_drawn == 1
    assert 0 < refused < 8


def rows(full: int, cheap: int, held: int) -> Dataset:
    """A dataset of which only the flags matter; the last `held` rows of each kind are held out."""
    count = full + cheap
    place = np.arange(count)
    is_full = place < full
    return Dataset(
        config="hex8_2p",
        states=np.zeros((count, 1), np.int16),
        offsets=np.zeros(count + 1, np.int64),
        actions=np.zeros(0, np.int32),
        policy=np.zeros(0, np.float32),
        full=is_full,
        outcomes=np.zeros((count, 2), np.float32),
        root_values=np.zeros((count, 2), np.float32),
        holdout=np.where(is_full, place >= full - held, place >= count - held),
    )


def test_draws_are_every_full_row_and_a_quarter_of_the_cheap_ones():
    data = rows(full=100, cheap=300, held=10)
    drawn = draw_rows(data, 6 * 162, seed=1)
    counts = np.bincount(drawn, minlength=400)
    assert len(drawn) == 6 * 162
    assert not counts[data.holdout].any()
    full = counts[data.full & ~data.holdout]
    assert full.min() >= 5 and full.max() <= 7
    cheap = counts[~data.full & ~data.holdout]
    assert 0.2 < cheap.mean() / full.mean() < 0.3


def test_draws_need_a_full_row_to_learn_from():
    with pytest.raises(FitError, match="no full-search decision"):
        draw_rows(rows(full=5, cheap=20, held=5), 10, seed=1)


def test_the_rate_rises_then_falls_to_a_tenth():
    rates = [rate_at(step, 100, 1.0) for step in range(100)]
    peak = int(np.argmax(rates))
    assert 5 <= peak <= 12
    assert rates[0] < 0.2 and rates[-1] == pytest.approx(0.1, abs=0.02)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rate_at(0, 1, 0.5) == 0.5
