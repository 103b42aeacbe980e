"""The newest soft state of each node, with its age."""

from dataclasses import dataclass

from ringrift.wire.gossip import Soft, SoftState

_MAX_AGE_MS = 2**53


@dataclass(frozen=True, slots=True)
class Kept:
    """A node's soft state of (`boot`, `version`), said at `said_at` on this node's clock."""

    boot: int
    version: int
    said_at: float
    state: SoftState

    def told(self, node: str, now: float) -> Soft:
        """The state as it is told to others now."""
        age_ms = min(_MAX_AGE_MS, int(1000 * max(0.0, now - self.said_at)))
        return Soft(node, self.boot, self.version, age_ms, self.state)


class SoftStates:
    """Soft states by node: the last writer, which is always the node itself, wins."""

    def __init__(self) -> None:
        self.of: dict[str, Kept] = {}

    def hear(self, soft: Soft, now: float) -> bool:
        """Take a state in; whether it was newer than what there was."""
        if self.version(soft.node) >= (soft.boot, soft.version):
            return False
        said_at = now - soft.age_ms / 1000
        self.of[soft.node] = Kept(soft.boot, soft.version, said_at, soft.state)
        return True

    def version(self, node: str) -> tuple[int, int]:
        """What is known of a node, as (boot, version); smaller than any when nothing is."""
        kept = self.of.get(node)
        return (-1, -1) if kept is None else (kept.boot, kept.version)
