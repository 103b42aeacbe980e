"""What this node may claim now: desired mode, memory and disk in, kinds of work out. Pure."""

from dataclasses import dataclass
from typing import get_args

from ringrift.node.cluster.work import Kind
from ringrift.node.health.memory import TIERS, Tier


@dataclass(frozen=True, slots=True)
class Admission:
    """The kinds that may be claimed, and in a few words why not the others (empty: all may).

    `draining` asks for more: what runs is to be handed in, too, now.
    """

    kinds: tuple[Kind, ...]
    reason: str = ""
    draining: bool = False


def admission(
    kinds: tuple[Kind, ...],
    *,
    active: bool,
    hands_in: bool,
    tier: Tier | None,
    disk_free_bytes: int | None,
    disk_floor_bytes: int,
    quarantine: str = "",
) -> Admission:
    """Judge what to claim; a measurement that is not there yet forbids nothing.

    `quarantine` says what is wrong with this node's copy of the state, if anything is.
    WARNING stops new selfplay and CRITICAL everything new (SYSTEM.md 2.10); what runs goes on.
    """
    if quarantine:
        return Admission((), f"quarantine: {quarantine}")
    if not active:
        return Admission((), "draining", draining=hands_in)
    if disk_free_bytes is not None and disk_free_bytes < disk_floor_bytes:
        free = f"{disk_free_bytes / 1e9:.1f} GB free, {disk_floor_bytes / 1e9:.1f} GB needed"
        return Admission((), f"disk: {free}")
    pressure = 0 if tier is None else TIERS.index(tier)
    if pressure >= TIERS.index("CRITICAL"):
        return Admission((), f"memory: {tier}")
    if pressure >= TIERS.index("WARNING"):
        return Admission(tuple(k for k in kinds if k != "selfplay"), f"memory: {tier}")
    return Admission(kinds)


def hindered(kinds: tuple[Kind, ...], admitted: Admission) -> dict[str, str]:
    """Return each kind of work that a node of these `kinds` may not claim now, with the reason."""
    return {
        kind: admitted.reason if kind in kinds else "this node does none of it (worker.kinds)"
        for kind in get_args(Kind)
        if kind not in admitted.kinds
    }
