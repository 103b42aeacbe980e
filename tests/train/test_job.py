"""The child process as its parent sees it: lines, signals, exit status."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from ringrift.train.carry import read_carry
from ringrift.train.job import Lines, SpecError, read_spec
from ringrift.train.records import read_shard
from ringrift.wire.job import (
    EvaluationDone,
    EvaluationJob,
    Failed,
    Finished,
    Heartbeat,
    JobLine,
    Progress,
    SelfplayJob,
    ShardWritten,
    TrainingDone,
    TrainingJob,
    Weights,
)

RUN = "0123456789abcdef" * 2
PATIENCE_S = 600  # kernels may have to be compiled first, on a busy machine


def selfplay(out: Path, **fields) -> SelfplayJob:
    defaults = {
        "config": "hex8_2p",
        "run_id": RUN,
        "games": 3,
        "out_dir": str(out),
        "parallel_games": 3,
        "full_simulations": 4,
        "full_considered": 2,
        "cheap_simulations": 2,
        "cheap_considered": 2,
    }
    return SelfplayJob(**(defaults | fields))


@contextmanager
def child():
    process = subprocess.Popen(
        [sys.executable, "-m", "ringrift.train.job"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    timer = threading.Timer(PATIENCE_S, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def ask(process, spec: bytes) -> None:
    process.stdin.write(spec + b"\n")
    process.stdin.flush()


def run(spec) -> tuple[int, list[JobLine], str]:
    """Exit status, lines and stderr of a job whose parent stays."""
    data = spec if isinstance(spec, bytes) else msgspec.json.encode(spec)
    with child() as process:
        ask(process, data)
        lines = [msgspec.json.decode(line, type=JobLine) for line in process.stdout]
        return process.wait(), lines, process.stderr.read().decode()


def decoded(spec: bytes):
    reader, writer = os.pipe()
    os.write(writer, spec)
    os.close(writer)
    try:
        return read_spec(reader)
    finally:
        os.close(reader)


GOOD = json.loads(msgspec.json.encode(selfplay(Path("/tmp/x"))))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"games": 0}, "games: expected `int` >= 1"),
        ({"config": "hex9_2p"}, "config: "),
        ({"run_id": "x"}, "run_id: "),
        ({"gamez": 3}, "unknown field `gamez`"),
        ({"kind": "selfpaly"}, "kind: invalid value 'selfpaly'"),
        ({"weights": {"sha256": "0" * 64}}, "weights: object missing required field `path`"),
        ({"full_fraction": "half"}, "full_fraction: expected `float`, got `str`"),
    ],
)
def test_a_bad_field_is_named_in_one_sentence(change, names):
    with pytest.raises(SpecError) as caught:
        decoded(json.dumps(GOOD | change).encode() + b"\n")
    sentence = str(caught.value)
    assert sentence.startswith("job spec: ")
    assert names in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"{",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"kind":"selfplay","config":"\xff"}\n',
        b'{"x":' + b"[" * 100_000,
        b"x" * (1 << 21),
    ],
    ids=["nothing", "blank", "cut", "list", "no text", "no text in it", "deep", "endless"],
)
def test_garbage_is_refused(text, tmp_path):
    file = tmp_path / "spec"
    file.write_bytes(text)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        with pytest.raises(SpecError):
            read_spec(descriptor)
    finally:
        os.close(descriptor)


def test_a_spec_may_be_followed_by_more():
    assert decoded(json.dumps(GOOD).encode() + b"\nmore").games == 3


def test_a_fit_may_have_very_many_shards(tmp_path: Path):
    shards = tuple(
        Weights(f"{n:064x}", f"/runs/hex8_2p/shards/{n:064x}.shard") for n in range(9_000)
    )
    asked = TrainingJob("hex8_2p", "ab" * 16, "/runs/hex8_2p/models", shards, new_rows=10)
    file = tmp_path / "spec"
    file.write_bytes(msgspec.json.encode(asked) + b"\n")
    with file.open("rb") as spec:
        assert read_spec(spec.fileno()) == asked


def test_lines_of_many_threads_stay_whole():
    reader, writer = os.pipe()
    lines = Lines(writer, clock=lambda: 0.0, unheard=pytest.fail)
    line = Progress(1, 2, "games", None, {f"figure {i}": float(i) for i in range(50)})
    threads = [
        threading.Thread(target=lambda: [lines.send(line) for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    with os.fdopen(reader) as pipe:
        got = [msgspec.json.decode(pipe.readline(), type=JobLine) for _ in range(80)]
    for thread in threads:
        thread.join()
    os.close(writer)
    assert got == [line] * 80


def test_lines_that_nobody_reads_ask_to_stop():
    reader, writer = os.pipe()
    os.close(reader)
    asked = []
    lines = Lines(writer, clock=lambda: 0.0, unheard=lambda: asked.append(True))
    lines.send(Heartbeat())
    os.close(writer)
    assert asked == [True]


def test_a_bad_spec_ends_with_status_2_and_touches_nothing(tmp_path):
    status, lines, stderr = run(json.dumps(GOOD | {"games": -1}).encode())
    assert status == 2
    assert [type(line) for line in lines] == [Failed]
    assert "games" in lines[0].reason
    assert stderr == ""


def test_a_failure_is_one_sentence_with_the_traceback_on_stderr(tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"no weights at all")
    status, lines, stderr = run(selfplay(tmp_path / "out", weights=Weights("0" * 64, str(weights))))
    assert status == 1
    assert isinstance(lines[-1], Failed)
    assert "w.safetensors" in lines[-1].reason
    assert "Traceback" not in lines[-1].reason
    assert "Traceback" in stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Selfplay, training and both kinds of evaluation, each as a child of its own."""
    out = tmp_path_factory.mktemp("loop")
    played = run(selfplay(out, games=6, games_per_shard=4, parallel_games=4, full_fraction=1.0))
    shards = [line for line in played[1] if isinstance(line, ShardWritten)]
    trained = run(
        TrainingJob(
            config="hex8_2p",
            run_id=RUN,
            out_dir=str(out),
            shards=tuple(Weights(s.sha256, s.path) for s in shards),
            new_rows=sum(s.full_rows for s in shards),
            batch_size=64,
        )
    )
    return out, played, shards, trained


