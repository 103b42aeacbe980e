"""Shards: what goes in comes out, equal games give equal bytes, any damage is told."""

import dataclasses
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringrift.train.records import (
    DecisionRow,
    GameRecord,
    RecordError,
    ShardHeader,
    read_shard,
    write_shard,
)


def header(games: int, first: int = 0, players: int = 2) -> ShardHeader:
    return ShardHeader(
        config=f"hex8_{players}p",
        run_id="0" * 32,
        first_game=first,
        games=games,
        source="untrained",
        full_simulations=32,
        full_considered=8,
        cheap_simulations=8,
        cheap_considered=4,
        full_fraction=0.25,
    )


@st.composite
def rows(draw: st.DrawFn, step: int, part: int, players: int, models: int) -> DecisionRow:
    full = draw(st.booleans())
    choices = draw(st.integers(1 if full else 0, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return DecisionRow(
        step,
        full,
        rng.integers(0, 100_000, choices).astype(np.int32),
        rng.random(choices).astype(np.float16),
        rng.integers(0, 4096, choices).astype(np.int32),
        rng.random(players).astype(np.float32),
        rng.random(players).astype(np.float32),
        draw(st.integers(2, 4096)),
        part,
        draw(st.integers(0, models - 1)),
    )


@st.composite
def records(draw: st.DrawFn, number: int, players: int) -> GameRecord:
    moves = draw(st.lists(st.sampled_from(["place_ring 0,0,0 2", "no_line_action"]), max_size=8))
    places = st.tuples(st.integers(0, len(moves) - 1), st.integers(0, 2))
    decisions = sorted(draw(st.sets(places))) if moves else []
    models = draw(st.lists(st.sampled_from(["untrained", "f" * 64]), min_size=1, max_size=3))
    return GameRecord(
        number,
        tuple(moves),
        draw(st.integers(0, players - 1)),
        tuple(draw(st.lists(st.integers(1, 4), min_size=players, max_size=players))),
        tuple(draw(rows(step, part, players, len(models))) for step, part in decisions),
        draw(st.integers(0, 1000)),
        tuple(models),
        draw(st.none() | st.integers(0, 12)),
    )


@st.composite
def shards(draw: st.DrawFn) -> tuple[ShardHeader, list[GameRecord]]:
    players = draw(st.integers(2, 4))
    first = draw(st.integers(0, 1000))
    count = draw(st.integers(1, 4))
    games = [draw(records(first + i, players)) for i in range(count)]
    return header(count, first, players), games


def assert_equal(one: GameRecord, other: GameRecord) -> None:
    assert (one.number, one.moves, one.winner) == (other.number, other.moves, other.winner)
    assert (one.ranking, one.opened) == (other.ranking, other.opened)
    assert (one.models, one.opening_turns) == (other.models, other.opening_turns)
    assert len(one.rows) == len(other.rows)
    for a, b in zip(one.rows, other.rows, strict=True):
        assert (a.step, a.part, a.full, a.model) == (b.step, b.part, b.full, b.model)
        assert a.simulations == b.simulations
        for name in ("actions", "policy", "visits", "root_value", "raw_value"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), strict=True)


def small_shard() -> tuple[ShardHeader, list[GameRecord]]:
    row = DecisionRow(
        1,
        True,
        np.array([5, 9], np.int32),
        np.array([0.25, 0.75], np.float16),
        np.array([3, 29], np.int32),
        np.array([0.5, 0.5], np.float32),
        np.array([0.4, 0.6], np.float32),
        32,
    )
    moves = ("place_ring 0,0,0 1", "move_stack 0,0,0 1,0,-1")
    return header(1), [GameRecord(0, moves, 1, (2, 1), (row,), 3, ("untrained",), 0)]


@given(shards())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_goes_in_comes_out(tmp_path: Path, shard: tuple[ShardHeader, list[GameRecord]]):
    written = write_shard(tmp_path, *shard)
    read_header, games = read_shard(written.path, written.sha256)
    assert read_header == shard[0]
    for one, other in zip(games, shard[1], strict=True):
        assert_equal(one, other)
    assert written.path.name == f"{written.sha256}.shard"
    assert hashlib.sha256(written.path.read_bytes()).hexdigest() == written.sha256
    assert written.bytes == written.path.stat().st_size
    assert written.decisions == sum(len(game.rows) for game in games)
    assert write_shard(tmp_path, *shard) == written


def test_counts_of_a_written_shard(tmp_path: Path):
    written = write_shard(tmp_path, *small_shard())
    assert (written.games, written.decisions, written.full_rows, written.steps) == (1, 1, 1, 2)
    assert [path.name for path in tmp_path.iterdir()] == [written.path.name]


def test_every_flipped_byte_is_noticed(tmp_path: Path):
    written = write_shard(tmp_path, *small_shard())
    good = written.path.read_bytes()
    damaged = tmp_path / "damaged.shard"
    for place in range(len(good)):
        damaged.write_bytes(good[:place] + bytes([good[place] ^ 0x40]) + good[place + 1 :])
        with pytest.raises(RecordError):
            read_shard(damaged)


def test_every_truncation_is_noticed(tmp_path: Path):
    written = write_shard(tmp_path, *small_shard())
    good = written.path.read_bytes()
    damaged = tmp_path / "damaged.shard"
    for length in range(len(good)):
        damaged.write_bytes(good[:length])
        with pytest.raises(RecordError):
            read_shard(damaged)


def test_the_error_is_one_sentence_naming_the_file(tmp_path: Path):
    written = write_shard(tmp_path, *small_shard())
    good = written.path.read_bytes()
    written.path.write_bytes(good[:-1] + b"\x00")
    with pytest.raises(
        RecordError, match=r"^shard [^ ]*\.shard is damaged: its checksum does not hold\.$"
    ):
        read_shard(written.path)
    with pytest.raises(RecordError, match="does not hash to"):
        read_shard(written.path, written.sha256)
    with pytest.raises(RecordError, match="cannot be read"):
        read_shard(tmp_path / "absent.shard")


def test_a_later_format_is_named(tmp_path: Path):
    written = write_shard(tmp_path, *small_shard())
    content = bytearray(written.path.read_bytes())
    content[8:10] = (9).to_bytes(2, "little")
    content[10:42] = hashlib.sha256(bytes(content[8:10]) + bytes(content[42:])).digest()
    written.path.write_bytes(content)
    with pytest.raises(
        RecordError, match="format version 9; this ringrift reads up to 2: upgrade it"
    ):
        read_shard(written.path)


def test_games_must_be_those_of_the_header(tmp_path: Path):
    _, games = small_shard()
    for wrong in (header(2), header(1, first=3)):
        with pytest.raises(RecordError):
            write_shard(tmp_path, wrong, games)
    with pytest.raises(RecordError, match="it holds 0 games"):
        write_shard(tmp_path, header(0), [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"winner": 2}, "has winner 2 of 2 seats"),
        ({"ranking": (1,), "winner": 0}, "values for the wrong seats"),
        ({"moves": ("no_line_action",)}, "step 1, part 0, out of order"),
        ({"models": ()}, "step 1: model 0 of 0"),
        ({"opened": -1}, "start number or opening below 0"),
    ],
)
def test_malformed_games_are_refused(tmp_path: Path, change: dict[str, Any], told: str):
    shard_header, (game,) = small_shard()
    with pytest.raises(RecordError, match=told):
        write_shard(tmp_path, shard_header, [dataclasses.replace(game, **change)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"visits": np.array([1], np.int32)}, "choices of unequal number"),
        ({"part": -1}, "step 1, part -1, out of order"),
        ({"model": 1}, "step 1: model 1 of 1"),
        (
            {name: np.zeros(0, np.int32) for name in ("actions", "policy", "visits")},
            "a full search without policy",
        ),
    ],
)
def test_malformed_rows_are_refused(tmp_path: Path, change: dict[str, Any], told: str):
    shard_header, (game,) = small_shard()
    row = dataclasses.replace(game.rows[0], **change)
    with pytest.raises(RecordError, match=told):
        write_shard(tmp_path, shard_header, [dataclasses.replace(game, rows=(row,))])


