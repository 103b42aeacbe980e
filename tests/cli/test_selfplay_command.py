"""`ringrift selfplay`: what it plays, shows and keeps, and how it refuses."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringrift.cli import selfplay as verb
from ringrift.cli.selfplay import LiveView, selfplay
from ringrift.engine.config import Config
from ringrift.train.network import initial_network
from ringrift.train.records import read_shard
from ringrift.train.weights import WeightsInfo, save_weights
from ringrift.wire.job import Progress, SelfplayJob

CARRY = "unfinished-hex8_2p.carry"
SMALL = {"simulations": 4, "parallel": 3, "seed": 1}


@pytest.fixture(autouse=True)
def keep_the_tests_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringrift.train.job.give_way", lambda threads: None)


def refused(capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    with pytest.raises(SystemExit) as ended:
        selfplay(**options)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    *progress, sentence = told.err.splitlines()
    assert all(line.startswith("hex8_2p  ") for line in progress)
    return sentence


def test_the_seed_decides_the_games_and_a_second_call_plays_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "other", "one"):
        selfplay(out=tmp_path / name, games=2, as_json=True, **SMALL)
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["games"], first["shards"], first["unfinished"]) == (2, 1, 0)
    assert (first["source"], first["seed"]) == ("untrained", 1)
    assert first | {"seconds": 0} == second | {"seconds": 0}
    assert third["run_id"] != first["run_id"]
    [shard] = (tmp_path / "other").iterdir()
    header, games = read_shard(shard, shard.stem)
    assert (header.full_simulations, header.cheap_simulations, len(games)) == (4, 2, 2)
    both = {path.name for path in (tmp_path / "one").iterdir()}
    assert len(both) == 2 and shard.name in both


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_unfinished_games_for_the_next_call(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    lines = iter(range(10**6))

    class Interrupted(LiveView):
        def take(self, line: Any) -> None:
            super().take(line)
            if next(lines) == 0:
                os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    monkeypatch.setattr(verb, "LiveView", Interrupted)
    monkeypatch.setattr("ringrift.train.pace.INTERVAL_S", 0.05)
    selfplay(out=tmp_path, games=1000, **SMALL)
    assert signal.getsignal(number) is before
    told = capsys.readouterr().out
    assert "unfinished games are kept" in told
    assert (tmp_path / CARRY).exists()
    selfplay(out=tmp_path, games=3, **SMALL)
    assert not (tmp_path / CARRY).exists()
    assert sum(len(read_shard(path)[1]) for path in tmp_path.glob("*.shard")) >= 3


def test_minutes_end_by_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    selfplay(out=tmp_path, minutes=0.0005, as_json=True, **SMALL)
    assert json.loads(capsys.readouterr().out)["unfinished"] == 3


def test_requests_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert "either --games N or --minutes M." in refused(capsys, out=out)
    assert "either --games N or --minutes M." in refused(capsys, out=out, games=1, minutes=1.0)
    assert "--games: expected `int` >= 1" in refused(capsys, out=out, games=0)
    assert "--minutes is 0" in refused(capsys, out=out, minutes=0.0)
    assert "--simulations" in refused(capsys, out=out, games=1, simulations=1)
    assert "--parallel" in refused(capsys, out=out, games=1, parallel=0)
    assert "config 'hex9'" in refused(capsys, out=out, games=1, config="hex9")
    assert "cannot be read" in refused(capsys, out=out, games=1, model=tmp_path / "absent")
    assert not out.exists()
    (tmp_path / "file").write_text("")
    assert "Not a directory" in refused(capsys, out=tmp_path / "file" / "x", games=1)


def test_a_model_of_another_board_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Config.parse("square8_2p")
    network = initial_network(config, 0)
    info = WeightsInfo(
        config=config.name, architecture=network.architecture, parent=None, run_id="0" * 32
    )
    model = save_weights(tmp_path, network, info).path
    assert "square8_2p" in refused(capsys, out=tmp_path / "out", games=1, model=model, **SMALL)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    assert "No space left" in refused(capsys, out=tmp_path, games=1, **SMALL)
    assert list(tmp_path.iterdir()) == []


JOB = SelfplayJob(config="hex8_2p", run_id="0" * 32, games=1_200, out_dir="out")


def progress(done: int, rate: float | None) -> Progress:
    return Progress(
        done, 1_200, "games", rate, {"decisions_per_s": 250.4, "evaluations_per_s": 9_800.2}
    )


def shown(*, live: bool, ends_at: float | None, clock: Callable[[], float]) -> str:
    stream = io.StringIO()
    view = LiveView(JOB, stream, clock, live=live)
    view.ends_at = ends_at
    view.take(Progress(1, 4, "kernel groups compiled", None))
    for done in range(0, 1_000, 100):
        view.take(progress(done, 5.0))
    view.close()
    return stream.getvalue()


def test_plain_lines_come_every_ten_seconds() -> None:
    seconds = iter(range(0, 1_000, 5))
    lines = shown(live=False, ends_at=None, clock=lambda: next(seconds)).splitlines()
    assert lines[0] == "compiling the rules, once on this machine: 1 of 4 parts"
    assert lines[1] == (
        "hex8_2p  100 of 1,200 games  5.00 games/s  250 decisions/s  9,800 evaluations/s  ETA 3 min"
    )
    assert len(lines) == 6


def test_one_line_changes_at_a_terminal_and_counts_down() -> None:
    told = shown(live=True, ends_at=95.0, clock=lambda: 90.0)
    assert told.count("\n") == 1 and told.endswith("\n")
    assert "hex8_2p  900 games" in told.split("\r\x1b[2K")[-1]
    assert LiveView(JOB, io.StringIO(), lambda: 0.0, live=True).close() is None


def test_it_is_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from ringrift.cli.main import main; main()"]
    done = subprocess.run(
        [
            *command,
            "selfplay",
            "--games",
            "1",
            "--simulations",
            "2",
            "--out",
            str(tmp_path),
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["games"] == 1
