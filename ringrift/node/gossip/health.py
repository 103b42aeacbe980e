"""How well this node is as an observer: who is slow itself must judge others slowly."""


class LocalHealth:
    """Lifeguard's local health: 0 is well, `worst` is worst; durations are multiplied by it."""

    def __init__(self, worst: int) -> None:
        self.score = 0
        self._worst = worst

    @property
    def factor(self) -> int:
        """By how much this node's times of probing are stretched."""
        return 1 + self.score

    def better(self) -> None:
        """A probe was answered in time."""
        self.score = max(0, self.score - 1)

    def worse(self, by: int = 1) -> None:
        """Something failed that a node in good health would not have failed at."""
        self.score = min(self._worst, self.score + by)