def foreign_shard(path: Path, version: int, body: bytes) -> Path:
    """A file that another program sealed properly around `body`."""
    sealed = version.to_bytes(2, "little") + body
    path.write_bytes(b"RRSHARD\n" + sealed[:2] + hashlib.sha256(sealed).digest() + body)
    return path


COLUMNS = ["steps", "full", "simulations", "choices", "actions", "policy", "visits"]
COLUMNS += ["root_values", "raw_values"]


def first_game(changes: dict[str, object]) -> list[object]:
    """A packed game of version 1 without rows, by columns in their order."""
    game: dict[str, object] = {"number": 0, "moves": [], "winner": 0, "ranking": [1, 2]}
    return list((game | dict.fromkeys(COLUMNS, b"") | changes).values())


def second_game(changes: dict[str, object]) -> list[object]:
    """The same of version 2."""
    game: dict[str, object] = {"number": 0, "opened": 0, "opening_turns": 0, "moves": []}
    game |= {"models": [], "winner": 0, "ranking": [1, 2]}
    columns = dict.fromkeys(["steps", "parts", "models of rows", *COLUMNS[1:]], b"")
    rows = columns | {name: value for name, value in changes.items() if name in columns}
    rest = {name: value for name, value in changes.items() if name not in columns}
    return [*(game | rest).values(), list(rows.values())]


