"""Which copies of the state are not like the others: by digests that nodes tell of equal entries.

All copies are made by the same entries, so they differ only through a fault: a flipped bit, a
version that applies otherwise. What most voters hold is right, and who holds something else is odd.
Where no majority holds the same, nobody is. This finds faults, not liars.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

REMEMBERED = 8
"""How many marks of a node are kept: by how much it may be ahead of this one, or behind."""

Mark = tuple[int, str]
"""An entry, and the digest of a state up to there."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What comparing showed, at the newest entry that another node told of as well (0: none).

    `equal` counts the other copies that are like this one there. `odd` maps each node whose copy is
    not what most voters hold to an entry at which it is not; `split` is an entry at which copies
    differ and no majority of the voters holds the same.
    """

    index: int = 0
    equal: int = 0
    odd: Mapping[str, int] = field(default_factory=dict[str, int])
    split: int | None = None


class Agreement:
    """What others told; `hear` them, then `compare`."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._told: dict[str, tuple[int, deque[Mark]]] = {}

    def hear(self, node: str, boot: int, mark: Mark) -> None:
        """A node says this of its copy in its life `boot`; the next life has another copy."""
        before = self._told.get(node)
        if before is None or before[0] != boot:
            before = self._told[node] = (boot, deque(maxlen=REMEMBERED))
        if mark not in before[1]:
            before[1].append(mark)

    def compare(
        self, mine: Mapping[int, str], nodes: Iterable[str], voters: Iterable[str]
    ) -> Findings:
        """Compare this node's marks with what the others said; the rest of `nodes` is forgotten."""
        known = set(nodes) - {self._me}
        self._told = {node: told for node, told in self._told.items() if node in known}
        by_entry: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for node, (_, marks) in self._told.items():
            for index, digest in marks:
                if index in mine:
                    by_entry[index][node] = digest
        odd: dict[str, int] = {}
        split: int | None = None
        for index, told in sorted(by_entry.items()):
            told[self._me] = mine[index]
            held = _held_by_most(told, tuple(voters))
            if held is not None:
                odd.update({node: index for node, digest in told.items() if digest != held})
            elif len(set(told.values())) > 1:
                split = index
        if not by_entry:
            return Findings()
        newest = max(by_entry)
        same = sum(digest == mine[newest] for digest in by_entry[newest].values()) - 1
        return Findings(newest, same, odd, split)


def _held_by_most(told: Mapping[str, str], voters: tuple[str, ...]) -> str | None:
    """The digest that more than half of all voters told."""
    counted = Counter(told[voter] for voter in voters if voter in told)
    for digest, count in counted.most_common(1):
        if 2 * count > len(voters):
            return digest
    return None
