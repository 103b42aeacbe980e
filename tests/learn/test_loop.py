"""A whole run with children that compute nothing: started, heard, stopped, killed, gone on with."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from ringrift.learn.children import LearnError
from ringrift.learn.events import Event, Fitting, Kept, Lost, Matched, Ruled, Trained, Unplayed
from ringrift.learn.journal import Journal, read_events
from ringrift.learn.loop import Learning
from ringrift.learn.progress import progress_of
from ringrift.learn.start import StartError, founded, wished
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.worker.child import Child
from ringrift.wire.job import Failed, Finished

FAKE = Path(__file__).parent / "fake_learner.py"
LIMIT_S = 60.0


def learning(directory: Path, behaviour: str = "good", *, once: bool = False) -> Learning:
    journal = Journal(directory / "journal", time.sleep)
    return Learning(
        directory,
        journal,
        founded(journal, wished("hex8_2p", 1, None)),
        cores=2,
        clock=SystemClock(),
        limit_s=None,
        changed=lambda event: None,
        once=once,
        command=(sys.executable, str(FAKE), behaviour),
    )


def learning_events(directory: Path) -> list[Event]:
    return read_events((directory / "journal").read_bytes(), "journal")[0]


async def run_until(run: Learning, enough: int, kind: type[Event]) -> None:
    """Run until so many events of that kind have been remembered."""

    def look(_event: Event | None) -> None:
        if sum(isinstance(event, kind) for event in run.journal.events) >= enough:
            run.stop()

    run.changed = look
    with trio.fail_after(LIMIT_S):
        await run.run()
    run.journal.close()


async def test_it_plays_trains_evaluates_and_promotes(tmp_path: Path) -> None:
    run = learning(tmp_path)

    def look(_event: Event | None) -> None:
        # Which candidate is the first to be promoted depends on how fast they come.
        if run.progress.champion is not None:
            run.stop()

    run.changed = look
    with trio.fail_after(LIMIT_S):
        await run.run()
    run.journal.close()
    progress = run.progress
    promoted = [
        event.candidate
        for event in run.journal.events
        if isinstance(event, Ruled) and event.decision == "promoted"
    ]
    assert promoted == [progress.champion]
    assert progress.games == sum(e.games for e in run.journal.events if isinstance(e, Kept))
    assert {"selfplay", "training", "evaluation"} <= progress.core_s.keys()
    assert any(isinstance(event, Matched) for event in run.journal.events)
    rows = 0
    for event in run.journal.events:
        if isinstance(event, Kept):
            rows += event.full_rows
        if isinstance(event, Trained):
            assert event.seen_rows <= rows


async def test_once_ends_after_one_fit(tmp_path: Path) -> None:
    run = learning(tmp_path, once=True)
    with trio.fail_after(LIMIT_S):
        await run.run()
    assert sum(isinstance(event, Trained) for event in run.journal.events) == 1


async def test_a_second_sitting_goes_on_and_no_run_id_returns(tmp_path: Path) -> None:
    await run_until(learning(tmp_path), 1, Trained)
    again = learning(tmp_path)
    assert len(again.progress.candidates) == 1
    before = again.progress.at_s
    await run_until(again, 2, Trained)
    assert again.progress.at_s >= before
    assert again.progress.clashes == 0
    runs = [(e.run_id, e.first_game) for e in again.journal.events if isinstance(e, Kept)]
    assert len(set(runs)) == len(runs)


@pytest.mark.parametrize("kind", ["selfplay", "training"])
async def test_a_failed_child_is_one_sentence_and_nothing_is_lost(
    tmp_path: Path, kind: str
) -> None:
    run = learning(tmp_path, f"failing {kind}")
    with trio.fail_after(LIMIT_S), pytest.raises(LearnError, match="loss is nan at step 3"):
        await run.run()
    assert not any(isinstance(event, Trained) for event in run.journal.events)
    kept = [event for event in run.journal.events if isinstance(event, Kept)]
    run.journal.close()
    again = learning(tmp_path)
    assert [e for e in again.journal.events if isinstance(e, Kept)] == kept
    again.journal.close()


async def test_a_match_that_fails_leaves_its_candidate_undecided_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    run = learning(tmp_path, "failing evaluation")
    await run_until(run, 3, Trained)
    assert any(isinstance(event, Unplayed) for event in run.journal.events)
    first = run.progress.candidates[0]
    assert first.ruled is not None
    assert first.ruled.decision == "undecided"
    assert "loss is nan at step 3" in first.ruled.checks[-1][2]
    assert run.progress.champion is None


async def test_a_match_is_played_again_until_three_children_in_a_row_were_killed(
    tmp_path: Path,
) -> None:
    run = learning(tmp_path, "dying evaluation")
    await run_until(run, 1, Unplayed)
    assert len((tmp_path / "work" / "deaths").read_text().split()) >= 3
    [unplayed] = [event for event in run.journal.events if isinstance(event, Unplayed)]
    assert "SIGKILL" in unplayed.reason


async def test_the_other_cores_play_on_while_one_trains(tmp_path: Path) -> None:
    """The fit ends only when three more shards have come."""
    await run_until(learning(tmp_path, "patient training"), 2, Trained)
    events = learning_events(tmp_path)
    fits = [place for place, event in enumerate(events) if isinstance(event, Trained)]
    assert len(fits) == 2
    for end in fits:
        begun = max(n for n, event in enumerate(events[:end]) if isinstance(event, Fitting))
        assert sum(isinstance(event, Kept) for event in events[begun:end]) >= 3
        known = sum(event.full_rows for event in events[:begun] if isinstance(event, Kept))
        trained = events[end]
        assert isinstance(trained, Trained) and trained.seen_rows == known


async def test_a_fit_that_was_killed_is_taken_up_with_the_same_rows(tmp_path: Path) -> None:
    for _ in range(2):
        run = learning(tmp_path, "dying training")
        with trio.fail_after(LIMIT_S), pytest.raises(LearnError, match="training failed"):
            await run.run()
        run.journal.close()
    first, second = (tmp_path / "work" / "deaths").read_text().splitlines()
    assert first == second
    assert sum(isinstance(event, Fitting) for event in learning_events(tmp_path)) == 1


async def test_no_fit_begins_after_the_run_was_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here while the shards of its window are looked at, which takes long for many."""
    run = learning(tmp_path)
    look = Learning._look_for_losses  # pyright: ignore[reportPrivateUsage]

    async def look_and_stop(self: Learning) -> None:
        await look(self)
        self.stop()

    monkeypatch.setattr(Learning, "_look_for_losses", look_and_stop)
    with trio.fail_after(LIMIT_S):
        await run.run()
    run.journal.close()
    assert not any(isinstance(event, Fitting) for event in learning_events(tmp_path))


