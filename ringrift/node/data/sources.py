"""Which nodes to ask for a blob, and in which order. Pure: time and chance are handed in."""

import random
from dataclasses import dataclass

from ringrift.node.cluster.members import Member
from ringrift.node.cluster.state import ClusterState
from ringrift.wire.join import Place

LATELY_S = 60.0
"""For this long a node that failed, or had not got a blob, is asked after the others."""
MOST_NOTES = 10_000
"""Nodes and blobs that are kept in mind; beyond, the oldest note is dropped."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the cluster knows of a blob: the node that made it, and how many bytes it has."""

    maker: str | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A node that may have a blob, and where it accepts connections."""

    node: str
    addresses: tuple[Place, ...]


def origin_of(state: ClusterState, sha256: str) -> Origin:
    """Who made a shard or a model; nobody that is known for any other hash."""
    shard = state.shards.rows.get(sha256)
    if shard is not None:
        return Origin(shard.maker, shard.facts.bytes)
    model = state.models.rows.get(sha256)
    return Origin() if model is None else Origin(model.maker, model.training.bytes)


class Sources:
    """The other nodes as sources of blobs, from the point of view of node `me`."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._noted: dict[tuple[str, str | None], float] = {}

    def failed(self, node: str, now: float) -> None:
        """Note that a node could not be reached, or sent what it should not."""
        self._note((node, None), now)

    def lacked(self, node: str, sha256: str, now: float) -> None:
        """Note that a node had not got a blob."""
        self._note((node, sha256), now)

    def order(
        self, state: ClusterState, sha256: str, now: float, rng: random.Random
    ) -> list[Source]:
        """Every node that can be asked, in the order to ask them.

        The maker first, then nodes that train, since blobs are sent to them first, then the others;
        alike ones by chance, so that not all ask the same. Who lately failed, or lacked it, last.
        """
        maker = origin_of(state, sha256).maker
        found = {row.id: row for row in state.members.machines() if row.id != self._me}
        ids = rng.sample(sorted(found), len(found))

        def key(node: str) -> tuple[bool, bool, bool]:
            bad = self._lately((node, None), now) or self._lately((node, sha256), now)
            return bad, node != maker, not _trains(found[node])

        addresses = {node: _addresses(row) for node, row in found.items()}
        return [Source(node, addresses[node]) for node in sorted(ids, key=key) if addresses[node]]

    def _note(self, what: tuple[str, str | None], now: float) -> None:
        self._noted.pop(what, None)
        self._noted[what] = now
        if len(self._noted) > MOST_NOTES:
            del self._noted[next(iter(self._noted))]

    def _lately(self, what: tuple[str, str | None], now: float) -> bool:
        return now - self._noted.get(what, float("-inf")) < LATELY_S


def _addresses(row: Member) -> tuple[Place, ...]:
    return row.reach.addresses if row.reach.inbound else ()


def _trains(row: Member) -> bool:
    return row.life is not None and "training" in row.life.abilities.kinds
