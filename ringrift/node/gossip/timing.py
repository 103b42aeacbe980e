"""Every duration of gossip, from the cluster's one profile of time."""

import math
from dataclasses import dataclass
from typing import Literal

from ringrift.node.consensus.raft.timing import Timing

Pace = Literal["partitioned", "recovering", "stable"]

COMPARE_S: dict[Pace, float] = {"partitioned": 5.0, "recovering": 10.0, "stable": 30.0}
"""Between two comparisons of all that is known with a random peer."""
PUBLISH_S = 10.0
"""Between two looks at a node's own soft state."""
CONFIRMATIONS = 3
"""So many observers who confirm a suspicion leave it its shortest time."""
SHORTEST = 2.5
"""The shortest time of a suspicion in a cluster of ten, in probing intervals."""
STRETCH = 6.0
"""An unconfirmed suspicion lasts so many times the shortest."""
REDIAL_S = 1.0
"""A stream that closed has been dialled again within this, and refused, where a host still runs."""


@dataclass(frozen=True, slots=True)
class GossipTiming:
    """Seconds. All observers of a member together probe it about once every `probe`.

    A direct ping has `answer`, the way through others the rest of `probe`. News waits at most
    `rumour` between two tellings. Both times of probing are multiplied by the observer's own
    ill health, from 1 to 1 + `worst`; who finds itself `late` by more was not running. A suspicion
    of a member whose stream closed and could not be dialled again lasts `cut`.
    """

    probe: float
    answer: float
    rumour: float
    cut: float
    late: float
    worst: int = 8

    def __post_init__(self) -> None:
        assert 0 < 2 * self.answer <= self.probe, self
        assert 0 < self.rumour <= self.answer < self.late, self
        assert 0 < REDIAL_S + self.probe + self.cut < 5.0, self
        assert all(10 * self.rumour < every for every in COMPARE_S.values()), self
        for members in (2, 50, 1_000):
            # A rumour triples in each round; the denial travels as far as the suspicion did.
            there_and_back = 2 * self.rumour * math.log(members, 3)
            assert there_and_back < self.suspicion(members, CONFIRMATIONS, CONFIRMATIONS), self

    def suspicion(self, members: int, confirmed: int, wanted: int) -> float:
        """How long a member may be suspect of which `confirmed` of `wanted` others are also."""
        shortest = SHORTEST * max(1.0, math.log10(members)) * self.probe
        if confirmed >= wanted:
            return shortest
        share = math.log(confirmed + 1) / math.log(wanted + 1)
        return shortest * (STRETCH - (STRETCH - 1.0) * share)


def gossip_timing(timing: Timing) -> GossipTiming:
    """The durations that go with those of consensus."""
    # On one machine or in one room a node that computes beside others may still have to wait for a
    # processor for this long.
    answer = max(0.3, timing.heartbeat)
    probe = max(1.0, 2.5 * timing.heartbeat)
    return GossipTiming(
        probe=probe, answer=answer, rumour=probe / 5, cut=2 * probe, late=2 * answer
    )
