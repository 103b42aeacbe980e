"""The work queue's rows and how they change: add, claim, end."""

from collections.abc import Iterator

from ringrift.node.cluster.work import Item


class WorkQueue:
    """Items by id, with the live ones by what they wait for."""

    def __init__(self) -> None:
        self.rows: dict[int, Item] = {}

    def pending(self) -> Iterator[Item]:
        """Pending items in the order in which they will be claimed."""
        items = [item for item in self.rows.values() if item.state == "pending"]
        return iter(sorted(items, key=lambda item: (-item.priority, item.id)))

    def claimed(self) -> Iterator[Item]:
        """Claimed items, oldest id first."""
        items = [item for item in self.rows.values() if item.state == "claimed"]
        return iter(sorted(items, key=lambda item: item.id))