async def test_a_fit_that_failed_is_begun_anew_by_the_next_start(tmp_path: Path) -> None:
    run = learning(tmp_path, "failing training")
    with trio.fail_after(LIMIT_S), pytest.raises(LearnError, match="loss is nan"):
        await run.run()
    run.journal.close()
    assert run.progress.unfit == 1
    untroubled = learning(tmp_path / "other", once=True)
    again = learning(tmp_path, once=True)
    with trio.fail_after(LIMIT_S):
        await again.run()
        await untroubled.run()
    hashes = [one.progress.candidates[0].sha256 for one in (again, untroubled)]
    assert hashes[0] != hashes[1]  # the stand-in's network is made of the run id


async def test_a_full_disk_is_one_sentence_and_the_children_hand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = learning(tmp_path)
    append = run.journal.append

    def full(event: Event) -> None:
        if run.progress.games >= 16:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(event)

    monkeypatch.setattr(run.journal, "append", full)
    ended: list[Finished | Failed] = []
    converse = Child.run

    async def watched(child: Child, *asked: Any) -> Finished | Failed:
        ended.append(await converse(child, *asked))
        return ended[-1]

    monkeypatch.setattr(Child, "run", watched)
    with trio.fail_after(LIMIT_S), pytest.raises(LearnError, match="No space left"):
        await run.run()
    run.journal.close()
    assert len(ended) == 3  # that which prepared, and one a core
    assert all(isinstance(end, Finished) for end in ended)


