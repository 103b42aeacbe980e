"""The members as gossip needs them: who there is, and who may have a stream with whom.

Nodes that accept connections have streams with one another; the others have some with their
anchors only. Whoever may have a stream with a member observes it, and nobody else judges it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringrift.node.cluster.members import Member


@dataclass(frozen=True, slots=True)
class Place:
    """One member: whether it votes, accepts connections, or else through whom it is reached."""

    votes: bool = False
    inbound: bool = True
    anchors: frozenset[str] = frozenset()

    @property
    def witness(self) -> bool:
        """Whether its word on a stream that broke is enough to have others look at once."""
        return self.votes or self.inbound


def places_of(members: Iterable[Member]) -> dict[str, Place]:
    """The places of those members that are nodes and have ever lived."""
    return {
        row.id: Place(
            row.role == "voter", row.life.reach.inbound, frozenset(row.life.reach.anchors)
        )
        for row in members
        if row.machine and row.life is not None
    }


class Places:
    """The member table, and what follows from it for one node."""

    def __init__(self, me: str, table: Mapping[str, Place]) -> None:
        self.table = dict(table)
        inbound = frozenset(name for name, place in table.items() if place.inbound)
        self._observers: dict[str, frozenset[str]] = {
            name: (inbound if place.inbound else place.anchors & inbound) - {name}
            for name, place in table.items()
        }
        clients: dict[str, set[str]] = {}
        for name, place in table.items():
            if not place.inbound:
                for anchor in place.anchors & inbound:
                    clients.setdefault(anchor, set()).add(name)
        for anchor, names in clients.items():
            self._observers[anchor] |= names
        self.mine = frozenset(n for n, who in self._observers.items() if me in who)
        """Whom this node observes."""
        self.clients = frozenset(clients.get(me, ()))
        """Who depends on this node, and two others, to hear anything."""

    def observers(self, member: str) -> frozenset[str]:
        """Who may judge a member; nobody, of one that is not there."""
        return self._observers.get(member, frozenset())
