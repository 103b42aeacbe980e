"""Kernels are compiled by one process at a time, and a waiting one can be stopped."""

import fcntl
from pathlib import Path

import pytest

from ringrift.train import warm
from ringrift.train.world import World
from ringrift.wire.job import JobLine, Progress


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mark = tmp_path / "cache" / "compiled-0"
    monkeypatch.setattr(warm, "marker", lambda: mark)
    return mark


def world_of(lines: list[JobLine], stops: list[bool]) -> World:
    return World(lambda: 0.0, lines.append, lambda: stops.pop(0))


def test_the_first_job_compiles_and_the_next_finds_it_done(place: Path) -> None:
    lines: list[JobLine] = []
    warm.compile_kernels(world_of(lines, []), lambda _: None)
    assert [line.done for line in lines if isinstance(line, Progress)] == [0, 1, 2, 3]
    assert place.exists()
    lines.clear()
    warm.compile_kernels(world_of(lines, []), lambda _: None)
    assert lines == []


def test_a_second_job_waits_says_so_and_obeys_a_stop(place: Path) -> None:
    place.parent.mkdir()
    lines: list[JobLine] = []
    waits: list[float] = []
    with place.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        warm.compile_kernels(world_of(lines, [False, False, True]), waits.append)
    assert len(lines) == len(waits) == 2
    assert not place.exists()
