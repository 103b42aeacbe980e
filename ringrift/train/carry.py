"""Games that a run leaves unfinished and a later one plays on: one sealed file of them.

The file is removed as soon as it is read, so that no game can go on twice. Whatever kills a run in
between costs unfinished games only, never one that was handed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ringrift.train.artifacts import sync_directory, write_artifact
from ringrift.train.rows import DecisionRow, PackedRows, check_rows, pack_rows, unpack_rows
from ringrift.train.sealed import SealError, seal, unseal

VERSION: Final = 1
_SEATS_AT: Final = -2  # the place of the number of seats in a config's name


class CarryError(ValueError):
    """Unfinished games that cannot be read or written: one sentence that names the file."""


class Opponent(msgspec.Struct, frozen=True, array_like=True):
    """The baseline, by name and version, that plays one seat of a game."""

    seat: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Unfinished:
    """A game up to its last whole move, and what its future depends on.

    `seed` is what its generator began from, `rng` the state of the generator at that point; the
    other fields are those of `GameRecord`.
    """

    opened: int
    moves: tuple[str, ...]
    rows: tuple[DecisionRow, ...]
    models: tuple[str, ...]
    opening_turns: int
    opponent: Opponent | None
    seed: int
    rng: int


class _PackedGame(msgspec.Struct, frozen=True, array_like=True):
    opened: int
    moves: tuple[str, ...]
    rows: PackedRows
    models: tuple[str, ...]
    opening_turns: int
    opponent: Opponent | None
    seed: int
    rng: int


class _Body(msgspec.Struct, frozen=True, array_like=True):
    config: str
    games: tuple[_PackedGame, ...]


def write_carry(path: Path, config: str, games: Sequence[Unfinished]) -> None:
    """Replace the file at `path` by these games of `config`, whole or not at all.

    Raises CarryError when the disk does not take them.
    """
    content = seal(
        "carry", VERSION, msgspec.msgpack.encode(_Body(config, tuple(map(_pack, games))))
    )
    try:
        write_artifact(path.parent, "carry", lambda out: out.write(content)).path.replace(path)
    except OSError as error:
        raise CarryError(
            f"{len(games)} unfinished games cannot be written to {path} ({error.strerror}); "
            "make room there, or choose another file."
        ) from error


def read_carry(path: Path, config: str) -> list[Unfinished]:
    """The games in the file at `path`.

    Raises CarryError when it is damaged, of another config, or holds games that cannot be.
    """
    try:
        _, packed = unseal("carry", path.read_bytes(), (VERSION,))
        body = msgspec.msgpack.decode(packed, type=_Body)
        if body.config != config:
            raise CarryError(f"{path} holds unfinished games of {body.config}, not of {config}.")
        return [_unpack(game, int(config[_SEATS_AT])) for game in body.games]
    except OSError as error:
        raise CarryError(f"{path} cannot be read ({error.strerror}).") from error
    except SealError as error:
        raise CarryError(f"{path} {error}") from error
    except CarryError:
        raise
    except ValueError as error:
        raise CarryError(f"{path} holds a game that cannot be: {error}") from error


def remove_carry(path: Path) -> None:
    """Remove the file for good: also after a loss of power its games do not come back."""
    path.unlink()
    sync_directory(path.parent)


def _pack(game: Unfinished) -> _PackedGame:
    return _PackedGame(
        opened=game.opened,
        moves=game.moves,
        rows=pack_rows(game.rows),
        models=game.models,
        opening_turns=game.opening_turns,
        opponent=game.opponent,
        seed=game.seed,
        rng=game.rng,
    )


def _unpack(packed: _PackedGame, players: int) -> Unfinished:
    rows = unpack_rows(packed.rows, players)
    check_rows(rows, steps=len(packed.moves), players=players, models=len(packed.models))
    return Unfinished(
        opened=packed.opened,
        moves=packed.moves,
        rows=rows,
        models=packed.models,
        opening_turns=packed.opening_turns,
        opponent=packed.opponent,
        seed=packed.seed,
        rng=packed.rng,
    )
