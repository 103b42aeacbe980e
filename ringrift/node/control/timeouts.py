"""How long one piece of work may take at most: by its kind, and by the size of its board."""

from typing import Literal

from ringrift.node.cluster.work import Kind

Board = Literal["hex8", "square8", "square19", "hexagonal"]

SECONDS: dict[Kind, dict[Board, int]] = {
    "selfplay": {"hex8": 7_200, "square8": 7_200, "square19": 7_200, "hexagonal": 7_200},
    "training": {"hex8": 7_200, "square8": 7_200, "square19": 14_400, "hexagonal": 18_000},
    "evaluation": {"hex8": 3_600, "square8": 7_200, "square19": 10_800, "hexagonal": 14_400},
}
"""Larger boards have longer games: those of square19 and hexagonal take hours."""


def timeout_s(kind: Kind, config: str, factor: float) -> int:
    """The longest run of an item of a configuration, on machines `factor` times as slow."""
    longest = next(s for board, s in SECONDS[kind].items() if config.startswith(f"{board}_"))
    return max(1, min(int(longest * factor), 7 * 86_400))
