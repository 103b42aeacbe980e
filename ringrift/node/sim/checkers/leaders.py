"""Terms are led by one node each, once; what they are told of votes and entries is so."""

from dataclasses import dataclass

from ringrift.node.sim.checkers.violation import Now, Violation
from ringrift.wire.log import Voters


@dataclass(frozen=True, slots=True)
class Decision:
    """The leader of `term` takes everything up to `index`, an entry of `entry_term`, as decided
    by `voters`; its own log is on disk up to `durable`."""

    node: str
    term: int
    index: int
    entry_term: int
    voters: Voters
    durable: int


class Leaders:
    """Who came to lead which term, and who voted for whom."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._leaders: dict[int, str] = {}
        self._told: dict[tuple[str, int], int] = {}
        self._votes: dict[tuple[str, int], str] = {}
        self._newest = 0

    @property
    def newest_term(self) -> int:
        """The highest term that anybody came to lead, 0 before the first."""
        return self._newest

    def leads(self, node: str, term: int) -> bool:
        return self._leaders.get(term) == node

    def became_leader(self, node: str, term: int) -> None:
        earlier = self._leaders.get(term)
        # The same node again is as bad: it would have forgotten that it gave itself its vote.
        if earlier is not None:
            text = f"{node} came to lead term {term}, which {earlier} has led already."
            raise Violation("one leader a term", node, self._now(), text)
        self._leaders[term] = node
        self._newest = max(self._newest, term)

    def voted(self, node: str, term: int, candidate: str) -> None:
        """A node told a candidate, or as one the others, that it has its vote."""
        earlier = self._votes.setdefault((node, term), candidate)
        if earlier != candidate:
            text = f"it voted for {candidate} in term {term}, in which {earlier} has its vote."
            raise Violation("one vote a term", node, self._now(), text)

    def acknowledges(self, node: str, term: int, index: int, durable: int | None) -> None:
        """A node tells the leader of `term` that it has everything up to `index`."""
        if durable is not None and index > durable:
            text = f"it acknowledged entries up to {index}, but only {durable} are durable."
            raise Violation("a node acknowledges what it has durably", node, self._now(), text)
        self._told[node, term] = max(index, self._told.get((node, term), 0))

    def decides(self, decision: Decision) -> None:
        """Judge a leader's advance: entries of earlier terms may be on a majority and yet be
        overwritten (thesis, figure 3.7), those of its own may not."""
        node, term, index = decision.node, decision.term, decision.index
        if decision.entry_term != term:
            text = f"as leader of {term} it decided entry {index} of term {decision.entry_term}."
            raise Violation("a leader decides by its own term", node, self._now(), text)
        have = [v for v in decision.voters if v != node and self._told.get((v, term), 0) >= index]
        if node in decision.voters and decision.durable >= index:
            have.append(node)
        if len(have) * 2 <= len(decision.voters):
            text = (
                f"it decided entry {index} that {'+'.join(sorted(have)) or 'nobody'} of "
                f"{'+'.join(decision.voters)} has durably."
            )
            raise Violation("a majority decides", node, self._now(), text)