def test_selfplay_runs_to_its_end(learned):
    _, (status, lines, _), shards, _ = learned
    assert status == 0
    assert sorted((s.first_game, s.games) for s in shards) == [(0, 4), (4, 2)]
    end = lines[-1]
    assert isinstance(end, Finished)
    assert not end.partial
    assert end.result.games == 6
    assert all(Path(s.path).stat().st_size == s.bytes for s in shards)


def candidate(learned) -> Weights:
    _, _, _, (status, lines, stderr) = learned
    assert status == 0, stderr
    assert isinstance(lines[-1], Finished)
    done = lines[-1].result
    assert isinstance(done, TrainingDone)
    return Weights(done.sha256, done.path)


@pytest.mark.parametrize("opponent", ["random-1", "itself"])
def test_training_makes_weights_that_can_be_evaluated(learned, opponent, tmp_path):
    weights = candidate(learned)
    status, lines, stderr = run(
        EvaluationJob(
            config="hex8_2p",
            run_id=RUN,
            out_dir=str(tmp_path),
            candidate=weights,
            opponent=weights if opponent == "itself" else opponent,
            simulations=2,
        )
    )
    assert status == 0, stderr
    done = lines[-1].result
    assert isinstance(done, EvaluationDone)
    assert len(done.blocks) == done.distinct_openings == 20
    assert done.rotations == 2
    assert done.opponent == (weights.sha256 if opponent == "itself" else "random-1")


@pytest.mark.parametrize("how", ["SIGTERM", "end of stdin"])
def test_asked_to_stop_it_hands_in_what_it_has(how, tmp_path):
    carry = tmp_path / "unfinished"
    spec = selfplay(tmp_path, games=10_000, games_per_shard=10_000, carry=str(carry))
    with child() as process:
        ask(process, msgspec.json.encode(spec))
        lines = []
        for text in process.stdout:
            lines.append(msgspec.json.decode(text, type=JobLine))
            if isinstance(lines[-1], Progress) and lines[-1].done:
                if how == "SIGTERM":
                    process.send_signal(signal.SIGTERM)
                else:
                    process.stdin.close()
                break
        lines.extend(msgspec.json.decode(text, type=JobLine) for text in process.stdout)
        assert process.wait() == 0
    shards = [line for line in lines if isinstance(line, ShardWritten)]
    end = lines[-1]
    assert isinstance(end, Finished)
    assert end.partial
    assert end.result.games == sum(s.games for s in shards) > 0
    assert end.result.carried == len(read_carry(carry, "hex8_2p")) > 0


def test_games_reach_the_disk_when_the_parent_dies(tmp_path):
    with child() as process:
        ask(process, msgspec.json.encode(selfplay(tmp_path, games=10_000, games_per_shard=10_000)))
        for text in process.stdout:
            line = msgspec.json.decode(text, type=JobLine)
            if isinstance(line, Progress) and line.done:
                break
        process.stdout.close()
        process.stdin.close()
        assert process.wait() == 0
    games = [len(read_shard(path)[1]) for path in tmp_path.glob("*.shard")]
    assert sum(games) > 0


def test_it_beats_while_it_has_nothing_to_say(learned):
    """Importing torch alone takes longer than a beat."""
    assert any(isinstance(line, Heartbeat | Progress) for line in learned[1][1])
