"""What is to be told onwards: to whom it was told, and how many times yet."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

Key = tuple[str, str]
"""Whom a rumour is about, and who began it."""


@dataclass(slots=True)
class _Rumour(Generic[T]):
    item: T
    left: int
    told: dict[str, int] = field(default_factory=dict[str, int])


class Rumours(Generic[T]):
    """Rumours by key; each is told to a bounded number of peers once, and to each of `always`,
    who have few that tell them anything, `repeats` times."""

    def __init__(self, repeats: int) -> None:
        self.always: frozenset[str] = frozenset()
        self._repeats = repeats
        self._rumours: dict[Key, _Rumour[T]] = {}

    def put(self, key: Key, item: T, times: int) -> None:
        """Tell something so many times, in place of what there was under its key."""
        self._rumours[key] = _Rumour(item, times)

    def drop(self, key: Key) -> None:
        """Tell something no more."""
        self._rumours.pop(key, None)

    def knows(self, peer: str, key: Key) -> None:
        """A peer has told what is under the key, so it need not be told."""
        rumour = self._rumours.get(key)
        if rumour is not None:
            rumour.told[peer] = self._repeats

    def waiting(self, peers: Iterable[str]) -> list[str]:
        """Those of the peers to whom there is something to tell."""
        return [peer for peer in peers if any(self._wanted(peer, r) for r in self._of())]

    def take(self, peer: str, most: int) -> list[T]:
        """What to tell a peer now, what was told least first; counted as told."""
        if not self._rumours:
            return []
        chosen = [r for r in self._of() if self._wanted(peer, r)]
        chosen.sort(key=lambda rumour: -rumour.left)
        for rumour in chosen[:most]:
            rumour.told[peer] = rumour.told.get(peer, 0) + 1
            rumour.left -= 1
        self._forget_old()
        return [rumour.item for rumour in chosen[:most]]

    def _of(self) -> Iterable[_Rumour[T]]:
        return self._rumours.values()

    def _wanted(self, peer: str, rumour: _Rumour[T]) -> bool:
        told = rumour.told.get(peer, 0)
        return told < self._repeats if peer in self.always else told == 0 and rumour.left > 0

    def _forget_old(self) -> None:
        old = [
            key
            for key, rumour in self._rumours.items()
            if rumour.left <= 0 and not any(self._wanted(peer, rumour) for peer in self.always)
        ]
        for key in old:
            del self._rumours[key]
