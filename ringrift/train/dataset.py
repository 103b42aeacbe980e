"""From shards to rows of training: an NPZ file of the newest decisions with their targets.

Positions are kept as engine rows and become planes batch by batch, which is an order of magnitude
smaller than planes and leaves the encoding out of the file. Equal shards give equal bytes.
"""

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.engine.state import SEAT
from ringrift.train.artifacts import Artifact, ArtifactError, check_artifact, write_artifact
from ringrift.train.records import GameRecord, RecordError, ShardHeader, read_shard
from ringrift.train.replay import Decisions, Replayer
from ringrift.wire.job import Weights as LocalFile

VERSION = 1
HOLDOUT_SHARE = 0.05
_POLICY_TOLERANCE = 0.05  # a float16 is off by up to .0005 of itself


class DatasetError(ValueError):
    """A dataset that cannot be built or read: one sentence that names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Decisions of whole games, oldest first.

    `states` int16[N, state_size]; per row its policy target by policy index,
    `actions` int32[M] and `policy` float32[M] (sum 1 a full row), both cut by `offsets` int64[N+1];
    cheap rows (`full` bool[N] false) have none. `outcomes` float32[N, players] is one-hot for the
    winner, `root_values` float32[N, players] what search expected, both relative to the mover.
    `holdout` bool[N] marks the rows of games that no fit may learn from.
    """

    config: str
    states: NDArray[np.int16]
    offsets: NDArray[np.int64]
    actions: NDArray[np.int32]
    policy: NDArray[np.float32]
    full: NDArray[np.bool_]
    outcomes: NDArray[np.float32]
    root_values: NDArray[np.float32]
    holdout: NDArray[np.bool_]

    @property
    def rows(self) -> int:
        return len(self.states)


_ARRAYS = (
    "states",
    "offsets",
    "actions",
    "policy",
    "full",
    "outcomes",
    "root_values",
    "holdout",
)


def is_held_out(run_id: str, number: int) -> bool:
    """Whether a game is kept from learning: the same answer in every fit, for 1 game in 20."""
    digest = sha256(f"{run_id} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "little") < HOLDOUT_SHARE * 2**64


def build_dataset(
    directory: Path,
    config: Config,
    shards: Sequence[LocalFile],
    *,
    window_rows: int,
    progress: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> Artifact | None:
    """Write `<sha256>.npz` from `shards` (oldest first): whole games of the newest `window_rows`.

    `progress(rows, window_rows)` is called after each shard, `stop()` before it; None when it says
    so. Raises RecordError on a damaged shard, DatasetError when a shard is of another config or
    there is nothing to learn from.
    """
    replayer = Replayer(tables_for(config))
    parts: list[Dataset] = []
    rows = 0
    for shard in reversed(shards):
        if stop():
            return None
        header, games = read_shard(Path(shard.path), shard.sha256)
        if header.config != config.name:
            raise DatasetError(f"{shard.path} holds games of {header.config}, not {config.name}.")
        for game in reversed(games):
            if rows and rows + len(game.rows) > window_rows:
                return _write(directory, _joined(config, parts))
            parts.append(_rows_of(replayer, header, game))
            rows += len(game.rows)
        progress(min(rows, window_rows), window_rows)
    if not rows:
        raise DatasetError("shards hold no decisions; play games before training.")
    return _write(directory, _joined(config, parts))


def read_dataset(path: Path, sha256: str) -> Dataset:
    """The rows of a file, which must hash to `sha256`; raises DatasetError."""
    try:
        check_artifact(path, sha256)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = cast(dict[str, Any], json.loads(str(arrays["about"])))
            fields = {name: arrays[name] for name in _ARRAYS}
    except ArtifactError as error:
        raise DatasetError(str(error)) from error
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} is not a readable dataset ({error}).") from error
    if about["version"] != VERSION:
        raise DatasetError(
            f"{path} has dataset version {about['version']}; this ringrift reads {VERSION}."
        )
    return Dataset(config=about["config"], **fields)


def _rows_of(replayer: Replayer, header: ShardHeader, game: GameRecord) -> Dataset:
    decisions = replayer.decisions(game, swap=header.swap)
    players = len(game.ranking)
    mover = decisions.states[:, SEAT].astype(np.int64)
    seats = (mover[:, None] + np.arange(players)) % players
    root_values = np.array([row.root_value for row in game.rows], dtype=np.float32)
    targets = [_policy_target(game, decisions, i) for i in range(len(game.rows))]
    sizes = [len(actions) for actions, _ in targets]
    return Dataset(
        config=header.config,
        states=decisions.states,
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        actions=np.concatenate([np.zeros(0, np.int32), *(a for a, _ in targets)]),
        policy=np.concatenate([np.zeros(0, np.float32), *(p for _, p in targets)]),
        full=np.array([row.full for row in game.rows], dtype=np.bool_),
        outcomes=(seats == game.winner).astype(np.float32),
        root_values=np.take_along_axis(root_values.reshape(-1, players), seats, axis=1),
        holdout=np.full(len(game.rows), is_held_out(header.run_id, game.number)),
    )


def _policy_target(
    game: GameRecord, decisions: Decisions, i: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The policy index and target of each choice; empty for cheap rows."""
    row = game.rows[i]
    if not row.full:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    if len(row.policy) != len(decisions.actions[i]):
        raise RecordError(
            f"game {game.number} step {row.step}: policy of {len(row.policy)} choices, "
            f"but {len(decisions.actions[i])} are legal."
        )
    policy = row.policy.astype(np.float64)
    total = float(policy.sum())
    if not abs(total - 1) < _POLICY_TOLERANCE:
        raise RecordError(f"game {game.number} step {row.step}: policy sums to {total:.3f}, not 1.")
    return decisions.actions[i], (policy / total).astype(np.float32)


def _joined(config: Config, newest_first: Sequence[Dataset]) -> Dataset:
    parts = newest_first[::-1]
    starts = np.cumsum([0] + [part.offsets[-1] for part in parts])
    offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _ARRAYS
        if name != "offsets"
    }
    return Dataset(
        config=config.name,
        offsets=np.concatenate([*offsets, starts[-1:]]).astype(np.int64),
        **joined,
    )


def _write(directory: Path, dataset: Dataset) -> Artifact:
    about = json.dumps({"version": VERSION, "config": dataset.config, "rows": dataset.rows})
    arrays = {name: getattr(dataset, name) for name in _ARRAYS}
    return write_artifact(
        directory, "npz", lambda out: np.savez(out, about=np.array(about), **arrays)
    )
