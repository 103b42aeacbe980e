"""Shards: files of finished games with everything that training and replay need.

A file is MAGIC, the format version (u16), the sha256 of version and body, and the body: a zstandard
frame around a msgpack header followed by one msgpack value a game, all little-endian. Moves are
canonical texts, so that any engine can replay them to the exact positions; seats are absolute.
Version 1 stays readable: a later version adds a decoder and never changes this one.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from ringrift.train.artifacts import ArtifactError, read_artifact, write_artifact

VERSION = 1
_MAGIC = b"RRSHARD\n"
_PREFIX = struct.Struct("<8sH32s")
_LEVEL = 10
_LARGEST_BODY = 1 << 30


class RecordError(ValueError):
    """A shard that cannot be read or written: one sentence that names it."""


@dataclass(frozen=True, slots=True, eq=False)
class DecisionRow:
    """One decision (>= 2 legal choices) that search made.

    `step` indexes the record's moves: the chosen one, or that of which a part was chosen. Per
    choice in the engine's order: its
    policy index `actions` int32[k], the improved policy `policy` float16[k] (sum 1) and `visits`
    int32[k]; cheap decisions may leave these three empty. `root_value` and `raw_value` float32
    [players] are the utility in [0, 1] of each absolute seat after search and by the bare network.
    """

    step: int
    full: bool
    actions: NDArray[np.int32]
    policy: NDArray[np.float16]
    visits: NDArray[np.int32]
    root_value: NDArray[np.float32]
    raw_value: NDArray[np.float32]
    simulations: int


@dataclass(frozen=True, slots=True, eq=False)
class GameRecord:
    """A finished game: its number in its run, all moves incl. forced ones, outcome, decisions.

    `winner` is the 0-based seat, `ranking[seat]` its rank from 1.
    """

    number: int
    moves: tuple[str, ...]
    winner: int
    ranking: tuple[int, ...]
    rows: tuple[DecisionRow, ...]


class ShardHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What all games of a shard have in common.

    They are games (`run_id`, `first_game` … `first_game + games - 1`) of `config`; `source` is the
    sha256 of the weights that played, or "untrained". The rest is the search budget. `swap` says
    whether the pie rule was on.
    """

    config: str
    run_id: str
    first_game: int
    games: int
    source: str
    full_simulations: int
    full_considered: int
    cheap_simulations: int
    cheap_considered: int
    full_fraction: float
    swap: bool = False


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A written shard and what it holds."""

    path: Path
    sha256: str
    bytes: int
    games: int
    decisions: int
    full_rows: int
    steps: int


class _PackedGame(msgspec.Struct, frozen=True, array_like=True):
    """A game by columns: numbers of all rows one after the other, `choices` per row."""

    number: int
    moves: tuple[str, ...]
    winner: int
    ranking: tuple[int, ...]
    steps: bytes
    full: bytes
    simulations: bytes
    choices: bytes
    actions: bytes
    policy: bytes
    visits: bytes
    root_values: bytes
    raw_values: bytes


class _Body(msgspec.Struct, frozen=True, array_like=True):
    header: ShardHeader
    games: tuple[_PackedGame, ...]


def write_shard(directory: Path, header: ShardHeader, games: Sequence[GameRecord]) -> ShardFile:
    """Write finished games as `<sha256>.shard`; equal games give equal bytes.

    Raises RecordError if the games are not the ones the header names, or not well formed.
    """
    _check_games(header, games)
    packed = msgspec.msgpack.encode(_Body(header, tuple(map(_pack, games))))
    body = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(packed)
    file = write_artifact(directory, "shard", lambda out: out.write(_seal(VERSION, body)))
    return ShardFile(
        file.path,
        file.sha256,
        file.bytes,
        games=len(games),
        decisions=sum(len(game.rows) for game in games),
        full_rows=sum(row.full for game in games for row in game.rows),
        steps=sum(len(game.moves) for game in games),
    )


def read_shard(path: Path, sha256: str | None = None) -> tuple[ShardHeader, list[GameRecord]]:
    """Header and games of a shard, which must hash to `sha256` where that is given.

    Raises RecordError, one sentence, on any damage; memory is bounded by 1 GiB of unpacked body.
    """
    try:
        content = read_artifact(path, sha256)
    except ArtifactError as error:
        raise RecordError(str(error)) from error
    body = _unseal(path, content)
    try:
        if zstandard.get_frame_parameters(body).content_size > _LARGEST_BODY:
            raise RecordError(f"it unpacks to more than {_LARGEST_BODY} bytes.")
        packed = zstandard.ZstdDecompressor().decompress(body, max_output_size=_LARGEST_BODY)
        shard = msgspec.msgpack.decode(packed, type=_Body)
        games = [_unpack(game) for game in shard.games]
        _check_games(shard.header, games)
    except (zstandard.ZstdError, ValueError) as error:
        raise RecordError(f"shard {path} cannot be used: {error}") from error
    return shard.header, games


def _seal(version: int, body: bytes) -> bytes:
    digest = hashlib.sha256(version.to_bytes(2, "little") + body).digest()
    return _PREFIX.pack(_MAGIC, version, digest) + body


def _unseal(path: Path, content: bytes) -> bytes:
    if len(content) < _PREFIX.size or not content.startswith(_MAGIC):
        raise RecordError(f"{path} is not a ringrift shard, or only its beginning.")
    _, version, digest = _PREFIX.unpack_from(content)
    body = content[_PREFIX.size :]
    if hashlib.sha256(version.to_bytes(2, "little") + body).digest() != digest:
        raise RecordError(f"shard {path} is damaged: its checksum does not hold; fetch it again.")
    if version != VERSION:
        raise RecordError(
            f"shard {path} has format version {version}; this ringrift reads {VERSION}: upgrade it."
        )
    return body


def _check_games(header: ShardHeader, games: Sequence[GameRecord]) -> None:
    if not games or len(games) != header.games:
        raise RecordError(f"it holds {len(games)} games, its header says {header.games}.")
    for offset, game in enumerate(games):
        if game.number != header.first_game + offset:
            raise RecordError(f"it has game {game.number} instead of {header.first_game + offset}.")
        _check(game)


def _check(game: GameRecord) -> None:
    players = len(game.ranking)
    if not 0 <= game.winner < players:
        raise RecordError(f"game {game.number} has winner {game.winner} of {players} seats.")
    last = -1
    for row in game.rows:
        if not last <= row.step < len(game.moves):
            raise RecordError(f"game {game.number} has a decision at step {row.step} out of order.")
        last = row.step
        if not len(row.actions) == len(row.policy) == len(row.visits):
            raise RecordError(f"game {game.number} step {row.step}: choices of unequal number.")
        if not len(row.root_value) == len(row.raw_value) == players:
            raise RecordError(f"game {game.number} step {row.step}: values for the wrong seats.")
        if row.full and not len(row.actions):
            raise RecordError(f"game {game.number} step {row.step}: a full search without policy.")


def _pack(game: GameRecord) -> _PackedGame:
    rows = game.rows
    return _PackedGame(
        game.number,
        game.moves,
        game.winner,
        game.ranking,
        steps=np.array([row.step for row in rows], dtype="<i4").tobytes(),
        full=np.array([row.full for row in rows], dtype="u1").tobytes(),
        simulations=np.array([row.simulations for row in rows], dtype="<i4").tobytes(),
        choices=np.array([len(row.actions) for row in rows], dtype="<i4").tobytes(),
        actions=b"".join(row.actions.astype("<i4").tobytes() for row in rows),
        policy=b"".join(row.policy.astype("<f2").tobytes() for row in rows),
        visits=b"".join(row.visits.astype("<i4").tobytes() for row in rows),
        root_values=b"".join(row.root_value.astype("<f4").tobytes() for row in rows),
        raw_values=b"".join(row.raw_value.astype("<f4").tobytes() for row in rows),
    )


def _unpack(packed: _PackedGame) -> GameRecord:
    players = len(packed.ranking)
    steps = np.frombuffer(packed.steps, "<i4")
    full = np.frombuffer(packed.full, "u1")
    simulations = np.frombuffer(packed.simulations, "<i4")
    choices = np.frombuffer(packed.choices, "<i4")
    root_values = np.frombuffer(packed.root_values, "<f4").reshape(len(steps), players)
    raw_values = np.frombuffer(packed.raw_values, "<f4").reshape(len(steps), players)
    ends = np.cumsum(choices)
    actions = np.frombuffer(packed.actions, "<i4")
    policy = np.frombuffer(packed.policy, "<f2")
    visits = np.frombuffer(packed.visits, "<i4")
    if not len(steps) == len(full) == len(simulations) == len(choices):
        raise RecordError(f"game {packed.number} has columns of unequal length.")
    total = int(choices.sum())
    if np.any(choices < 0) or not len(actions) == len(policy) == len(visits) == total:
        raise RecordError(f"game {packed.number} has choices that do not add up.")
    rows = tuple(
        DecisionRow(
            int(steps[i]),
            bool(full[i]),
            actions[ends[i] - choices[i] : ends[i]],
            policy[ends[i] - choices[i] : ends[i]],
            visits[ends[i] - choices[i] : ends[i]],
            root_values[i],
            raw_values[i],
            int(simulations[i]),
        )
        for i in range(len(steps))
    )
    return GameRecord(packed.number, packed.moves, packed.winner, packed.ranking, rows)
