"""The history records each entry once, however often and in whatever pieces it is fed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringrift.node.cluster.results import Applied, Done
from ringrift.node.data.history import History, Transaction, event_name
from ringrift.wire.events import AnyEvent, LoopFailed, ShardRegistered, WorkQueued
from ringrift.wire.log import Entry
from ringrift.wire.views import EventView


def applied(index: int) -> Applied:
    """Entry `index`: nothing, one event, or two."""
    events: list[AnyEvent] = [
        WorkQueued(item=index, kind="selfplay", config="hex8_2p"),
        ShardRegistered(config="hex8_2p", shard=f"{index:064x}", games=32, total=32 * index),
    ]
    entry = Entry(index, 1, 1_000 * index, 1, index, b"")
    return Applied(entry, index, Done("done"), tuple(events[: index % 3]))


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    subject = History(tmp_path / "history.sqlite")
    yield subject
    subject.close()


def test_events_come_back_as_they_were(history: History) -> None:
    (first, second) = history.record([applied(2)])
    assert history.recent(10, None) == (first, second)
    assert first == EventView(
        seq=1,
        at=2.0,
        name="WORK_QUEUED",
        config="hex8_2p",
        node=None,
        index=2,
        text="selfplay #2 for hex8_2p queued",
        fields={"item": 2, "kind": "selfplay"},
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(restarts=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=5))
def test_feeding_again_changes_nothing(tmp_path: Path, restarts: list[tuple[int, int]]) -> None:
    path = tmp_path / "history.sqlite"
    path.unlink(missing_ok=True)
    new: list[EventView] = []
    for start, length in [*restarts, (0, 21)]:
        history = History(path)
        new += history.record(applied(i) for i in range(start + 1, start + 1 + length))
        history.close()
    history = History(path)
    events, games = history.recent(1_000, None), history.games_since(0)
    history.close()
    assert len(events) == len(new) == len({(e.index, e.name) for e in events})
    assert sorted(new, key=lambda e: e.seq) == list(events)
    assert {e.index for e in events} >= {i for i in range(1, 22) if i % 3}
    assert len(games) == len({e.index for e in events if e.name == "NEW_GAMES_AVAILABLE"})


def test_readers_page_through_events(history: History) -> None:
    history.record(applied(i) for i in range(1, 30))
    everything = history.recent(1_000, None)
    assert history.recent(3, None) == everything[-3:]
    paged, after = [], 0
    while page := history.recent(7, after):
        paged += page
        after = page[-1].seq
    assert tuple(paged) == everything


def test_what_only_this_node_saw_is_kept_without_an_index(history: History) -> None:
    view = history.record_local(LoopFailed(loop="worker", reason="out of memory"), 5_000)
    assert (view.seq, view.index, view.name) == (1, None, "LOOP_FAILED")
    assert history.applied_index == 0
    assert history.recent(1, None) == (view,)


def test_a_failing_transaction_leaves_nothing(history: History) -> None:
    def entries() -> Iterator[Applied]:
        yield applied(1)
        raise RuntimeError("the feed broke")

    with pytest.raises(RuntimeError):
        history.record(entries())
    assert history.recent(10, None) == ()
    assert history.applied_index == 0


def test_a_commit_that_fails_does_not_stay_open() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(
        "PRAGMA foreign_keys = ON; CREATE TABLE a (id INTEGER PRIMARY KEY);"
        "CREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
    )
    for _ in range(2):
        with pytest.raises(sqlite3.IntegrityError), Transaction(db):
            db.execute("INSERT INTO b VALUES (7)")
    with Transaction(db):
        db.execute("INSERT INTO a VALUES (7)")
    assert db.execute("SELECT id FROM a").fetchall() == [(7,)]
    db.close()


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"not a database, not even a short one" * 40)
    with pytest.raises(sqlite3.DatabaseError):
        History(tmp_path / "history.sqlite")


def test_names_are_the_tags() -> None:
    assert event_name(LoopFailed(loop="x", reason="y")) == "LOOP_FAILED"
