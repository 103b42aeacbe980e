"""How far back training looks: a window that grows more slowly than the games do.

Wu, "Accelerating self-play learning in Go" (2019), appendix C: early games, played by a network
that knew nothing, leave the window soon; later ones, which differ less, stay longer.
"""

GROWTH_EXPONENT = 0.75
GROWTH_SCALE = 0.4
LAPTOP_START_ROWS = 20_000
GPU_START_ROWS = 250_000


def window_rows(seen: int, start: int = LAPTOP_START_ROWS) -> int:
    """The newest full-search rows to draw from when `seen` have been played in all.

    All of them up to `start` = c; beyond that c (1 + beta ((N/c)^alpha - 1) / alpha), whose slope
    at c is `GROWTH_SCALE` = beta and falls from there. Raises ValueError on a negative number.
    """
    if seen < 0 or start < 1:
        raise ValueError(f"seen is {seen} and start {start}; they must be at least 0 and 1.")
    if seen <= start:
        return seen
    grown = ((seen / start) ** GROWTH_EXPONENT - 1) / GROWTH_EXPONENT
    return int(start * (1 + GROWTH_SCALE * grown))
