"""The symmetries of a board as tables: where each maps cells, directions and axes."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.rules import board_cells, directions_of, line_axes, spread_offsets

Matrix = tuple[int, int, int, int]
"""(a, b, c, d): (x, y) goes to (a x + b y, c x + d y), about the middle of the board."""

_IDENTITY: Matrix = (1, 0, 0, 1)
_MIRROR: Matrix = (0, 1, 1, 0)
_SQUARE_TURN: Matrix = (0, -1, 1, 0)
_HEX_TURN: Matrix = (1, 1, -1, 0)  # a sixth: (x, y, z) goes to (-z, -x, -y)


class Symmetries(NamedTuple):
    """The 8 of a square board or 12 of a hex board; the first is the identity.

    `exact[k]` says that the rules treat a position and its image alike. On hex8 a claimed region's
    border spreads over eight neighbours of which two stand askew (ENGINE_NOTES 9.4), and only 4 of
    the 12 leave that as it is. A second exception is no symmetry's own: of equally long runs that a
    recovery makes, the one on the earlier axis collapses (7.2).
    """

    cell: NDArray[np.int16]  # [count, cells]
    direction: NDArray[np.int16]  # [count, 8], -1 padded
    axis: NDArray[np.int16]  # [count, 4], -1 padded
    exact: NDArray[np.bool_]  # [count]


def _times(m: Matrix, n: Matrix) -> Matrix:
    a, b, c, d = m
    e, f, g, h = n
    return (a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)


def _group(turn: Matrix) -> list[Matrix]:
    """All products of the turn and the mirror."""
    found: list[Matrix] = [_IDENTITY]
    while (turned := _times(turn, found[-1])) != _IDENTITY:
        found.append(turned)
    return [*found, *(_times(m, _MIRROR) for m in found)]


def _image(m: Matrix, x: int, y: int) -> tuple[int, int]:
    return m[0] * x + m[1] * y, m[2] * x + m[3] * y


@lru_cache(maxsize=16)
def symmetries_for(config: Config) -> Symmetries:
    """The tables of the board of `config`, built once and shared."""
    cells, is_hex = board_cells(config), config.facts.is_hex
    # Twice the coordinates from the middle, so that they stay whole on a board of even side.
    middle = 0 if is_hex else config.facts.side - 1
    number = {(2 * x - middle, 2 * y - middle): i for i, (x, y) in enumerate(cells)}
    directions, axes = directions_of(config), line_axes(config)
    spread = set(spread_offsets(config))
    group = _group(_HEX_TURN if is_hex else _SQUARE_TURN)
    direction = np.full((len(group), 8), -1, dtype=np.int16)
    axis = np.full((len(group), 4), -1, dtype=np.int16)
    for k, m in enumerate(group):
        direction[k, : len(directions)] = [directions.index(_image(m, *d)) for d in directions]
        for i, a in enumerate(axes):
            x, y = _image(m, *a)
            axis[k, i] = next(j for j, b in enumerate(axes) if b in ((x, y), (-x, -y)))
    cell = np.array([[number[_image(m, *at)] for at in number] for m in group], dtype=np.int16)
    exact = np.array([{_image(m, *offset) for offset in spread} == spread for m in group])
    for table in (cell, direction, axis, exact):
        table.setflags(write=False)
    return Symmetries(cell, direction, axis, exact)
