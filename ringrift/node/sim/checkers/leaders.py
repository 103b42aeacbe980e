"""Terms are led by one node each, once."""

from ringrift.node.sim.checkers.violation import Now, Violation


class Leaders:
    """Who came to lead which term."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._leaders: dict[int, str] = {}
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
