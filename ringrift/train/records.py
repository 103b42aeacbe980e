"""Shards: files of finished games with everything that training and replay need.

Inside the seal (`sealed`) is a header followed by one value a game. Moves are canonical texts, so
that any engine can replay them to the exact positions; seats are absolute. A later version adds a
decoder and never changes an old one: version 1 (`first_format`) stays readable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ringrift.train.artifacts import ArtifactError, read_artifact, write_artifact
from ringrift.train.first_format import PackedGame1
from ringrift.train.rows import DecisionRow, PackedRows, check_rows, pack_rows, unpack_rows
from ringrift.train.sealed import SealError, seal, unseal

__all__ = [
    "VERSION",
    "DecisionRow",
    "GameRecord",
    "RecordError",
    "ShardFile",
    "ShardHeader",
    "read_shard",
    "write_shard",
]

VERSION: Final = 2
_READABLE: Final = (1, 2)


class RecordError(ValueError):
    """A shard that cannot be read or written: one sentence that names it."""


@dataclass(frozen=True, slots=True, eq=False)
class GameRecord:
    """A finished game: all moves incl. forced ones, outcome, decisions.

    `number` counts the games of its run in the order in which they finished, `opened` those of the
    run that opened it (an earlier one, if the game was carried over) in the order of their start.
    `winner` is the 0-based seat, `ranking[seat]` its rank from 1. `models` chose its moves, in
    order of first use: sha256 of weights, "untrained", or a baseline's name; a baseline has no
    rows. The first `opening_turns` turns were random; None when that is not known.
    """

    number: int
    moves: tuple[str, ...]
    winner: int
    ranking: tuple[int, ...]
    rows: tuple[DecisionRow, ...]
    opened: int
    models: tuple[str, ...]
    opening_turns: int | None


class ShardHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What all games of a shard have in common.

    They are games (`run_id`, `first_game` … `first_game + games - 1`) of `config`; `source` is the
    sha256 of the weights of the run that finished them, or "untrained". The rest is the search
    budget of that run. `swap` says whether the pie rule was on.
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
    number: int
    opened: int
    opening_turns: int | None
    moves: tuple[str, ...]
    models: tuple[str, ...]
    winner: int
    ranking: tuple[int, ...]
    rows: PackedRows


class _Body(msgspec.Struct, frozen=True, array_like=True):
    header: ShardHeader
    games: tuple[_PackedGame, ...]


class _Body1(msgspec.Struct, frozen=True, array_like=True):
    header: ShardHeader
    games: tuple[PackedGame1, ...]


def write_shard(directory: Path, header: ShardHeader, games: Sequence[GameRecord]) -> ShardFile:
    """Write finished games as `<sha256>.shard`; equal games give equal bytes.

    Raises RecordError if the games are not the ones the header names or not well formed, and when
    the disk does not take them; then no part of the shard is left.
    """
    _check_games(header, games)
    content = seal(
        "shard", VERSION, msgspec.msgpack.encode(_Body(header, tuple(map(_pack, games))))
    )
    try:
        file = write_artifact(directory, "shard", lambda out: out.write(content))
    except OSError as error:
        raise RecordError(
            f"a shard cannot be written to {directory} ({error.strerror}); "
            "make room there, or choose another directory."
        ) from error
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
        version, packed = unseal("shard", read_artifact(path, sha256), _READABLE)
    except ArtifactError as error:
        raise RecordError(str(error)) from error
    except SealError as error:
        raise RecordError(f"shard {path} {error}") from error
    try:
        header, games = _decode1(packed) if version == 1 else _decode(packed)
        _check_games(header, games)
    except ValueError as error:
        raise RecordError(f"shard {path} cannot be used: {error}") from error
    return header, games


def _decode(packed: bytes) -> tuple[ShardHeader, list[GameRecord]]:
    body = msgspec.msgpack.decode(packed, type=_Body)
    return body.header, [_unpack(game) for game in body.games]


def _decode1(packed: bytes) -> tuple[ShardHeader, list[GameRecord]]:
    body = msgspec.msgpack.decode(packed, type=_Body1)
    models = (body.header.source,)
    games = [
        _unpack(_PackedGame(g.number, g.number, None, g.moves, models, g.winner, g.ranking, rows))
        for g, rows in ((game, game.rows()) for game in body.games)
    ]
    return body.header, games


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
    if game.opened < 0 or (game.opening_turns or 0) < 0:
        raise RecordError(f"game {game.number} has a start number or opening below 0.")
    try:
        check_rows(game.rows, steps=len(game.moves), players=players, models=len(game.models))
    except ValueError as error:
        raise RecordError(f"game {game.number} {error}") from error


def _pack(game: GameRecord) -> _PackedGame:
    return _PackedGame(
        number=game.number,
        opened=game.opened,
        opening_turns=game.opening_turns,
        moves=game.moves,
        models=game.models,
        winner=game.winner,
        ranking=game.ranking,
        rows=pack_rows(game.rows),
    )


def _unpack(packed: _PackedGame) -> GameRecord:
    try:
        rows = unpack_rows(packed.rows, len(packed.ranking))
    except ValueError as error:
        raise RecordError(f"game {packed.number} {error}") from error
    return GameRecord(
        number=packed.number,
        moves=packed.moves,
        winner=packed.winner,
        ranking=packed.ranking,
        rows=rows,
        opened=packed.opened,
        models=packed.models,
        opening_turns=packed.opening_turns,
    )
