"""How much of the cluster a node sees, and so how often it compares all that it knows."""

from collections.abc import Iterable
from typing import Literal

from ringrift.node.gossip.timing import COMPARE_S, Pace

Partition = Literal["none", "minority", "isolated"]
"""More than half of the members are seen alive, more than a fifth, or fewer."""

RETIRED_S = 300.0
"""A member that was not alive for so long counts no more."""
HEALTHY_ROUNDS = 5


def partition_of(others: Iterable[tuple[bool, float]]) -> Partition:
    """How much is seen of the other members, each (alive, seconds since that began).

    This node counts as seen. With nobody left to see it is isolated, unless it is the cluster.
    """
    everyone = list(others)
    relevant = [alive for alive, since in everyone if alive or since <= RETIRED_S]
    if not relevant:
        return "isolated" if everyone else "none"
    seen, all_of_them = 1 + sum(relevant), 1 + len(relevant)
    if 2 * seen > all_of_them:
        return "none"
    return "minority" if 5 * seen > all_of_them else "isolated"


class Pacing:
    """Partitioned, recovering, or, after five healthy rounds of comparing, stable."""

    def __init__(self) -> None:
        self.pace: Pace = "partitioned"
        self._healthy = 0

    @property
    def interval(self) -> float:
        """Seconds between two comparisons."""
        return COMPARE_S[self.pace]

    def look(self, partition: Partition) -> None:
        """See how the cluster looks, also between two rounds."""
        if partition != "none":
            self.pace, self._healthy = "partitioned", 0
        elif self.pace == "partitioned":
            self.pace = "recovering"

    def round(self, partition: Partition) -> None:
        """End a round."""
        self.look(partition)
        if self.pace != "partitioned":
            self._healthy += 1
            if self._healthy >= HEALTHY_ROUNDS:
                self.pace = "stable"
