"""The book of hints: where which node may be, and which address to try next.

Hints come from sources that anybody may write to, so they are bounded, and what has been proven by
a connection outlives any flood of what was merely said. An address whose node is not known yet is
a question of its own ("who is there?"). Time is handed in, in the clock's seconds.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

Source = Literal["mdns", "tailscale", "static", "members", "seeds"]
Address = tuple[str, int]
"""Host and port of a node."""

MAX_HINTS = 1_024
MAX_PER_NODE = 16
FADES_S = 3_600.0
"""A sighting that is not repeated for so long is forgotten."""
FORGETS_EVERY_S = 60.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
LONGEST_GUESS_S = 600.0
"""Longest pause for a machine that is only known to be in the same tailnet."""

_K = TypeVar("_K")
_TRUST: dict[Source, int] = {"members": 4, "static": 3, "seeds": 2, "mdns": 1, "tailscale": 0}


@dataclass(frozen=True, slots=True)
class Hint:
    """`node` may be found at this host and port, says `source`; None: some node may be."""

    host: str
    port: int
    node: str | None
    source: Source


@dataclass(slots=True)
class _Entry:
    """What is known of one address of one node; never is an infinite time ago."""

    seen: dict[Source, float] = field(default_factory=dict[Source, float])
    worked_at: float = -math.inf
    failures: int = 0
    due_at: float = -math.inf

    @property
    def trust(self) -> int:
        return max((_TRUST[source] for source in self.seen), default=0)

    @property
    def known_at(self) -> float:
        """When it was last seen, or last worked."""
        return max([self.worked_at, *self.seen.values()])

    @property
    def is_proven(self) -> bool:
        """Whether the node was there when this address was last tried."""
        return self.worked_at > -math.inf and not self.failures

    def keeps(self, now: float) -> bool:
        return now - self.known_at <= FADES_S

    def worth(self) -> tuple[bool, int, float]:
        """What is worth less is forgotten first when there is too much."""
        return (self.worked_at > -math.inf, self.trust, self.known_at)

    def order(self) -> tuple[float, int, int]:
        """Smaller is tried first: what worked last, what failed least, who is to be believed."""
        return (-self.worked_at, self.failures, -self.trust)


_Places = dict[Address, _Entry]


class HintBook:
    """All hints, by node; `None` stands for whoever it may be."""

    def __init__(self) -> None:
        self._nodes: dict[str | None, _Places] = {}
        self._forgot_at = -math.inf

    def __len__(self) -> int:
        return sum(map(len, self._nodes.values()))

    def note(self, hints: Iterable[Hint], now: float) -> bool:
        """Note sightings, which fade; returns whether any tells of a new address."""
        return self._note(hints, now, now)

    def replace(self, source: Source, hints: Iterable[Hint], now: float) -> bool:
        """Note all that a source knows: it does not fade, and what it said before is void.

        Returns whether any tells of a new address. Raises ValueError for hints of another source.
        """
        hints = tuple(hints)
        if any(hint.source != source for hint in hints):
            raise ValueError(f"not all of these hints are of {source}")
        new = self._note(hints, math.inf, now)
        listed = {(hint.node, (hint.host, hint.port)) for hint in hints}
        for node, places in self._nodes.items():
            for address, entry in places.items():
                if (node, address) not in listed:
                    entry.seen.pop(source, None)
        self._forget(now)
        return new

    def worked(self, node: str, address: Address, now: float) -> None:
        """Note that `node` proved to be at an address; say so when a link begins and ends."""
        entry = self._nodes.setdefault(node, {}).setdefault(address, _Entry())
        entry.worked_at, entry.failures, entry.due_at = now, 0, -math.inf
        self._make_room({node}, now)

    def failed(self, node: str | None, address: Address, now: float) -> None:
        """Note that nobody answered there, or (with a `node`) somebody else did."""
        entry = self._nodes.get(node, {}).get(address)
        if entry is not None:
            entry.failures += 1
            guess = node is None and entry.seen.keys() <= {"tailscale"}
            longest = LONGEST_GUESS_S if guess else LONGEST_PAUSE_S
            entry.due_at = now + min(FIRST_PAUSE_S * 2.0 ** min(entry.failures - 1, 30), longest)

    def nodes(self, now: float) -> tuple[str, ...]:
        """The nodes of which an address is known."""
        return tuple(node for node in self._nodes if node is not None and self.addresses(node, now))

    def addresses(self, node: str, now: float) -> tuple[Address, ...]:
        """All addresses of a node in the order in which to try them."""
        return self._ordered(node, lambda entry: entry.keeps(now))

    def strangers(self, now: float) -> tuple[Address, ...]:
        """Addresses to be asked now who is there; none where somebody has proven to be.

        A claim that a node is there is no proof, so it does not keep anybody from asking.
        """
        proven = {
            address
            for node, places in self._nodes.items()
            for address, entry in places.items()
            if node is not None and entry.is_proven and entry.keeps(now)
        }
        due = self._ordered(None, lambda entry: entry.keeps(now) and entry.due_at <= now)
        return tuple(address for address in due if address not in proven)

    def _ordered(self, node: str | None, wanted: Callable[[_Entry], bool]) -> tuple[Address, ...]:
        found = [item for item in self._nodes.get(node, {}).items() if wanted(item[1])]
        return tuple(address for address, _ in sorted(found, key=lambda item: item[1].order()))

    def _note(self, hints: Iterable[Hint], until: float, now: float) -> bool:
        new = False
        nodes: set[str | None] = set()
        for hint in hints:
            nodes.add(hint.node)
            entry = self._nodes.setdefault(hint.node, {}).setdefault(
                (hint.host, hint.port), _Entry()
            )
            new |= not entry.keeps(now)
            entry.seen[hint.source] = until
        self._make_room(nodes, now)
        return new

    def _make_room(self, nodes: Iterable[str | None], now: float) -> None:
        """Drop what is worth least, if there is too much of one of these nodes or in all."""
        for node in nodes:
            if node is not None and len(places := self._nodes[node]) > MAX_PER_NODE:
                for address in _least(places.items(), len(places) - MAX_PER_NODE):
                    del places[address]
        if len(self) > MAX_HINTS or now - self._forgot_at >= FORGETS_EVERY_S:
            self._forget(now)
        if (excess := len(self) - MAX_HINTS) > 0:
            entries = [
                ((node, address), entry)
                for node, places in self._nodes.items()
                for address, entry in places.items()
            ]
            # Some more go, so that a flood does not cost this for each of its drops.
            for node, address in _least(entries, excess + MAX_HINTS // 8):
                del self._nodes[node][address]
            self._forget(now)

    def _forget(self, now: float) -> None:
        self._forgot_at = now
        for places in self._nodes.values():
            for address in [address for address, entry in places.items() if not entry.keeps(now)]:
                del places[address]
        self._nodes = {node: places for node, places in self._nodes.items() if places}


def _least(entries: Iterable[tuple[_K, _Entry]], count: int) -> list[_K]:
    """The keys of what is worth least."""
    return [key for key, _ in sorted(entries, key=lambda item: item[1].worth())[:count]]
