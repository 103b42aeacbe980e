"""Compile every kernel that jobs use, once a machine, in one process at a time.

Compiling takes about two minutes on a core, and as long again for each process that does it
beside another. The first job on a machine therefore compiles everything behind a lock, telling how
far it is; the others wait for it, and every later job finds machine code on the disk.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.jit import ENGINE_FOLDER, cache_root, sources_digest
from ringrift.engine.kernels import new_scratch, write_planes
from ringrift.engine.players import BASELINES, RANDOM_NAME
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import new_state
from ringrift.engine.symmetry import symmetries_for
from ringrift.train.arena import play_match
from ringrift.train.encode import Images, image_work, write_batch, write_images
from ringrift.train.generation import Budgets, Generation, Variety
from ringrift.train.player import baseline
from ringrift.train.records import GameRecord
from ringrift.train.replay import Replayer
from ringrift.train.search.search import Budget
from ringrift.train.world import World
from ringrift.wire.job import Progress

# One specialisation serves every board, so the smallest game compiles all there is.
_CONFIG = Config("hex8", 2)
_WAIT_S = 0.5


def marker() -> Path:
    """The file that says that the kernels of these sources are compiled on this machine."""
    here = Path(__file__).parent
    digest = sources_digest(ENGINE_FOLDER, here / "search", here / "encode")
    own = os.environ["NUMBA_CACHE_DIR"]
    root = cache_root() if own == str(cache_root() / sources_digest(ENGINE_FOLDER)) else Path(own)
    return root / f"compiled-{digest[:16]}"


def compile_kernels(world: World, wait: Callable[[float], None]) -> None:
    """Return when every kernel is compiled, by this process or by the one that holds the lock.

    Asked to stop while waiting for another, it returns at once; the job then stops by itself.
    """
    done = marker()
    if done.exists():
        return
    done.parent.mkdir(parents=True, exist_ok=True)
    with done.with_suffix(".lock").open("w") as lock:
        while not _locked(lock.fileno()):
            if world.stopping():
                return
            _tell(world, 0)
            wait(_WAIT_S)
        if not done.exists():
            _compile(world)
            done.touch()


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Uniform:
    """An evaluator that knows nothing: enough to walk through every kernel of the search."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def evaluate(
        self, planes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Flat logits and even values."""
        players = self._tables.players
        logits = np.zeros((len(planes), self._tables.actions), dtype=np.float32)
        return logits, np.full((len(planes), players), 1 / players, dtype=np.float32)


def _compile(world: World) -> None:
    tables = tables_for(_CONFIG)
    games: list[GameRecord] = []
    steps: list[Callable[[], object]] = [
        lambda: _planes(tables),
        lambda: games.extend(_selfplay(tables)),
        lambda: _match(tables),
        lambda: _replay(tables, games),
    ]
    for number, step in enumerate(steps):
        _tell(world, number, len(steps))
        step()


def _tell(world: World, done: int, total: int = 4) -> None:
    world.emit(Progress(done=done, total=total, unit="kernel groups compiled", rate=None))


def _planes(tables: Tables) -> None:
    planes = np.zeros((tables.planes, tables.height, tables.width), dtype=np.float32)
    write_planes(tables, new_state(tables), planes, new_scratch(tables))


def _selfplay(tables: Tables) -> list[GameRecord]:
    budget = Budget(simulations=2, considered=2)
    play = Generation(
        tables,
        _Uniform(tables),
        Budgets(full=budget, cheap=budget, full_fraction=0.5),
        Variety(),
        run_id="0" * 32,
        source="uniform",
        games=1,
        slots=1,
    )
    games: list[GameRecord] = []
    while not play.over:
        games.extend(play.step())
    return games


def _match(tables: Tables) -> None:
    for name in BASELINES:
        play_match(
            tables,
            baseline(name, tables),
            baseline(RANDOM_NAME, tables),
            seed=0,
            openings=1,
            stopping=lambda: False,
            progress=lambda done, decisions: None,
        )


def _replay(tables: Tables, games: list[GameRecord]) -> None:
    for game in games:
        Replayer(tables).decisions(game, swap=False)
    states = new_state(tables)[None]
    images = Images(
        np.zeros((1, tables.planes, tables.height, tables.width), dtype=np.float32),
        np.zeros((1, tables.max_moves), dtype=np.int32),
        np.zeros(1, dtype=np.int32),
    )
    scratch = new_scratch(tables)
    write_batch(tables, states, images.planes, scratch)
    listed, symmetry = np.ones(1, dtype=np.bool_), np.zeros(1, dtype=np.int64)
    symmetries, work = symmetries_for(_CONFIG), image_work(tables)
    write_images(tables, symmetries, states, listed, symmetry, images, work, scratch)
