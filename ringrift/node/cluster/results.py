"""What applying an entry yields: a result for the proposer, events for everybody.

A refusal is a result, never an exception: it is part of the replicated history like any success.
Results are kept in the proposer's session, so they are small and of bounded size.
"""

from typing import NamedTuple

import msgspec

from ringrift.wire.events import AnyEvent
from ringrift.wire.log import Entry


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="is", gc=False):
    """The command took effect, as this sentence says (also when it found its effect in place)."""

    text: str


class Refused(msgspec.Struct, frozen=True, tag="refused", tag_field="is", gc=False):
    """The command changed nothing; the reason in one sentence."""

    reason: str


class SessionLost(msgspec.Struct, frozen=True, tag="session_lost", tag_field="is", gc=False):
    """The command did not run: its session is not open, or its number is no longer remembered."""

    reason: str


class SessionOpened(msgspec.Struct, frozen=True, tag="session_opened", tag_field="is", gc=False):
    """A new session; its number is the index of the entry that opened it."""

    session: int


class Queued(msgspec.Struct, frozen=True, tag="queued", tag_field="is", gc=False):
    """A work item was added."""

    item: int


class Claimed(msgspec.Struct, frozen=True, tag="claimed", tag_field="is", gc=False):
    """The items now claimed by the asking node, possibly none.

    `claim` is the fencing token of all of them: the index of the entry that granted them. Payloads
    are read from the state (`state.work.items[item].payload`). `rejections` counts, by reason, the
    pending items that were passed over.
    """

    claim: int
    items: tuple[int, ...]
    rejections: dict[str, int]


class ShardKept(msgspec.Struct, frozen=True, tag="shard_kept", tag_field="is", gc=False):
    """The shard is in the index; `late` when its claim was no longer the current one."""

    sha256: str
    late: bool


Result = Done | Refused | SessionLost | SessionOpened | Queued | Claimed | ShardKept


def told(result: Result) -> str:
    """What came of a command, as a sentence."""
    match result:
        case Done(text=text):
            return text
        case Refused(reason=reason) | SessionLost(reason=reason):
            return reason
        case Queued(item=item):
            return f"#{item} is queued"
        case SessionOpened(session=session):
            return f"session {session} is open"
        case Claimed(items=items):
            return f"{len(items)} items are claimed"
        case ShardKept(sha256=sha256):
            return f"shard {sha256[:12]} is kept"


class Effect(NamedTuple):
    """What one command did to the tables: its result and what happened."""

    result: Result
    events: tuple[AnyEvent, ...] = ()


class Applied(msgspec.Struct, frozen=True):
    """One applied entry with its result and events.

    `first_index` is the index at which this (session, seq) first ran: below `index` when the entry
    repeats a command, in which case `result` is that of the first run and `events` is empty.
    """

    entry: Entry
    first_index: int
    result: Result
    events: tuple[AnyEvent, ...]

    @property
    def index(self) -> int:
        return self.entry.index

    @property
    def at_ms(self) -> int:
        """The proposer's wall clock, Unix milliseconds; for display only."""
        return self.entry.at_ms
