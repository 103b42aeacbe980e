"""What happens in a run: lines for a person who must understand it, and a checksum of them."""

import zlib
from collections.abc import Callable
from typing import Literal

from ringrift.node.cluster.commands import ChangeVoters, decode_command
from ringrift.wire.log import Entry

Detail = Literal["none", "plain", "verbose"]
"""Which lines are kept: none, what machines do, or also every message and every client's wish."""


class Trace:
    """Lines of virtual time, who, and what; see `Detail` for those that are kept.

    `event` is for what is rare enough to be told in every run: its lines, kept or not, make up the
    checksum. The other lines depend on nothing else, so only a trace that is read pays for them:
    callers look at `plain` and `verbose` before they put words to anything.
    """

    def __init__(self, now: Callable[[], float], detail: Detail) -> None:
        self.plain = detail != "none"
        self.verbose = detail == "verbose"
        self.lines: list[str] = []
        self.checksum = 0
        self._now = now

    def event(self, who: str, what: str) -> None:
        """Tell of something that decides the course of the run."""
        line = self._line(who, what)
        self.checksum = zlib.crc32(line.encode(), self.checksum)
        if self.plain:
            self.lines.append(line)

    def line(self, who: str, what: str) -> None:
        """Tell of something that follows from what was told."""
        self.lines.append(self._line(who, what))

    def _line(self, who: str, what: str) -> str:
        return f"{self._now():10.5f}  {who:<8}  {what}"


def entry_words(entry: Entry) -> str:
    """An entry as `index/term Command`, with the session and number that it was asked under."""
    command = decode_command(entry.command)
    words = f"{entry.index}/{entry.term} {type(command).__name__}"
    if isinstance(command, ChangeVoters):
        words += f" {'+'.join(entry.voters or ())}"
    return f"{words} ({entry.session}, {entry.seq})" if entry.session else words


def run_words(entries: tuple[Entry, ...]) -> str:
    """Entries in one run: what the first ones say, and up to where they go."""
    said = ", ".join(entry_words(entry) for entry in entries[:3])
    if len(entries) <= 3:
        return said
    return f"{said}, … {entries[-1].index}/{entries[-1].term}"
