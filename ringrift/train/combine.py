"""The newest games of many shards as one dataset in memory: the window of a fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from ringrift.engine.config import Config
from ringrift.train.dataset import Dataset, DatasetError, join, newest
from ringrift.train.export import export_path, exported
from ringrift.wire.job import Weights as LocalFile

# Joining holds a dataset twice for a moment.
MOST_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Combined:
    """A dataset and the sha256 that names its games: equal for equal games of equal shards."""

    dataset: Dataset
    sha256: str


def combine(
    directory: Path,
    config: Config,
    shards: Sequence[LocalFile],
    *,
    window_rows: int,
    progress: Callable[[int, int], None],
    stop: Callable[[], bool],
    note: Callable[[str], None],
) -> Combined | None:
    """Whole games of `shards` (oldest first) with the newest `window_rows` full-search rows.

    At least one game, and at most `MOST_BYTES` in all, which a `note` tells where it cuts the
    window. Exports lie in `directory`; `progress(full rows, window_rows)` is called after each
    shard, `stop()` before it; None when it says so. Raises RecordError on a damaged shard,
    DatasetError when one is of another config or there is nothing to learn from.
    """
    parts: list[Dataset] = []
    name = sha256(config.name.encode())
    rows = size = 0
    for shard in reversed(shards):
        if stop():
            return None
        whole, digest = exported(directory, config, shard, note)
        games = _fitting(whole, window_rows - rows, at_least=0 if parts else 1)
        size += whole.states.nbytes + whole.policy.nbytes
        if parts and size > MOST_BYTES:
            note(f"The window is cut at {rows} full-search rows: more do not fit in memory.")
            break
        if games:
            parts.append(newest(whole, games))
            name.update(f"\n{digest} {games}".encode())
            rows += parts[-1].full_rows
        progress(min(rows, window_rows), window_rows)
        if games < whole.games:
            break
    if not rows:
        raise DatasetError("shards hold no full-search decision to learn from; play more games.")
    return Combined(join(parts[::-1]), name.hexdigest())


def forget_exports(directory: Path, shards: Sequence[LocalFile]) -> None:
    """Delete the exports in `directory` of all shards but these; another fit makes them anew."""
    kept = {export_path(directory, shard) for shard in shards}
    for path in directory.glob("*.rows.npz"):
        if path not in kept:
            path.unlink(missing_ok=True)


def _fitting(data: Dataset, room: int, at_least: int) -> int:
    """How many of the newest games have at most `room` full rows, but not fewer than one wants."""
    before = np.concatenate([[0], np.cumsum(data.full)])
    full = np.diff(before[data.starts])
    within = int((np.cumsum(full[::-1]) <= room).sum())
    return max(within, min(at_least, data.games))
