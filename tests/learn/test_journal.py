"""What is appended is there after any kill; what is torn was never acknowledged."""

import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from learn_support import SETTINGS, kept, trained, worked

from ringrift.learn.events import Event, Founded
from ringrift.learn.journal import Journal, JournalError, line_of, read_events

EVENTS: list[Event] = [Founded(SETTINGS, "0"), kept(0), trained(1), worked("selfplay", 1.5)]
CONTENT = b"".join(map(line_of, EVENTS))


@given(st.integers(0, len(CONTENT)))
def test_a_cut_anywhere_leaves_the_whole_lines_before_it(length: int) -> None:
    events, whole = read_events(CONTENT[:length], "journal")
    assert events == EVENTS[: len(events)]
    assert whole == len(b"".join(map(line_of, events)))
    assert CONTENT[:length].count(b"\n") == len(events)


@given(st.integers(0, len(CONTENT) - len(line_of(EVENTS[-1])) - 1), st.integers(1, 255))
def test_a_changed_byte_before_the_last_line_is_damage(at: int, change: int) -> None:
    content = bytearray(CONTENT)
    content[at] ^= change
    try:
        events, _ = read_events(bytes(content), "journal")
    except JournalError as error:
        assert "damaged at line" in str(error)
    else:
        # Only a line end that vanished before the last line may look like a torn tail.
        assert len(events) < len(EVENTS)


def test_a_journal_goes_on_where_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run" / "journal", time.sleep)
    for event in EVENTS[:2]:
        journal.append(event)
    journal.close()
    with (tmp_path / "run" / "journal").open("ab") as file:
        file.write(line_of(EVENTS[2])[:-3])
    journal = Journal(tmp_path / "run" / "journal", time.sleep)
    assert journal.events == EVENTS[:2]
    journal.append(EVENTS[3])
    journal.close()
    assert (tmp_path / "run" / "journal").read_bytes() == b"".join(
        map(line_of, [*EVENTS[:2], EVENTS[3]])
    )


def test_one_process_holds_a_journal(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal", time.sleep)
    waited: list[float] = []
    with pytest.raises(JournalError, match="in use"):
        Journal(tmp_path / "journal", waited.append)
    assert waited
    # One who leaves while the next waits is waited for.
    Journal(tmp_path / "journal", lambda _seconds: first.close()).close()


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="choose another --out"):
        Journal(tmp_path / "file" / "journal", time.sleep)


def test_a_line_of_another_version_is_named_and_never_cut() -> None:
    body = b'{"type":"dreamt","at_s":1.0}'
    content = CONTENT + b"%08x %s\n" % (zlib.crc32(body), body)
    with pytest.raises(JournalError, match="line 5, is of another version"):
        read_events(content, "journal")


def test_somebodys_file_is_no_journal_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("my diary of one line")
    with pytest.raises(JournalError, match="is no journal"):
        Journal(path, time.sleep)
    assert path.read_text() == "my diary of one line"
