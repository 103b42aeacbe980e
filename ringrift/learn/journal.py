"""The append-only file in which a run remembers: a checksum and an event a line.

An event is durable when `append` returns. The last line may be torn by a kill: it was never
acknowledged, so it is cut. Any other bad line is damage, and is said rather than skipped.
"""

import fcntl
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from ringrift.learn.events import Event

_LOCK_ATTEMPTS = 10
_LOCK_PAUSE_S = 0.1

# What a kill may leave of the very first line; anything else is somebody's file.
_BEGINNING = 8
_TORN = re.compile(rb"[0-9a-f]{1,8}")

_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class JournalError(ValueError):
    """A journal that cannot be used; one sentence that names the file and the fix."""


def read_events(content: bytes, name: str) -> tuple[list[Event], int]:
    """The events of a journal and how many bytes of it are whole.

    Raises JournalError when a line before the last one is damaged, or one is of another version.
    """
    events: list[Event] = []
    at = 0
    while (end := content.find(b"\n", at)) >= 0:
        checksum, _, body = content[at:end].partition(b" ")
        if checksum != b"%08x" % zlib.crc32(body):
            if end < len(content) - 1:
                raise JournalError(
                    f"{name} is damaged at line {len(events) + 1}; restore it from a copy, "
                    "or begin anew in another directory."
                )
            break
        try:
            events.append(_decoder.decode(body))
        except msgspec.DecodeError as error:
            raise JournalError(
                f"{name}, line {len(events) + 1}, is of another version of ringrift ({error}); go "
                "on with that one, or begin anew in another directory."
            ) from error
        at = end + 1
    if not events and content and not _TORN.fullmatch(content[:_BEGINNING]):
        raise JournalError(f"{name} is no journal of ringrift learn; choose another --out.")
    return events, at


def line_of(event: Event) -> bytes:
    """The line that stands for `event`, its end included."""
    body = msgspec.json.encode(event)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Journal:
    """The journal of one directory, which one process at a time may hold."""

    def __init__(self, path: Path, wait: Callable[[float], object]) -> None:
        """Open or begin it; raises JournalError when it is damaged or another process has it.

        `wait` lets so many seconds pass: a child that was just being started when its parent was
        killed holds the journal for a moment longer.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise JournalError(
                f"{path} cannot be written ({error.strerror}); choose another --out."
            ) from error
        for _ in range(_LOCK_ATTEMPTS):
            if _locked(self._file):
                break
            wait(_LOCK_PAUSE_S)
        else:
            os.close(self._file)
            raise JournalError(
                f"{path} is in use: another learning runs there; end it, or choose another --out."
            )
        self.events, whole = read_events(path.read_bytes(), str(path))
        os.ftruncate(self._file, whole)

    def append(self, event: Event) -> None:
        """Remember `event`; it is on the disk when this returns. Raises OSError (disk full)."""
        line = line_of(event)
        before = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise
        self.events.append(event)

    def close(self) -> None:
        os.close(self._file)
