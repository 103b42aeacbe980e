"""What a node observes of itself: handed to the views, never written to the log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ringrift.node.gossip.core import Standing
from ringrift.node.gossip.softstate import Kept
from ringrift.node.health.gpu import Card
from ringrift.wire.gossip import MAX_GPUS, MAX_SICK, Gpu, MemoryTier, SoftState
from ringrift.wire.views import LoopView, ProgressView


@dataclass(frozen=True, slots=True)
class Host:
    """The machine under the node, as last measured; None where it was not, or cannot be."""

    cpu_percent: float | None = None
    memory_percent: float | None = None
    memory_pressure_tier: MemoryTier | None = None
    disk_free_bytes: int | None = None
    cards: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is shown: what stays the same for the life of the process."""

    cluster: str
    node_id: str
    name: str
    version: str
    profile: str
    pid: int


def soft_state(
    host: Host,
    loops: Iterable[LoopView],
    loop_lag_ms: float | None,
    slots: int,
    slots_busy: int,
    marks: Mapping[int, str],
) -> SoftState:
    """How this node is, in the form in which nodes tell each other."""
    sick = [loop.name for loop in loops if loop.healthy is False]
    cards = [Gpu(c.busy_percent, c.memory_used_bytes, c.memory_bytes) for c in host.cards]
    return SoftState(
        cpu_percent=host.cpu_percent,
        memory_percent=host.memory_percent,
        memory_tier=host.memory_pressure_tier,
        disk_free_bytes=host.disk_free_bytes,
        loop_lag_ms=loop_lag_ms,
        slots=slots,
        slots_busy=slots_busy,
        gpus=tuple(cards[:MAX_GPUS]),
        sick_loops=tuple(sick[:MAX_SICK]),
        mark=max(marks.items(), default=None),
    )


class Measured(Protocol):
    """What the recorder knows of the past; see `data.recorder.Recorder`."""

    def games_per_s(self, config: str) -> float | None: ...

    def last_at_ms(self, event: str) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Observed:
    """One moment of this node. Ages are taken against `now_ms`, the node's own wall clock.

    `progress` maps (item, claim) of a running child to what it said last, `hindered` each kind of
    work that this node may not claim now to why; `linked` are the nodes that it has streams to,
    `standings` what it believes of them, and `soft` how each of them saw itself last.
    """

    now_ms: int
    uptime_s: float
    leader_id: str | None
    term: int
    commit_index: int
    applied_index: int
    applied_age_s: float | None
    loops: tuple[LoopView, ...]
    host: Host
    loop_lag_ms: float | None
    slots: int
    slots_busy: int
    progress: dict[tuple[int, int], ProgressView]
    past: Measured
    hindered: dict[str, str] = field(default_factory=dict[str, str])
    linked: frozenset[str] = frozenset()
    standings: Mapping[str, Standing] = field(default_factory=dict[str, Standing])
    soft: Mapping[str, Kept] = field(default_factory=dict[str, Kept])

    def age_s(self, at_ms: int | None) -> float | None:
        """Return how long ago a wall-clock time was; never negative."""
        return None if at_ms is None else max(0.0, (self.now_ms - at_ms) / 1000)
