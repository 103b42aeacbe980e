"""Sets of cells as bits, a uint64 a row of the plane grid: areas are grown a row at a time.

Cell (x, y) is bit y of row x. Every constant is wrapped in uint64: mixed with plain ints, shifts
would be arithmetic ones.
"""

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64, kernel
from ringrift.engine.rules import Tables
from ringrift.engine.state import CELLS, COLLAPSED, MARKER, Row

Bits = NDArray[np.uint64]

ZERO = np.uint64(0)
ONE = np.uint64(1)


@kernel
def bit_of(t: Tables, cell: int) -> np.uint64:
    """The bit of a cell in its row."""
    return ONE << np.uint64(int64(t.xy[cell, 1]) + t.radius)


@kernel
def row_of(t: Tables, cell: int) -> int:
    """The row of a cell."""
    return int64(t.xy[cell, 0]) + t.radius


@kernel
def scan(t: Tables, s: Row, bits: Bits) -> None:
    """Write the cells of every content: bits[content, row] for EMPTY .. STACK + 3."""
    bits[:] = ZERO
    for c in range(t.cells):
        bits[int64(s[CELLS + c]), row_of(t, c)] |= bit_of(t, c)


@kernel
def list_cells(t: Tables, area: Bits, out: Row) -> int:
    """Write the cells of an area in cell order; their number."""
    n = 0
    for x in range(t.height):
        rest = area[x]
        y = 0
        while rest != ZERO:
            if rest & ONE:
                out[n] = t.cell_at[x * t.width + y]
                n += 1
            rest >>= ONE
            y += 1
    return n


@kernel
def _along(seeds: np.uint64, inside: np.uint64) -> np.uint64:
    """All runs of `inside` that hold a seed; seeds must be inside."""
    # Adding a seed carries through the rest of its run and clears it; there is no such trick for
    # the other way, but seldom far to go.
    found = seeds | (inside & ~(inside + seeds))
    new = (found >> ONE) & inside & ~found
    while new != ZERO:
        found |= new
        new = (new >> ONE) & inside & ~found
    return found


@kernel
def _grow_row(t: Tables, inside: Bits, area: Bits, x: int, ahead: int) -> bool:
    """Let row `x` take what touches the row `ahead` of it; whether it took anything."""
    touched = area[x + ahead]
    if t.is_hex == 1:
        # Rows above lean to one side, rows below to the other.
        touched |= touched >> ONE if ahead < 0 else touched << ONE
    new = touched & inside[x] & ~area[x]
    if new == ZERO:
        return False
    area[x] = _along(new | area[x], inside[x])
    return True


@kernel
def flood(t: Tables, inside: Bits, area: Bits) -> None:
    """Grow an area, which must lie inside, to all that is connected with it inside."""
    for x in range(t.height):
        if area[x] != ZERO:
            area[x] = _along(area[x], inside[x])
    grew = True
    while grew:
        grew = False
        for x in range(1, t.height):
            grew = _grow_row(t, inside, area, x, -1) or grew
        for x in range(t.height - 2, -1, -1):
            grew = _grow_row(t, inside, area, x, 1) or grew


@kernel
def area_of(t: Tables, bits: Bits, border: int, inside: Bits) -> None:
    """Write where regions may lie: no wall, and no marker of content `border` (-1: any may)."""
    for x in range(t.height):
        inside[x] = t.rows[x]
        for k in range(t.players):
            inside[x] &= ~bits[COLLAPSED + k, x]
        if border >= 0:
            inside[x] &= ~bits[border, x]


@kernel
def _beside(t: Tables, area: Bits, x: int) -> np.uint64:
    """The cells of row `x` with a neighbour in the area, by territory adjacency."""
    found = (area[x] << ONE) | (area[x] >> ONE)
    if x > 0:
        found |= area[x - 1]
        if t.is_hex == 1:
            found |= area[x - 1] >> ONE
    if x + 1 < t.height:
        found |= area[x + 1]
        if t.is_hex == 1:
            found |= area[x + 1] << ONE
    return found


@kernel
def _around(t: Tables, area: Bits, x: int) -> np.uint64:
    """The cells of row `x` in or next to the area on the square grid, corners included."""
    found = area[x]
    if x > 0:
        found |= area[x - 1]
    if x + 1 < t.height:
        found |= area[x + 1]
    return found | (found << ONE) | (found >> ONE)


@kernel
def border_of(t: Tables, bits: Bits, area: Bits, border: Bits) -> None:
    """Write the border of a region: markers next to it, and those they touch (ENGINE_NOTES 9.4)."""
    for x in range(t.height):
        border[x] = _beside(t, area, x) & _markers(bits, x) & ~area[x]
    grew = t.spreads == 1
    while grew:
        grew = False
        for x in range(t.height):
            new = _around(t, border, x) & _markers(bits, x) & ~area[x] & ~border[x]
            if new != ZERO:
                border[x] |= new
                grew = True


@kernel
def _markers(bits: Bits, x: int) -> np.uint64:
    found = ZERO
    for content in range(MARKER, COLLAPSED):
        found |= bits[content, x]
    return found
