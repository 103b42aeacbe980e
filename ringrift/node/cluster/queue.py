"""How work items change: added, claimed, handed back, ended.

    add ──> pending ──claim──> claimed ──complete──> completed
               ^                 │  │
               └──return/fail/───┘  └──fail or expire at the last attempt──> failed
                  expire            cancel (also from pending) ────────────> cancelled

An item that waits for others can be claimed when they are completed; when one of them fails or is
cancelled, it fails, too. An ended item never changes again; it leaves by `evict`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from ringrift.node.cluster.listing import Listing
from ringrift.node.cluster.results import Done, Effect, Queued, Refused
from ringrift.node.cluster.table import Table
from ringrift.node.cluster.work import (
    MAX_EXCLUDED,
    MAX_ITEMS,
    MAX_LIVE_ITEMS,
    MAX_PENDING,
    Claim,
    Item,
    Kind,
    SelfplayOutcome,
)
from ringrift.wire.events import (
    AnyEvent,
    WorkCancelled,
    WorkCompleted,
    WorkFailed,
    WorkQueued,
    WorkReleased,
    WorkReturned,
)


class Failure(NamedTuple):
    """Why a claim ended without an outcome, and whether the attempt counts against the item."""

    reason: str
    counts: bool


class WorkQueue:
    """Items by id, and the live ones in the orders in which they are asked for."""

    def __init__(self) -> None:
        self.rows: Table[int, Item] = Table("work")
        self._live = Listing()

    def pending(self) -> Iterator[Item]:
        """Pending items in the order in which they will be claimed: priority, then age."""
        return (self.rows[item] for item in self._live.pending())

    def claimed(self) -> Iterator[Item]:
        """Claimed items, oldest id first."""
        return (self.rows[item] for item in self._live.claimed())

    def of(self, node: str) -> Iterator[Item]:
        """Items claimed by a node, oldest id first."""
        return (self.rows[item] for item in self._live.of(node))

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
        return self._live.count

    @property
    def pending_counts(self) -> Counter[Kind]:
        """How many items of each kind are pending."""
        return self._live.kinds

    def add(self, item: Item) -> Effect:
        """Queue a new pending item."""
        refused = self._no_room(item.kind)
        if refused is not None:
            return Effect(refused)
        assert item.id not in self.rows and item.state == "pending"
        self._put(item)
        return Effect(
            Queued(item.id), (WorkQueued(item=item.id, kind=item.kind, config=item.config),)
        )

    def _no_room(self, kind: Kind) -> Refused | None:
        if self.live_count >= MAX_LIVE_ITEMS:
            return Refused(f"{MAX_LIVE_ITEMS} items are queued or claimed, the most.")
        if self._live.kinds[kind] >= MAX_PENDING[kind]:
            return Refused(f"{MAX_PENDING[kind]} {kind} items are pending, the most of that kind.")
        if len(self.rows) >= MAX_ITEMS:
            return Refused(f"The state holds {MAX_ITEMS} items, the most; evict some.")
        return None

    def grant(self, item: Item, claim: Claim) -> Item:
        """Let a pending item be claimed; the attempt counts from here."""
        assert item.state == "pending" and item.claim is None and not item.waits_for, item
        granted = replace(item, state="claimed", claim=claim, attempts=item.attempts + 1)
        self._put(granted)
        return granted

    def refusal(self, item: int, claim: int) -> Refused | None:
        """Why (item, claim) may not act now, or None when it is the one live claim."""
        row = self.rows.get(item)
        if row is None:
            return _unknown(item)
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
        for waiting in self._live.waiting_for(item.id):
            row = self.rows[waiting]
            left = tuple(other for other in row.waits_for if other != item.id)
            self._put(replace(row, waits_for=left))
        event = WorkCompleted(
            item=item.id, kind=item.kind, config=item.config, node=item.claim.node
        )
        return Effect(Done(f"{item.kind} #{item.id} is completed"), (event,))

    def release(self, item: Item, at_ms: int, failure: Failure) -> Effect:
        """Take a claim away: back to pending, or failed for good when no attempt is left."""
        assert item.state == "claimed" and item.claim is not None, item
        if not failure.counts:
            back = replace(item, state="pending", claim=None, attempts=item.attempts - 1)
        else:
            failed_it = (*(n for n in item.excluded if n != item.claim.node), item.claim.node)
            item = replace(item, error=failure.reason, excluded=failed_it[-MAX_EXCLUDED:])
            if item.attempts >= item.max_attempts:
                text = f"{item.kind} #{item.id} failed for good"
                return Effect(Done(text), self._fail(item, at_ms, failure.reason))
            back = replace(item, state="pending", claim=None)
        self._put(back)
        event = WorkReturned(
            item=item.id, kind=item.kind, config=item.config, reason=failure.reason
        )
        return Effect(Done(f"{item.kind} #{item.id} went back to the queue"), (event,))

    def cancel(self, item: int, at_ms: int) -> Effect:
        row = self.rows.get(item)
        if row is None:
            return Effect(_unknown(item))
        if row.state == "cancelled":
            return Effect(Done(f"{row.kind} #{item} is cancelled already"))
        if not row.live:
            return Effect(Refused(f"Work item {item} is {row.state} and cannot be cancelled."))
        self._put(replace(row, state="cancelled", claim=None, ended_at_ms=at_ms))
        event = WorkCancelled(item=item, kind=row.kind, config=row.config)
        failed = self._fail_waiting(item, at_ms, "was cancelled")
        return Effect(Done(f"{row.kind} #{item} is cancelled"), (event, *failed))

    def widen(self, item: int) -> Effect:
        """Let any node that can do a pending item have it."""
        row = self.rows.get(item)
        if row is None:
            return Effect(_unknown(item))
        if row.state != "pending":
            return Effect(Refused(f"Work item {item} is {row.state}; it is not waiting."))
        if row.target is None and not row.excluded:
            return Effect(Done(f"{row.kind} #{item} is for any node already"))
        self._put(replace(row, target=None, excluded=()))
        event = WorkReleased(item=item, kind=row.kind, config=row.config)
        return Effect(Done(f"{row.kind} #{item} is for any node now"), (event,))

    def evict(self, items: Iterable[int]) -> Effect:
        gone = [item for item in items if item in self.rows and not self.rows[item].live]
        for item in gone:
            del self.rows[item]
        return Effect(Done(f"{len(gone)} ended items left the state"))

    def _fail(self, item: Item, at_ms: int, reason: str) -> tuple[AnyEvent, ...]:
        """End a live item for good, and with it what waits for it."""
        event = self._end_badly(item, at_ms, reason)
        return (event, *self._fail_waiting(item.id, at_ms, "failed"))

    def _fail_waiting(self, ended: int, at_ms: int, how: str) -> tuple[AnyEvent, ...]:
        """End what waits for an item that ended badly, and what waits for that, and so on."""
        events: list[AnyEvent] = []
        causes = [ended]
        for cause in causes:
            reason = f"it waited for #{cause}, which {how if cause == ended else 'failed'}"
            for waiting in self._live.waiting_for(cause):
                events.append(self._end_badly(self.rows[waiting], at_ms, reason))
                causes.append(waiting)
        return tuple(events)

    def _end_badly(self, item: Item, at_ms: int, reason: str) -> WorkFailed:
        self._put(replace(item, state="failed", claim=None, ended_at_ms=at_ms, error=reason))
        return WorkFailed(item=item.id, kind=item.kind, config=item.config, reason=reason)

    def entered(self, item: Item) -> None:
        """Take note of a row that came in."""
        self._live.enter(item)

    def check_row(self, item: Item) -> None:
        """Assert what must hold of an item, and of those with lower ids that it names."""
        assert (item.state in ("claimed", "completed")) == (item.claim is not None), item
        assert 0 <= item.attempts <= item.max_attempts, item
        assert item.live == (item.ended_at_ms is None), item
        assert len(item.excluded) <= MAX_EXCLUDED, item
        if item.state == "pending":
            for other in item.waits_for:
                row = self.rows.get(other)
                assert other < item.id and row is not None and row.live, item
        elif item.live:
            assert not item.waits_for, item

    def check(self) -> None:
        """Assert that what is listed are the live rows."""
        self._live.check(self.rows)
        assert self.live_count == sum(item.live for item in self.rows.values())
        assert self.live_count <= MAX_LIVE_ITEMS and len(self.rows) <= MAX_ITEMS

    def _put(self, item: Item) -> None:
        before = self.rows.get(item.id)
        if before is not None:
            assert before.live, f"item {item.id} has ended and may not change"
            self._live.leave(before)
        self.rows[item.id] = item
        self._live.enter(item)


def _unknown(item: int) -> Refused:
    return Refused(f"Work item {item} is not known (any more).")
