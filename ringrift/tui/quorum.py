"""What the voters of a cluster still bear, counted from what one node knows of them. Pure.

A majority is one of all voters, never of the living. A voter of whom the node cannot know counts
neither as alive nor as away, and the words say what is left open by that.
"""

from dataclasses import dataclass

from ringrift.tui.columns import Cell, Tone
from ringrift.wire.views import StatusView

_SIGNS: dict[str, str] = {"healthy": "●", "degraded": "◐", "minimum": "△", "lost": "▲"}


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many vote, how many of them live, and of how many that cannot be known here."""

    voters: int
    alive: int
    unknown: int = 0

    @property
    def majority(self) -> int:
        return self.voters // 2 + 1

    @property
    def margin(self) -> int:
        """How many living voters there are beyond a majority; below 0 nothing can be decided."""
        return self.alive - self.majority

    @property
    def level(self) -> str:
        """The word that operators know the margin by: never better than what is known."""
        return (
            "lost" if self.margin < 0 else ("minimum", "degraded", "healthy")[min(self.margin, 2)]
        )

    @property
    def cell(self) -> Cell:
        """The level, toned as an alarm only when a voter is missing."""
        if not self.voters or (self.unknown and self.margin < 0):
            return Cell("? unknown", "warn")
        better = " or better" if self.unknown and self.margin < 2 else ""
        tone: Tone = "good" if self.level == "healthy" else "plain"
        if self.alive < self.voters and self.level != "healthy":
            tone = "bad" if self.level == "lost" else "warn"
        return Cell(f"{_SIGNS[self.level]} {self.level}{better}", tone)

    @property
    def count(self) -> Cell:
        """The voters alive of all, and the level when not all of them are."""
        words = f"{self.alive}/{self.voters} voter{'' if self.voters == 1 else 's'}"
        if 0 < self.voters == self.alive:
            return Cell(words, "plain")
        return Cell(f"{words}, quorum {self.cell.text[2:]}", self.cell.tone)

    @property
    def meaning(self) -> str:
        """The count, what it takes to decide, and what may still happen."""
        if not self.voters:
            return "no voter is known here yet"
        unknown = f" ({self.unknown} unknown)" if self.unknown else ""
        parts = [f"{self.alive} of {self.voters} alive{unknown}, {self.majority} decide"]
        if self.margin >= 0:
            bears = f"{self.margin} more" if self.margin else "none"
            parts.append(f"margin {self.margin}: {bears} may fail")
        elif not self.unknown:
            parts.append(f"nothing is decided before {-self.margin} more live")
        return "; ".join(parts)

    @property
    def is_even(self) -> bool:
        """Whether one voter fewer would bear as many failures."""
        return self.voters > 0 and self.voters % 2 == 0


def quorum_of(status: StatusView) -> Quorum:
    """Count the voters as the node that is asked believes of them."""
    alive = {member.id: member.alive for member in status.members}
    known = [alive.get(voter) for voter in status.voters]
    return Quorum(len(known), known.count(True), known.count(None))
