"""How work items change: added, claimed, handed back, ended.

    add ──> pending ──claim──> claimed ──complete──> completed
               ^                 │  │
               └──return/fail/───┘  └──fail or expire at the last attempt──> failed
                  expire            cancel (also from pending) ────────────> cancelled

An ended item never changes again; it leaves by `evict`.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from ringrift.node.cluster.results import Done, Effect, Queued, Refused
from ringrift.node.cluster.table import Table
from ringrift.node.cluster.work import (
    MAX_ITEMS,
    MAX_LIVE_ITEMS,
    Claim,
    Item,
    Kind,
    SelfplayOutcome,
    kind_of,
)
from ringrift.wire.events import (
    WorkCancelled,
    WorkCompleted,
    WorkFailed,
    WorkQueued,
    WorkReturned,
)


class Failure(NamedTuple):
    """Why a claim ended without an outcome, and whether the attempt counts against the item."""

    reason: str
    counts: bool


class WorkQueue:
    """Items by id, with indexes of the live ones that are derived from the rows."""

    def __init__(self) -> None:
        self.rows: Table[int, Item] = Table("work")
        self._pending: list[tuple[int, int]] = []
        self._claimed: dict[int, None] = {}

    @staticmethod
    def restored(rows: Table[int, Item]) -> "WorkQueue":
        """A queue of those rows."""
        queue = WorkQueue()
        queue.rows = rows
        for item in rows.values():
            queue._list(item)
        return queue

    def pending(self) -> Iterator[Item]:
        """Pending items in the order in which they will be claimed: priority, then age."""
        return (self.rows[item] for _, item in self._pending)

    def claimed(self) -> Iterator[Item]:
        """Claimed items, oldest id first."""
        return (self.rows[item] for item in sorted(self._claimed))

    def live(self, config: str, kind: Kind) -> Iterator[Item]:
        """Pending, then claimed items of a configuration and kind."""
        return (
            item
            for items in (self.pending(), self.claimed())
            for item in items
            if item.config == config and item.kind == kind
        )

    @property
    def live_count(self) -> int:
        return len(self._pending) + len(self._claimed)

    def add(self, item: Item) -> Effect:
        """Queue a new pending item."""
        if self.live_count >= MAX_LIVE_ITEMS:
            return Effect(Refused(f"{MAX_LIVE_ITEMS} items are queued or claimed, the most."))
        if len(self.rows) >= MAX_ITEMS:
            return Effect(Refused(f"The state holds {MAX_ITEMS} items, the most; evict some."))
        assert item.id not in self.rows and item.state == "pending"
        self._put(item)
        return Effect(
            Queued(item.id), (WorkQueued(item=item.id, kind=item.kind, config=item.config),)
        )

    def grant(self, item: Item, claim: Claim) -> Item:
        """Let a pending item be claimed; the attempt counts from here."""
        assert item.state == "pending" and item.claim is None, item
        granted = replace(item, state="claimed", claim=claim, attempts=item.attempts + 1)
        self._put(granted)
        return granted

    def refusal(self, item: int, claim: int) -> Refused | None:
        """Why (item, claim) may not act now, or None when it is the one live claim."""
        row = self.rows.get(item)
        if row is None:
            return Refused(f"Work item {item} is not known (any more).")
        if row.state != "claimed" or row.claim is None:
            return Refused(f"Work item {item} is {row.state}; claim {claim} is not current.")
        if row.claim.index != claim:
            return Refused(
                f"Work item {item} is claimed by entry {row.claim.index}; "
                f"claim {claim} is not current."
            )
        return None

    def complete(self, item: Item, at_ms: int, outcome: SelfplayOutcome | None) -> Effect:
        """End a claimed item well. Outcomes that live in another table are not kept here."""
        assert item.state == "claimed" and item.claim is not None, item
        self._put(replace(item, state="completed", ended_at_ms=at_ms, outcome=outcome, error=None))
        event = WorkCompleted(
            item=item.id, kind=item.kind, config=item.config, node=item.claim.node
        )
        return Effect(Done(f"{item.kind} #{item.id} is completed"), (event,))

    def release(self, item: Item, at_ms: int, failure: Failure) -> Effect:
        """Take a claim away: back to pending, or failed for good when no attempt is left."""
        assert item.state == "claimed" and item.claim is not None, item
        attempts = item.attempts if failure.counts else item.attempts - 1
        if failure.counts and attempts >= item.max_attempts:
            self._put(
                replace(item, state="failed", claim=None, ended_at_ms=at_ms, error=failure.reason)
            )
            return Effect(
                Done(f"{item.kind} #{item.id} failed for good"),
                (
                    WorkFailed(
                        item=item.id, kind=item.kind, config=item.config, reason=failure.reason
                    ),
                ),
            )
        self._put(
            replace(
                item,
                state="pending",
                claim=None,
                attempts=attempts,
                error=failure.reason if failure.counts else item.error,
            )
        )
        return Effect(
            Done(f"{item.kind} #{item.id} went back to the queue"),
            (
                WorkReturned(
                    item=item.id, kind=item.kind, config=item.config, reason=failure.reason
                ),
            ),
        )

    def cancel(self, item: int, at_ms: int) -> Effect:
        row = self.rows.get(item)
        if row is None:
            return Effect(Refused(f"Work item {item} is not known (any more)."))
        if row.state == "cancelled":
            return Effect(Done(f"{row.kind} #{item} is cancelled already"))
        if not row.live:
            return Effect(Refused(f"Work item {item} is {row.state} and cannot be cancelled."))
        self._put(replace(row, state="cancelled", claim=None, ended_at_ms=at_ms))
        return Effect(
            Done(f"{row.kind} #{item} is cancelled"),
            (WorkCancelled(item=item, kind=row.kind, config=row.config),),
        )

    def evict(self, items: Iterable[int]) -> Effect:
        gone = [item for item in items if item in self.rows and not self.rows[item].live]
        for item in gone:
            del self.rows[item]
        return Effect(Done(f"{len(gone)} ended items left the state"))

    def check(self) -> None:
        """Assert what must hold of every item and index."""
        pending: list[tuple[int, int]] = []
        for item in self.rows.values():
            assert (item.state in ("claimed", "completed")) == (item.claim is not None), item
            assert 0 <= item.attempts <= item.max_attempts, item
            assert item.live == (item.ended_at_ms is None), item
            assert kind_of(item.payload) == item.kind
            if item.state == "pending":
                pending.append((-item.priority, item.id))
        assert self._pending == sorted(pending)
        assert set(self._claimed) == {i.id for i in self.rows.values() if i.state == "claimed"}
        assert self.live_count <= MAX_LIVE_ITEMS and len(self.rows) <= MAX_ITEMS

    def _put(self, item: Item) -> None:
        before = self.rows.get(item.id)
        if before is not None:
            self._unlist(before)
        self.rows[item.id] = item
        self._list(item)

    def _list(self, item: Item) -> None:
        if item.state == "pending":
            insort(self._pending, (-item.priority, item.id))
        elif item.state == "claimed":
            self._claimed[item.id] = None

    def _unlist(self, item: Item) -> None:
        assert item.live, f"item {item.id} has ended and may not change"
        if item.state == "pending":
            key = (-item.priority, item.id)
            place = bisect_left(self._pending, key)
            assert self._pending[place] == key
            del self._pending[place]
        else:
            del self._claimed[item.id]
