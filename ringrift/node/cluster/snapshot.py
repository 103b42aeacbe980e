"""The whole state as a sequence of checksummed chunks, and its digest.

    chunk = crc32 of the rest (4 bytes, big-endian) + msgpack of Head | Rows | Tail

Head comes first, then every table's rows in key order, then Tail with the digest of it all, so
that a missing, repeated, foreign or damaged chunk is found. A chunk is at most 256 KiB and is
encoded when it is asked for: the caller passes a checkpoint in between, and no step stalls the
event loop. That works because rows are frozen: a shallow copy of the tables is the picture.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ringrift.node.cluster import checks
from ringrift.node.cluster.audit import AuditLine
from ringrift.node.cluster.charter import Agreed
from ringrift.node.cluster.configs import ConfigRow
from ringrift.node.cluster.members import Member
from ringrift.node.cluster.models import Model
from ringrift.node.cluster.sessions import Session
from ringrift.node.cluster.shards import Shard, Totals
from ringrift.node.cluster.table import Table, print_of, row_bytes
from ringrift.node.cluster.tokens import Token
from ringrift.node.cluster.transitions.base import Tables
from ringrift.node.cluster.work import Item
from ringrift.wire.log import Voters

FORMAT = 1
"""Version of the state and of this encoding."""
MAX_CHUNK_BYTES = 256 * 1024
_ROWS_BYTES = 64 * 1024
"""A chunk is closed when its rows reach this; with the longest row it still fits."""

_ROW_TYPES: dict[str, Any] = {
    "charter": tuple[str, Agreed],
    "members": tuple[str, Member],
    "tokens": tuple[str, Token],
    "sessions": tuple[int, Session],
    "models": tuple[str, Model],
    "totals": tuple[str, Totals],
    "shards": tuple[str, Shard],
    "configs": tuple[str, ConfigRow],
    "work": tuple[int, Item],
    "audit": tuple[int, AuditLine],
}
"""Every table, in the order of a snapshot: what is named comes before what names it."""


class SnapshotError(ValueError):
    """A snapshot that cannot be used; one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The last entry in a state, and the voters as of then: what the tables do not say."""

    index: int
    term: int
    voters: Voters


class Head(msgspec.Struct, frozen=True, tag="head", tag_field="chunk"):
    """What the snapshot is of: cluster incarnation, last entry, and the voters as of that."""

    format: int
    incarnation: str
    index: int
    term: int
    voters: Voters


class Rows(msgspec.Struct, frozen=True, tag="rows", tag_field="chunk"):
    """Some rows of one table, as (key, row) pairs."""

    table: str
    rows: list[msgspec.Raw]


class Tail(msgspec.Struct, frozen=True, tag="tail", tag_field="chunk"):
    """The end: how many chunks came before, and the state's digest."""

    chunks: int
    digest: str


_chunk_decoder: msgspec.msgpack.Decoder[Head | Rows | Tail] = msgspec.msgpack.Decoder(
    Head | Rows | Tail
)
_NAMES = tuple(_ROW_TYPES)
_row_decoders = {name: msgspec.msgpack.Decoder(kind) for name, kind in _ROW_TYPES.items()}

_encoder = msgspec.msgpack.Encoder()

Picture = dict[str, Mapping[Any, Any]]


def picture(tables: Tables) -> Picture:
    """Every table by name, as it is now: shallow copies of dictionaries of frozen rows."""
    return {name: dict(table) for name, table in rows_of(tables).items()}


def rows_of(tables: Tables) -> dict[str, Table[Any, Any]]:
    """The rows of every table by its name, in the order of a snapshot."""
    every = (
        tables.charter.rows,
        tables.members.rows,
        tables.tokens.rows,
        tables.sessions.rows,
        tables.models.rows,
        tables.shards.totals,
        tables.shards.rows,
        tables.configs.rows,
        tables.work.rows,
        tables.audit.rows,
    )
    return {table.name: table for table in every}


def digest_of(tables: Tables, moment: Moment) -> str:
    """sha256 (hex) of the whole state; equal on every replica at the same index."""
    sums = [table.total().to_bytes(32, "big") for table in rows_of(tables).values()]
    whole = (FORMAT, moment.index, moment.term, moment.voters, sums)
    return hashlib.sha256(_encoder.encode(whole)).hexdigest()


