"""Sessions: why a command that is sent twice runs once.

A session is opened by a command and named by its log index, so it is never reused. It keeps the
results of its newest 64 sequence numbers; a number that was run gets its first result again, a
number that fell out of the window is refused without running. A restarted owner's old sessions end
with its new one: nothing of an earlier life can take effect any more.
"""

import msgspec

from ringrift.node.cluster.results import Done, Effect, Refused, Result, SessionLost, SessionOpened
from ringrift.node.cluster.table import Table

WINDOW = 64
"""Sequence numbers of a session that may be outstanding at once."""
MAX_SESSIONS = 2_000
"""Most sessions open at once."""


class Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first run of sequence number `seq`: its log index and result."""

    seq: int
    index: int
    result: Result


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One session.

    `last_index` is its newest entry, `kept` is sorted by number, `floor` is the highest number that
    was forgotten.
    """

    id: int
    owner: str
    boot: int
    last_index: int
    floor: int = 0
    kept: tuple[Kept, ...] = ()


class Sessions:
    """Sessions by number."""

    def __init__(self) -> None:
        self.rows: Table[int, Session] = Table("sessions")

    def open(self, index: int, owner: str, boot: int) -> Effect:
        if any(row.owner == owner and row.boot > boot for row in self.rows.values()):
            return Effect(Refused(f"{owner} has a session of a later life than {boot}."))
        for earlier in [r.id for r in self.rows.values() if r.owner == owner and r.boot < boot]:
            del self.rows[earlier]
        if len(self.rows) >= MAX_SESSIONS:
            return Effect(Refused(f"{MAX_SESSIONS} sessions are open, the most there may be."))
        self.rows[index] = Session(id=index, owner=owner, boot=boot, last_index=index)
        return Effect(SessionOpened(index))

    def expire(self, session: int, last_index: int) -> Effect:
        row = self.rows.get(session)
        if row is None:
            return Effect(Done(f"session {session} is not open"))
        if row.last_index > last_index:
            return Effect(Refused(f"Session {session} was used after entry {last_index}."))
        del self.rows[session]
        return Effect(Done(f"session {session} expired"))

    def end_of(self, owner: str) -> None:
        """End every session of an owner."""
        for session in [row.id for row in self.rows.values() if row.owner == owner]:
            del self.rows[session]

    def earlier(self, session: int, seq: int) -> Kept | SessionLost | None:
        """The first run of (session, seq), why it may not run, or None when it is to run now."""
        row = self.rows.get(session)
        if row is None:
            return SessionLost(f"Session {session} has expired or was never open; open a new one.")
        kept = next((kept for kept in row.kept if kept.seq == seq), None)
        if kept is None and seq <= row.floor:
            return SessionLost(f"Number {seq} of session {session} is older than {WINDOW} others.")
        return kept

    def keep(self, session: int, seq: int, index: int, result: Result) -> None:
        """Remember the result of a first run; nothing when the command ended its own session."""
        row = self.rows.get(session)
        if row is None:
            return
        kept = tuple(sorted((*row.kept, Kept(seq, index, result)), key=_number))
        floor = row.floor
        if len(kept) > WINDOW:
            floor, kept = kept[0].seq, kept[1:]
        assert len(kept) <= WINDOW and floor < kept[0].seq
        self.rows[session] = msgspec.structs.replace(row, kept=kept, floor=floor, last_index=index)


def check(row: Session, index: int) -> None:
    """Assert what must hold of a session in a state as of entry `index`."""
    numbers = [kept.seq for kept in row.kept]
    assert row.last_index <= index and len(numbers) <= WINDOW, row
    assert numbers == sorted(set(numbers)) and row.floor < min(numbers, default=row.floor + 1), row


def _number(kept: Kept) -> int:
    return kept.seq
