"""Several processes train as one does, and a sentence ends them when the job is bad."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from ringrift.engine.config import Config
from ringrift.train.network import initial_network
from ringrift.train.records import ShardFile
from ringrift.train.weights import WeightsInfo, save_weights
from ringrift.wire.job import Failed, Finished, JobLine, TrainingDone, TrainingJob, Weights

MakeShard = Callable[..., ShardFile]
HEX8 = Config.parse("hex8_2p")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def together(program: list[str], file: Path, size: int) -> list[list[JobLine]]:
    """What each of `size` processes says, started as torchrun starts them."""
    port = free_port()
    started = [
        subprocess.Popen(
            [sys.executable, *program, str(file)],
            env=os.environ
            | {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(size),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for rank in range(size)
    ]
    said = [process.communicate(timeout=240)[0] for process in started]
    return [[msgspec.json.decode(text, type=JobLine) for text in out.splitlines()] for out in said]


@pytest.fixture
def job(make_shard: MakeShard, tmp_path: Path) -> TrainingJob:
    """50 steps of a small network."""
    shard = make_shard(tmp_path, games=20)
    network = initial_network(HEX8, seed=1, blocks=1, channels=16)
    info = WeightsInfo(
        config="hex8_2p", architecture=network.architecture, parent=None, run_id="0" * 32
    )
    parent = save_weights(tmp_path, network, info)
    return TrainingJob(
        config="hex8_2p",
        run_id="7" * 32,
        out_dir=str(tmp_path / "together"),
        shards=(Weights(shard.sha256, str(shard.path)),),
        new_rows=400,
        batch_size=32,
        parent=Weights(parent.sha256, str(parent.path)),
        export_dir=str(tmp_path / "exports"),
    )


def test_two_processes_equal_one_after_fifty_steps(job: TrainingJob, tmp_path: Path):
    found: list[TrainingDone] = []
    for size in (1, 2):
        file = tmp_path / f"{size}.json"
        out = str(tmp_path / str(size))
        file.write_bytes(msgspec.json.encode(msgspec.structs.replace(job, out_dir=out)))
        leader, *others = together(
            [str(Path(__file__).with_name("double_precision.py"))], file, size
        )
        assert others == [[]] * (size - 1)
        assert isinstance(leader[-1], Finished)
        assert isinstance(leader[-1].result, TrainingDone)
        found.append(leader[-1].result)
    one, two = found
    assert one.steps == two.steps == 50
    assert one.rows_drawn == two.rows_drawn
    assert two.policy_loss == pytest.approx(one.policy_loss, abs=1e-5)
    first, second = (load_file(done.path) for done in (one, two))
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=0, atol=1e-5, msg=name)


def test_a_file_that_is_no_job_is_one_sentence(tmp_path: Path):
    file = tmp_path / "job.json"
    file.write_text("{}")
    ((line,),) = together(["-m", "ringrift.train.together"], file, 1)
    assert isinstance(line, Failed)
    assert line.reason.startswith(f"{file} is no training job (")
