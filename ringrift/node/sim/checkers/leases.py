"""A leader ends no claim before a whole term has passed, by its own clock, in which it might have
heard of it: since it came to lead, since the claim was granted, and since it was renewed."""

from collections.abc import Iterable

from ringrift.node.control.leases import ClaimKey
from ringrift.node.sim.checkers.violation import Now, Violation


class Leases:
    """What each leader was told of claims, by its own clock: another may run at another rate."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._heard: dict[str, dict[ClaimKey, float]] = {}
        self._led_since: dict[str, float] = {}

    def leads(self, node: str, at: float) -> None:
        """A leadership begins, and knows nothing of earlier ones."""
        self._heard[node], self._led_since[node] = {}, at

    def heard(self, node: str, claims: Iterable[ClaimKey], at: float) -> None:
        """A leader granted these claims just now, or took their holder's renewal."""
        self._heard.setdefault(node, {}).update(dict.fromkeys(claims, at))

    def ends(self, node: str, claim: ClaimKey, term_s: float, at: float) -> None:
        """A leader proposes to end a claim because nobody renewed it for `term_s` seconds."""
        since = self._heard[node].get(claim, self._led_since[node])
        if at - since < term_s:
            text = (
                f"it ends the claim of item {claim[0]} by entry {claim[1]}, of which it could have "
                f"heard for {at - since:.3f} s only, not for {term_s:.3f} s."
            )
            raise Violation("a renewed claim lives on", node, self._now(), text)
