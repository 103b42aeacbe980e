"""The one score of an installation, 0…1, with its terms: what the sentinel shows.

Weights and levels are SYSTEM.md 2.3 b. A term that is not known makes the score unknown, because a
default in its place would be an invention; a lost quorum is CRITICAL whatever else is well.
"""

from dataclasses import dataclass
from typing import Literal

from ringrift.node.health.memory import SCORES, Tier

Level = Literal["HEALTHY", "WARNING", "DEGRADED", "CRITICAL"]

WEIGHTS = {"memory": 0.30, "coordinator": 0.30, "quorum": 0.25, "daemons": 0.15}
WARNING_BELOW = 0.85
DEGRADED_BELOW = 0.65
CRITICAL_BELOW = 0.45
QUORUM_LOST_AT_MOST = 0.44
NO_COORDINATOR = 0.3

FORMULA = (
    "0.30·memory (NORMAL 1, CAUTION .75, WARNING .5, CRITICAL .25, EMERGENCY 0)"
    " + 0.30·coordinator (a leader is known 1, none .3)"
    " + 0.25·quorum (held 1, lost 0)"
    " + 0.15·daemons (healthy loops / loops that should run)"
    "; at most .44 (CRITICAL) while the quorum is lost; unknown while a term is unknown"
)


@dataclass(frozen=True, slots=True)
class Resilience:
    """A score with the terms it was made of, each 0…1 or None when not known."""

    score: float | None
    components: dict[str, float | None]


def resilience(
    memory: Tier | None,
    leader_known: bool | None,
    quorum_held: bool | None,
    loops: tuple[bool | None, ...] | None,
) -> Resilience:
    """Score an installation.

    `loops` holds the health of every loop; None in it means starting, or ended on purpose, which
    neither helps nor harms.
    """
    judged = None if loops is None else [healthy for healthy in loops if healthy is not None]
    components: dict[str, float | None] = {
        "memory": None if memory is None else SCORES[memory],
        "coordinator": None if leader_known is None else 1.0 if leader_known else NO_COORDINATOR,
        "quorum": None if quorum_held is None else float(quorum_held),
        "daemons": sum(judged) / len(judged) if judged else None,
    }
    known = {name: value for name, value in components.items() if value is not None}
    if len(known) < len(components):
        return Resilience(None, components)
    score = sum(WEIGHTS[name] * value for name, value in known.items())
    if quorum_held is False:
        score = min(score, QUORUM_LOST_AT_MOST)
    return Resilience(score, components)


def level(score: float) -> Level:
    """Name a score."""
    if score < CRITICAL_BELOW:
        return "CRITICAL"
    if score < DEGRADED_BELOW:
        return "DEGRADED"
    return "WARNING" if score < WARNING_BELOW else "HEALTHY"