def dump(copied: Picture, incarnation: str, moment: Moment, digest: str) -> Iterator[bytes]:
    """The chunks of a picture of the state taken at `moment`, with the digest of then."""
    yield _sealed(Head(FORMAT, incarnation, moment.index, moment.term, moment.voters))
    chunks = 1
    for table, kept in copied.items():
        size = 0
        rows: list[msgspec.Raw] = []
        for key in sorted(kept):
            row = row_bytes(key, kept[key])
            if rows and size + len(row) > _ROWS_BYTES:
                yield _sealed(Rows(table, rows))
                chunks, size, rows = chunks + 1, 0, []
            rows.append(msgspec.Raw(row))
            size += len(row)
        if rows:
            yield _sealed(Rows(table, rows))
            chunks += 1
    yield _sealed(Tail(chunks, digest))


def _sealed(chunk: Head | Rows | Tail) -> bytes:
    body = _encoder.encode(chunk)
    assert len(body) + 4 <= MAX_CHUNK_BYTES, f"a chunk of {len(body)} bytes"
    return zlib.crc32(body).to_bytes(4, "big") + body


class Loader:
    """Takes a snapshot's chunks in order; `finish` returns the tables when all was there and right.

    Every chunk's rows are entered, listed and checked as they come, so that no step takes long
    however large the state is. Every method raises SnapshotError on the first thing that is wrong.
    """

    def __init__(self, incarnation: str | None) -> None:
        """For the snapshot of one incarnation; None takes any, and the head says which."""
        self._incarnation = incarnation
        self._head: Head | None = None
        self._tail: Tail | None = None
        self._chunks = 0
        self._tables = Tables.empty()
        self._rows = rows_of(self._tables)
        self._place = 0

    def feed(self, data: bytes) -> None:
        """Take the next chunk."""
        chunk = self._opened(data)
        if isinstance(chunk, Head) != (self._head is None) or self._tail is not None:
            raise SnapshotError("The snapshot's chunks are out of order.")
        match chunk:
            case Head():
                self._begin(chunk)
            case Rows():
                self._take(chunk)
            case Tail():
                self._end(chunk)
        self._chunks += 1

    def finish(self) -> tuple[Head, Tables]:
        """The head and the tables, of which the digest was found right."""
        if self._head is None or self._tail is None:
            raise SnapshotError("The snapshot is cut short.")
        return self._head, self._tables

    def _opened(self, data: bytes) -> Head | Rows | Tail:
        if not 4 < len(data) <= MAX_CHUNK_BYTES:
            raise SnapshotError(f"A snapshot chunk has {len(data)} bytes.")
        body = data[4:]
        if zlib.crc32(body) != int.from_bytes(data[:4], "big"):
            raise SnapshotError(f"Chunk {self._chunks} of the snapshot is damaged.")
        try:
            return _chunk_decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SnapshotError(f"A snapshot chunk cannot be read: {error}.") from error

    def _begin(self, head: Head) -> None:
        if head.format != FORMAT:
            raise SnapshotError(f"The snapshot has format {head.format}; {FORMAT} is understood.")
        if self._incarnation not in (None, head.incarnation):
            raise SnapshotError(f"The snapshot is of another cluster, {head.incarnation}.")
        self._head = head

    def _end(self, tail: Tail) -> None:
        assert self._head is not None
        moment = Moment(self._head.index, self._head.term, self._head.voters)
        if tail.chunks != self._chunks or tail.digest != digest_of(self._tables, moment):
            raise SnapshotError("The snapshot's chunks do not add up to its digest.")
        try:
            checks.at_end(self._tables, self._head.index)
        except AssertionError as error:
            raise SnapshotError("The snapshot contradicts itself.") from error
        self._tail = tail

    def _take(self, chunk: Rows) -> None:
        name = chunk.table
        if name not in _NAMES:
            raise SnapshotError(f"The snapshot has an unknown table {name!r}.")
        if _NAMES.index(name) < self._place:
            raise SnapshotError(f"The snapshot's rows of {name} are out of order.")
        self._place = _NAMES.index(name)
        table, decode = self._rows[name], _row_decoders[name].decode
        try:
            for raw in chunk.rows:
                key, row = decode(raw)
                table.load(key, row, print_of(name, memoryview(raw)))
                self._entered(name, key, row)
        except KeyError as error:
            raise SnapshotError(f"Row {error} of {name} comes twice.") from error
        except AssertionError as error:
            raise SnapshotError(f"A row of {name} contradicts others.") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SnapshotError(f"A row of {name} cannot be read: {error}.") from error

    def _entered(self, table: str, key: int | str, row: object) -> None:
        match row:
            case Item():
                self._tables.work.entered(row)
            case Shard(facts=facts):
                self._tables.shards.entered(facts)
            case AuditLine() if isinstance(key, int):
                self._tables.audit.entered(key)
            case _:
                pass
        checks.row(self._tables, table, row)
