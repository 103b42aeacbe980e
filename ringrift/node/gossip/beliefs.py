"""What is believed of each member: the strongest statement heard, whatever the order.

Statements are ordered by (boot, incarnation, alive < suspect < dead): a later life beats all that
was said of an earlier one, a denial beats the suspicion that it answers, and death within one
incarnation is final. Taking the greatest is commutative, associative and idempotent, so nodes that
heard the same believe the same.
"""

from dataclasses import dataclass, field
from typing import Literal

from ringrift.wire.gossip import Statement, Status

_RANK: dict[Status, int] = {"alive": 0, "suspect": 1, "dead": 2}
MAX_ACCUSERS = 4
"""Of more who suspect the same, none is noted: its time is at its shortest then."""

Strength = tuple[int, int, int]


def strength(statement: Statement) -> Strength:
    """What statements are compared by; the greater is believed."""
    return statement.boot, statement.incarnation, _RANK[statement.status]


@dataclass(slots=True)
class Belief:
    """`statement` since `since` (the caller's clock), and `lived` (the timers').

    `accusers` are who made it, in order. `cut` is True when this node saw the member's stream
    break, could not dial it again, and others who answer could not reach it either.
    """

    statement: Statement
    since: float
    lived: float
    accusers: list[str] = field(default_factory=list[str])
    cut: bool = False

    @property
    def status(self) -> Status:
        return self.statement.status


class Beliefs:
    """Beliefs by member."""

    def __init__(self) -> None:
        self.of: dict[str, Belief] = {}

    def hear(
        self, said: Statement, now: float, lived: float
    ) -> Literal["new", "confirmed", "known"]:
        """Take a statement in: it changed the belief, confirmed a suspicion, or neither."""
        belief = self.of.get(said.about)
        if belief is None or strength(said) > strength(belief.statement):
            self.of[said.about] = Belief(said, now, lived, [said.by])
            return "new"
        if (
            said.status == "suspect"
            and strength(said) == strength(belief.statement)
            and said.by not in belief.accusers
            and len(belief.accusers) < MAX_ACCUSERS
        ):
            belief.accusers.append(said.by)
            return "confirmed"
        return "known"
