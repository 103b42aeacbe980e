"""Real child processes, well and badly behaved: each ends, and each with a reason."""

import os
import sys
from pathlib import Path

import pytest
import trio

from ringrift.node.runtime.clock import SystemClock
from ringrift.node.worker.child import DRAIN_S, Child, ChildLimits
from ringrift.wire.job import Failed, Finished, Heartbeat, JobLine, SelfplayJob, ShardWritten

FAKE = Path(__file__).parents[1] / "fake_child.py"
PATIENT = ChildLimits(silence_s=20, run_s=30, grace_s=10)


def job(directory: Path, games: int = 4) -> SelfplayJob:
    return SelfplayJob(
        config="hex8_2p", run_id="ab" * 16, games=games, out_dir=str(directory), games_per_shard=2
    )


class Heard:
    def __init__(self) -> None:
        self.pid = 0
        self.lines: list[JobLine] = []

    async def on_start(self, pid: int) -> None:
        self.pid = pid

    async def on_line(self, line: JobLine) -> None:
        self.lines.append(line)


def child(
    directory: Path,
    behaviour: str,
    limits: ChildLimits,
    pace_s: float = 0.0,
    clock: SystemClock | None = None,
) -> Child:
    command = [sys.executable, str(FAKE), behaviour, str(pace_s)]
    return Child(command, job(directory), directory, limits, clock or SystemClock())


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def run(subject: Child) -> tuple[Finished | Failed, Heard]:
    heard = Heard()
    with trio.fail_after(30):
        end = await subject.run(heard.on_start, heard.on_line)
    assert is_gone(heard.pid)
    return end, heard


async def test_a_good_child_hands_in_its_shards_and_its_result(tmp_path: Path) -> None:
    end, heard = await run(child(tmp_path, "good", PATIENT))
    assert isinstance(end, Finished)
    assert not end.partial
    shards = [line for line in heard.lines if isinstance(line, ShardWritten)]
    assert [(shard.first_game, shard.games) for shard in shards] == [(0, 2), (2, 2)]


async def test_what_a_child_said_is_heard_out_long_after_its_end(tmp_path: Path) -> None:
    # A shard that has to be sent elsewhere first keeps the lines behind it waiting.
    heard = Heard()

    async def slowly(line: JobLine) -> None:
        await trio.sleep(1.1 * DRAIN_S if isinstance(line, ShardWritten) else 0)
        await heard.on_line(line)

    with trio.fail_after(30):
        end = await child(tmp_path, "good", PATIENT).run(heard.on_start, slowly)
    assert isinstance(end, Finished)
    assert sum(isinstance(line, ShardWritten) for line in heard.lines) == 2


@pytest.mark.parametrize(
    ("behaviour", "limits", "words"),
    [
        ("garbage", PATIENT, "'Loading model... done!'"),
        ("long-line", PATIENT, "more than 65536 bytes"),
        ("crash", PATIENT, "out of coffee"),
        ("refuse", PATIENT, "games must be positive"),
        ("silent", ChildLimits(silence_s=0.3, run_s=30, grace_s=10), "said nothing for 0.3 s"),
        ("silent", ChildLimits(silence_s=20, run_s=0.5, grace_s=10), "ran for more than 0.5 s"),
        ("deaf", ChildLimits(silence_s=0.3, run_s=30, grace_s=0.3), "said nothing for 0.3 s"),
    ],
)
async def test_a_bad_child_is_ended_for_a_reason(
    tmp_path: Path, behaviour: str, limits: ChildLimits, words: str
) -> None:
    end, _ = await run(child(tmp_path, behaviour, limits))
    assert isinstance(end, Failed)
    assert words in end.reason


async def test_silence_does_not_count_while_the_clock_stands_still(tmp_path: Path) -> None:
    class Sleepy(SystemClock):
        def now(self) -> float:
            return super().now() / 20

    limits = ChildLimits(silence_s=0.5, run_s=30, grace_s=10)
    end, _ = await run(child(tmp_path, "good", limits, pace_s=0.6, clock=Sleepy()))
    assert isinstance(end, Finished)


async def test_a_stopped_child_hands_in_what_it_has(tmp_path: Path) -> None:
    subject = child(tmp_path, "good", PATIENT, pace_s=0.3)

    class StopAtFirstShard(Heard):
        async def on_line(self, line: JobLine) -> None:
            await super().on_line(line)
            if isinstance(line, ShardWritten):
                subject.stop()

    heard = StopAtFirstShard()
    with trio.fail_after(30):
        end = await subject.run(heard.on_start, heard.on_line)
    assert isinstance(end, Finished)
    assert end.partial
    assert sum(isinstance(line, ShardWritten) for line in heard.lines) == 1


async def test_a_child_stopped_before_it_could_listen_hands_in_nothing(tmp_path: Path) -> None:
    # `sleep` knows no SIGTERM handler, as a child that has not got so far.
    subject = Child(("sleep", "60"), job(tmp_path), tmp_path, PATIENT, SystemClock())

    async def on_start(_pid: int) -> None:
        subject.stop()

    with trio.fail_after(30):
        end = await subject.run(on_start, Heard().on_line)
    assert end == Finished(result=None, partial=True)


async def test_cancelling_leaves_no_process_behind(tmp_path: Path) -> None:
    heard = Heard()
    spoke = trio.Event()

    async def on_line(line: JobLine) -> None:
        assert isinstance(line, Heartbeat)
        spoke.set()

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            subject = child(tmp_path, "deaf", PATIENT)
            nursery.start_soon(subject.run, heard.on_start, on_line)
            await spoke.wait()
            nursery.cancel_scope.cancel()
    assert is_gone(heard.pid)


async def test_a_failure_of_the_listener_is_not_swallowed_and_ends_the_child(
    tmp_path: Path,
) -> None:
    heard = Heard()

    async def on_line(line: JobLine) -> None:
        raise RuntimeError("disk full")

    with trio.fail_after(30), pytest.raises(ExceptionGroup) as caught:
        await child(tmp_path, "deaf", PATIENT).run(heard.on_start, on_line)
    assert caught.group_contains(RuntimeError, match="disk full")
    assert is_gone(heard.pid)


async def test_a_command_that_cannot_run_is_an_error_of_its_own(tmp_path: Path) -> None:
    heard = Heard()
    subject = Child(["/no/such/program"], job(tmp_path), tmp_path, PATIENT, SystemClock())
    with pytest.raises(FileNotFoundError):
        await subject.run(heard.on_start, heard.on_line)
