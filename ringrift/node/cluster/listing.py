"""The live work items in the orders in which they are asked for; derived from the rows."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from ringrift.node.cluster.work import Item, Kind

K = TypeVar("K", int, str)


class Listing:
    """Ids of pending items by priority, of claimed ones by node, and who waits for whom."""

    def __init__(self) -> None:
        self.kinds: Counter[Kind] = Counter()
        self._pending: list[tuple[int, int]] = []
        self._claimed: dict[str, dict[int, None]] = {}
        self._claims = 0
        self._waiting: dict[int, dict[int, None]] = {}

    @property
    def count(self) -> int:
        return len(self._pending) + self._claims

    def pending(self) -> list[int]:
        """Pending items, the highest priority first, then the oldest."""
        return [item for _, item in self._pending]

    def claimed(self) -> list[int]:
        """Claimed items, the oldest first."""
        return sorted(item for items in self._claimed.values() for item in items)

    def of(self, node: str) -> list[int]:
        """Items claimed by a node, the oldest first."""
        return sorted(self._claimed.get(node, ()))

    def waiting_for(self, item: int) -> list[int]:
        """Items that wait for one, the oldest first."""
        return sorted(self._waiting.get(item, ()))

    def enter(self, item: Item) -> None:
        """List an item where it belongs now; an ended one nowhere."""
        if item.state == "pending":
            insort(self._pending, (-item.priority, item.id))
            self.kinds[item.kind] += 1
            for other in item.waits_for:
                self._waiting.setdefault(other, {})[item.id] = None
        elif item.state == "claimed":
            assert item.claim is not None, item
            self._claimed.setdefault(item.claim.node, {})[item.id] = None
            self._claims += 1

    def leave(self, item: Item) -> None:
        """Take an item from where `enter` put it."""
        if item.state == "pending":
            key = (-item.priority, item.id)
            place = bisect_left(self._pending, key)
            assert self._pending[place] == key
            del self._pending[place]
            self.kinds[item.kind] -= 1
            for other in item.waits_for:
                _discard(self._waiting, other, item.id)
        elif item.state == "claimed":
            assert item.claim is not None, item
            _discard(self._claimed, item.claim.node, item.id)
            self._claims -= 1

    def check(self, rows: Mapping[int, Item]) -> None:
        """Assert that every listed item stands where a new listing would put it."""
        again = Listing()
        for item in sorted([*self.pending(), *self.claimed()]):
            again.enter(rows[item])
        assert again._pending == self._pending and again._claims == self._claims
        assert again.kinds == self.kinds
        assert {node: set(items) for node, items in again._claimed.items()} == {
            node: set(items) for node, items in self._claimed.items()
        }
        assert {other: set(items) for other, items in again._waiting.items()} == {
            other: set(items) for other, items in self._waiting.items()
        }


def _discard(index: dict[K, dict[int, None]], key: K, item: int) -> None:
    del index[key][item]
    if not index[key]:
        del index[key]