@pytest.mark.parametrize(("version", "packed"), [(1, first_game), (2, second_game)])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"full": b"\x01"}, "game 0 has columns of unequal length"),
        ({"actions": b"\x01\x00\x00\x00"}, "game 0 has choices that do not add up"),
        ({"steps": b"\x01"}, "cannot be used"),
        ({"winner": "me"}, r"Expected `int`, got `str` - at `\$\[1\]\[0\]\[\d\]`"),
        ({"number": 5}, "it has game 5 instead of 0"),
    ],
)
def test_well_sealed_nonsense_is_refused(
    tmp_path: Path,
    version: int,
    packed: Callable[[dict[str, object]], list[object]],
    changes: dict[str, object],
    told: str,
):
    body = zstandard.compress(msgspec.msgpack.encode([header(1), [packed(changes)]]))
    with pytest.raises(RecordError, match=told):
        read_shard(foreign_shard(tmp_path / "foreign.shard", version, body))


def test_a_game_of_each_version_without_rows_is_read(tmp_path: Path):
    for version, packed in ((1, first_game), (2, second_game)):
        body = zstandard.compress(msgspec.msgpack.encode([header(1), [packed({"moves": ["a"]})]]))
        path = foreign_shard(tmp_path / f"{version}.shard", version, body)
        assert read_shard(path)[1][0].moves == ("a",)


def test_the_first_format_knows_parts_by_their_order_and_no_openings():
    """A file of the first release, written once and never again."""
    path = Path(__file__).parent / "data" / "version-1-parts.shard"
    shard_header, (game,) = read_shard(path)
    assert (game.number, game.opened, game.opening_turns) == (5, 5, None)
    assert game.models == (shard_header.source,)
    assert {row.model for row in game.rows} == {0}
    assert [(row.step, row.part) for row in game.rows if row.step in (82, 91)] == [
        (82, 0),
        (82, 1),
        (91, 0),
        (91, 1),
    ]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    earlier = write_shard(tmp_path, *small_shard())

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    shard_header, (game,) = small_shard()
    with pytest.raises(RecordError, match=r"cannot be written to .*No space left.*make room"):
        write_shard(tmp_path, shard_header, [dataclasses.replace(game, opened=4)])
    assert list(tmp_path.iterdir()) == [earlier.path]
    assert read_shard(earlier.path, earlier.sha256)[1][0].moves == game.moves


def test_a_body_that_is_too_large_is_not_unpacked(tmp_path: Path):
    # A frame header alone: single segment, 8-byte content size of 2**40.
    bomb = bytes.fromhex("28b52ffde0") + (1 << 40).to_bytes(8, "little") + b"\x00" * 8
    with pytest.raises(RecordError, match="unpacks to more than 1073741824 bytes"):
        read_shard(foreign_shard(tmp_path / "bomb.shard", 2, bomb))
    with pytest.raises(RecordError, match="cannot be used"):
        read_shard(foreign_shard(tmp_path / "noise.shard", 2, b"noise" * 20))