async def test_games_of_a_missing_shard_are_told_as_lost_and_the_run_goes_on(
    tmp_path: Path,
) -> None:
    await run_until(learning(tmp_path), 1, Trained)
    kept = [e for e in learning_events(tmp_path) if isinstance(e, Kept)]
    gone, bent = (tmp_path / "shards" / f"{shard.sha256}.shard" for shard in kept[:2])
    gone.unlink()
    bent.write_text("bent")
    again = learning(tmp_path)
    rows = again.progress.full_rows
    await run_until(again, 2, Trained)
    lost = [e.sha256 for e in again.journal.events if isinstance(e, Lost)]
    assert lost == [shard.sha256 for shard in kept[:2]]
    assert again.progress.lost == sum(shard.games for shard in kept[:2])
    assert again.progress.full_rows > rows
    assert not {shard.sha256 for shard in again.progress.shards} & set(lost)


async def test_the_unfinished_games_of_a_core_that_is_gone_are_taken_up(tmp_path: Path) -> None:
    orphan, own = tmp_path / "unfinished-7.carry", tmp_path / "unfinished-0.carry"
    orphan.touch()
    own.touch()
    run = learning(tmp_path, once=True)
    with trio.fail_after(LIMIT_S):
        await run.run()
    run.journal.close()
    assert not orphan.exists()
    assert own.exists()


async def test_garbage_from_a_child_is_no_result(tmp_path: Path) -> None:
    run = learning(tmp_path, "garbage training")
    with trio.fail_after(LIMIT_S), pytest.raises(LearnError, match="no line of a job"):
        await run.run()
    assert not any(isinstance(event, Trained) for event in run.journal.events)
    run.journal.close()


def test_other_wishes_than_those_of_the_run_are_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", time.sleep)
    founded(journal, wished("hex8_2p", 1, None))
    founded(journal, wished("hex8_2p", 1, None))
    with pytest.raises(StartError, match="is there already"):
        founded(journal, wished("square8_2p", 1, None))
    with pytest.raises(StartError, match="is there already"):
        founded(journal, wished("hex8_2p", 1, 0.0), named_rate=True)
    journal.close()


@pytest.mark.parametrize(
    ("config", "rate", "words"),
    [
        ("hex9", None, "config"),
        ("hex8_2p", 2.0, "learning-rate"),
        ("hex8_2p", float("nan"), "0 to"),
    ],
)
def test_bad_wishes_are_one_sentence(config: str, rate: float | None, words: str) -> None:
    with pytest.raises(StartError, match=words):
        wished(config, 1, rate)


PARENT = """
import sys, trio
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_loop import learning
from ringrift.cli.learn import obeying
trio.run(obeying, learning(Path(sys.argv[1]), *sys.argv[2:]))
"""


def test_control_z_stops_the_children_too(tmp_path: Path) -> None:
    program = PARENT.format(tests=str(Path(__file__).parent))
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path), "endless selfplay"])
    players = tmp_path / "work" / "players"
    try:
        wait_until(lambda: players.exists() and len(players.read_text().split()) == 2)
        everyone = [parent.pid, *map(int, players.read_text().split())]
        parent.send_signal(signal.SIGTSTP)
        wait_until(lambda: statuses(everyone) == {psutil.STATUS_STOPPED})
        parent.send_signal(signal.SIGCONT)
        wait_until(lambda: psutil.STATUS_STOPPED not in statuses(everyone))
        parent.send_signal(signal.SIGINT)
        assert parent.wait(LIMIT_S) == 0
    finally:
        parent.kill()
        parent.wait()


def test_killed_at_any_moment_it_loses_no_acknowledged_game(tmp_path: Path) -> None:
    program = PARENT.format(tests=str(Path(__file__).parent))
    acknowledged: list[Kept] = []
    for kill in range(4):
        parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
        try:
            wait_for_growth(tmp_path / "journal", 20_000 * (kill + 1))
        finally:
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait()
        journal = Journal(tmp_path / "journal", time.sleep)
        kept = [event for event in journal.events if isinstance(event, Kept)]
        assert kept[: len(acknowledged)] == acknowledged
        progress = progress_of(journal.events)
        assert progress is not None
        assert progress.clashes == 0
        assert progress.games == sum(shard.games for shard in kept)
        acknowledged = kept
        journal.close()
    assert acknowledged


def statuses(pids: list[int]) -> set[str]:
    return {psutil.Process(pid).status() for pid in pids}


def wait_for_growth(path: Path, size: int) -> None:
    wait_until(lambda: path.exists() and path.stat().st_size >= size)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, "the run did not get on"
        time.sleep(0.01)
