"""Events and games over time in a local SQLite file: to be looked at, never to decide by.

Fed from the log, so that it can be lost: an entry is recorded once however often it is fed (events
are known by log index and ordinal), and a missing file is filled again from what the log still has.
What only this node observed (a failed loop) is recorded beside it without an index. Everything
here blocks; the driver runs it in one thread, call by call.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ringrift.node.cluster.results import Applied
from ringrift.node.cluster.shards import Shard
from ringrift.wire.events import AnyEvent, ShardRegistered
from ringrift.wire.views import EventView, Figure

MAX_EVENTS = 100_000
"""Events kept; older ones leave in batches."""
TRIM_EVERY = 1_000

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    config TEXT,
    node TEXT,
    log_index INTEGER,
    ordinal INTEGER,
    text TEXT NOT NULL,
    fields TEXT NOT NULL,
    UNIQUE (log_index, ordinal)
);
CREATE TABLE IF NOT EXISTS games (
    shard TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    config TEXT NOT NULL,
    games INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS games_over_time ON games (config, at_ms);
CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), applied INTEGER);
INSERT OR IGNORE INTO progress VALUES (1, 0);
"""

_fields_decoder: msgspec.json.Decoder[dict[str, Figure]] = msgspec.json.Decoder(dict[str, Figure])


class History:
    """The history file of one node."""

    def __init__(self, path: Path) -> None:
        # Calls come from changing threads, one at a time.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def applied_index(self) -> int:
        """The newest log entry that is recorded here, 0 before the first."""
        (index,) = self._db.execute("SELECT applied FROM progress").fetchone()
        return int(index)

    def record(self, entries: Iterable[Applied]) -> list[EventView]:
        """Record what log entries did; returns the events that were new, in order."""
        new: list[EventView] = []
        with self._transaction():
            for applied in entries:
                for ordinal, event in enumerate(applied.events):
                    view = self._insert(event, applied.at_ms, applied.index, ordinal)
                    new += [view] if view is not None else []
                    if isinstance(event, ShardRegistered):
                        self._insert_games(event.shard, applied.at_ms, event.config, event.games)
                self._db.execute("UPDATE progress SET applied = max(applied, ?)", (applied.index,))
        self._trim(new)
        return new

    def record_local(self, event: AnyEvent, at_ms: int) -> EventView:
        """Record what only this node knows of."""
        with self._transaction():
            view = self._insert(event, at_ms, None, None)
        assert view is not None
        self._trim([view])
        return view

    def refill(self, shards: Iterable[Shard], applied_index: int) -> None:
        """Take the games from the state, when the log no longer reaches back to what is missing."""
        with self._transaction():
            for shard in shards:
                facts = shard.facts
                self._insert_games(facts.sha256, shard.at_ms, facts.config, facts.games)
            self._db.execute("UPDATE progress SET applied = max(applied, ?)", (applied_index,))

    def recent(self, limit: int, after: int | None) -> tuple[EventView, ...]:
        """Return at most `limit` events, oldest first: the first after `after`, or the newest."""
        if after is None:
            query = "SELECT * FROM (SELECT * FROM events ORDER BY seq DESC LIMIT ?) ORDER BY seq"
            rows = self._db.execute(query, (limit,)).fetchall()
        else:
            query = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = self._db.execute(query, (after, limit)).fetchall()
        return tuple(_view(row) for row in rows)

    def games_since(self, at_ms: int) -> list[tuple[str, int, int]]:
        """Return (config, at_ms, games) of the shards registered since `at_ms`, oldest first."""
        query = "SELECT config, at_ms, games FROM games WHERE at_ms >= ? ORDER BY at_ms"
        return self._db.execute(query, (at_ms,)).fetchall()

    def last_at_ms(self) -> dict[str, int]:
        """Return when an event of each name was last recorded."""
        return dict(self._db.execute("SELECT name, max(at_ms) FROM events GROUP BY name"))

    def _transaction(self) -> "Transaction":
        return Transaction(self._db)

    def _insert(
        self, event: AnyEvent, at_ms: int, index: int | None, ordinal: int | None
    ) -> EventView | None:
        fields: dict[str, Figure] = msgspec.structs.asdict(event)
        config, node = fields.pop("config", None), fields.pop("node", None)
        row = (at_ms, event_name(event), config, node, index, ordinal, event.summary())
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO events (at_ms, name, config, node, log_index, ordinal, text,"
            " fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, msgspec.json.encode(fields).decode()),
        )
        if cursor.rowcount == 0:
            return None
        found = self._db.execute("SELECT * FROM events WHERE seq = ?", (cursor.lastrowid,))
        return _view(found.fetchone())

    def _insert_games(self, shard: str, at_ms: int, config: str, games: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO games VALUES (?, ?, ?, ?)", (shard, at_ms, config, games)
        )

    def _trim(self, new: list[EventView]) -> None:
        if any(view.seq % TRIM_EVERY == 0 for view in new):
            self._db.execute("DELETE FROM events WHERE seq <= ?", (new[-1].seq - MAX_EVENTS,))


class Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK when it or the commit ends with an exception.

    A commit that failed (a full disk) may leave the transaction open; the next one could not begin.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


def event_name(event: AnyEvent) -> str:
    """Return the name under which an event is known everywhere: its tag."""
    return str(event.__struct_config__.tag)


def _view(
    row: tuple[int, int, str, str | None, str | None, int | None, int, str, str],
) -> EventView:
    seq, at_ms, name, config, node, index, _ordinal, text, fields = row
    return EventView(
        seq=seq,
        at=at_ms / 1000,
        name=name,
        config=config,
        node=node,
        index=index,
        text=text,
        fields=_fields_decoder.decode(fields),
    )
