"""One shard as an NPZ file of rows: replayed once, read by every later fit.

A file says which format, engine and shard it was made with and hashes its own arrays; one that
does not fit, or is damaged, is told about and made anew. Equal shards give equal bytes.
"""

import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.jit import ENGINE_FOLDER, sources_digest
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import CELLS, COLLAPSED, ELIM, EMPTY, SEAT, STACK, TURN, Row
from ringrift.train.artifacts import write_file
from ringrift.train.dataset import FIELDS, Dataset, DatasetError, is_held_out, join
from ringrift.train.records import GameRecord, RecordError, ShardHeader, read_shard
from ringrift.train.replay import Decisions, Replayer
from ringrift.train.targets import chances_of, later_chances, replies
from ringrift.wire.job import Weights as LocalFile

VERSION = 3
_POLICY_TOLERANCE = 0.05  # a float16 is off by up to .0005 of itself


def export_path(directory: Path, shard: LocalFile) -> Path:
    """Where the export of a shard lies."""
    return directory / f"{shard.sha256}.rows.npz"


def exported(
    directory: Path, config: Config, shard: LocalFile, note: Callable[[str], None]
) -> tuple[Dataset, str]:
    """The rows of a shard and the sha256 of their arrays, from its export or made now.

    An export that is damaged or of another version is named in a `note` and replaced. Raises
    RecordError on a damaged shard, DatasetError on one of another config.
    """
    path = export_path(directory, shard)
    if path.exists():
        try:
            return read_export(path, config, shard.sha256)
        except DatasetError as error:
            note(f"{error} It is exported anew.")
    header, games = read_shard(Path(shard.path), shard.sha256)
    if header.config != config.name:
        raise DatasetError(f"{shard.path} holds games of {header.config}, not {config.name}.")
    rows = rows_of(config, header, games)
    digest = _digest(rows)
    about = json.dumps(_stamp(config, shard.sha256) | {"rows": rows.rows, "sha256": digest})
    arrays = {name: getattr(rows, name) for name in FIELDS}
    write_file(path, lambda out: np.savez_compressed(out, about=np.array(about), **arrays))
    return rows, digest


def read_export(path: Path, config: Config, shard_sha256: str) -> tuple[Dataset, str]:
    """Rows and their sha256 from a file; raises DatasetError, which names it, on any misfit."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            about = cast(dict[str, Any], json.loads(str(arrays["about"])))
            fields = {name: arrays[name] for name in FIELDS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetError(f"{path} is not a readable export ({error}).") from error
    for name, wanted in _stamp(config, shard_sha256).items():
        if about.get(name) != wanted:
            raise DatasetError(f"{path} has {name} {about.get(name)}, not {wanted}.")
    rows = Dataset(config=config.name, **fields)
    if _digest(rows) != about.get("sha256"):
        raise DatasetError(f"{path} is damaged: its arrays do not hash to what it says.")
    return rows, about["sha256"]


def rows_of(config: Config, header: ShardHeader, games: Sequence[GameRecord]) -> Dataset:
    """Replay games to their decisions; raises RecordError when one does not fit its own moves."""
    replayer = Replayer(tables_for(config))
    parts = [
        _game_rows(tables_for(config), header, game, replayer.decisions(game, swap=header.swap))
        for game in games
    ]
    return join(parts)


def _stamp(config: Config, shard_sha256: str) -> dict[str, Any]:
    # States mean what the engine's sources say: an export of other sources is none of ours.
    engine = sources_digest(ENGINE_FOLDER)
    return {"version": VERSION, "config": config.name, "shard": shard_sha256, "engine": engine}


def _digest(rows: Dataset) -> str:
    digest = sha256()
    for name in FIELDS:
        array = cast(NDArray[Any], getattr(rows, name))
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _game_rows(
    tables: Tables, header: ShardHeader, game: GameRecord, decisions: Decisions
) -> Dataset:
    players, count = tables.players, len(game.rows)
    states, final = decisions.states, decisions.final
    full = np.array([row.full for row in game.rows], dtype=np.bool_)
    values = np.array([row.root_value for row in game.rows], dtype=np.float32)
    searched = chances_of(values.reshape(count, players))
    outcome = (np.arange(players) == game.winner).astype(np.float32)
    policies = [_policy(game, decisions, i) for i in range(count)]
    sizes = [len(policy) for policy in policies]
    return Dataset(
        config=header.config,
        states=states,
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        policy=np.concatenate([np.zeros(0, np.float16), *policies]),
        full=full,
        later=later_chances(states[:, TURN].astype(np.int64), searched, outcome),
        surprise=np.array([row.surprise for row in game.rows], dtype=np.float32),
        reply=replies(states[:, SEAT].astype(np.int64), full),
        simulations=np.array([row.simulations for row in game.rows], dtype=np.int32),
        starts=np.array([0, count], dtype=np.int64),
        owner=_owners(tables, final)[None],
        eliminations=(final[None, ELIM : ELIM + players] / tables.threshold).astype(np.float32),
        ranking=np.array([game.ranking], dtype=np.int8),
        turns=np.array([final[TURN]], dtype=np.int32),
        holdout=np.array([is_held_out(header.run_id, game.number)]),
        source=np.array([header.source.encode()], dtype="S64"),
    )


def _policy(game: GameRecord, decisions: Decisions, i: int) -> NDArray[np.float16]:
    """The recorded policy of a full row, checked; empty for a cheap one."""
    row = game.rows[i]
    if not row.full:
        return np.zeros(0, np.float16)
    if len(row.policy) != len(decisions.actions[i]):
        raise RecordError(
            f"game {game.number} step {row.step}: policy of {len(row.policy)} choices, "
            f"but {len(decisions.actions[i])} are legal."
        )
    total = float(row.policy.astype(np.float64).sum())
    if not abs(total - 1) < _POLICY_TOLERANCE:
        raise RecordError(f"game {game.number} step {row.step}: policy sums to {total:.3f}, not 1.")
    return row.policy.astype(np.float16)


def _owners(tables: Tables, final: Row) -> NDArray[np.int8]:
    """[cells] 0 nobody, 1 + the seat whose territory or stack a cell is; markers own nothing."""
    content = final[CELLS : CELLS + tables.cells].astype(np.int64)
    owner = np.where(content >= STACK, content - STACK, content - COLLAPSED) + 1
    return np.where((content == EMPTY) | (content < COLLAPSED), 0, owner).astype(np.int8)
