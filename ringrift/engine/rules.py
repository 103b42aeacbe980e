"""One table of geometry and rule numbers a config: the first argument of every kernel.

All configs share one NamedTuple type with identical dtypes, so that each kernel compiles once.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.errors import EngineError
from ringrift.engine.state import CELLS

MAX_POOL = 10_000

# (dx, dy); on hex boards z = -x-y.
_SQUARE_DIRECTIONS = ((1, 0), (0, 1), (1, 1), (1, -1), (-1, 0), (0, -1), (-1, -1), (-1, 1))
_HEX_DIRECTIONS = ((1, 0), (1, -1), (0, 1), (-1, 0), (-1, 1), (0, -1))

# ENGINE_NOTES section 1, in its binding order. A line's first cell is its lowest in cell order, so
# hex (0,-1,1) is walked as (0,1,-1): the same line.
_SQUARE_AXES = ((1, 0), (0, 1), (1, 1), (1, -1))
_HEX_AXES = ((1, 0), (1, -1), (0, 1))

# Policy planes besides moves: placements by count, eliminations, and the six of `kernels.encoding`.
PLACE_PLANES = 3
SCALAR_PLANES = 6

# Feature planes of `kernels.planes`: a seat's, one a phase, and those about the turn.
SEAT_PLANES = 13
PHASE_PLANES = 7
TURN_PLANES = 11


class Tables(NamedTuple):
    """Geometry, rule numbers, row layout and encoding sizes of one config.

    Cells are numbered by x, then y. `height` x `width` is the grid of planes (a hex board lies on a
    masked square grid); `grid[cell]` is the flat place of a cell on it.
    """

    players: int
    cells: int
    height: int
    width: int
    state_size: int  # int16 slots of a row
    max_moves: int  # proven bound on the number of legal choices of any state
    actions: int  # size of the policy index space, a multiple of height * width
    planes: int  # feature planes
    rings: int  # rings per player at the start
    threshold: int  # credited eliminations that win
    territory: int  # collapsed cells that win
    lps_rounds: int
    line: int  # markers in a row that make a line
    directions: int
    distances: int  # longest ray in steps
    axes: int
    pool: int  # ring nodes of a row
    at_height: int
    at_cap: int
    at_top: int
    at_bottom: int
    at_owner: int
    at_below: int
    is_hex: int
    spreads: int  # whether the border of a region goes on over markers that touch
    radius: int
    nbr: NDArray[np.int16]  # [cells, 8] next cell in a direction, -1 off the board
    axis: NDArray[np.int16]  # [4, 2] forward and backward direction of a line axis
    xy: NDArray[np.int16]  # [cells, 2]
    grid: NDArray[np.int16]  # [cells]
    cell_at: NDArray[np.int16]  # [height * width] the cell on a place of the grid, -1 none
    rows: NDArray[np.uint64]  # [height] the cells of the board as bits (`kernels.bitmaps`)
    board: NDArray[np.float32]  # [height * width] 1 on the board, 0 outside


def board_cells(config: Config) -> tuple[tuple[int, int], ...]:
    """All cells as (x, y) in cell order."""
    board = config.facts
    if not board.is_hex:
        return tuple((x, y) for x in range(board.side) for y in range(board.side))
    r = board.radius
    return tuple((x, y) for x in range(-r, r + 1) for y in range(-r, r + 1) if abs(x + y) <= r)


Offsets = tuple[tuple[int, int], ...]


def directions_of(config: Config) -> Offsets:
    """Of movement, capture, lines and recovery, in the order of their numbers."""
    return _HEX_DIRECTIONS if config.facts.is_hex else _SQUARE_DIRECTIONS


def line_axes(config: Config) -> Offsets:
    """In their binding order, each walked from its lowest cell on."""
    return _HEX_AXES if config.facts.is_hex else _SQUARE_AXES


def spread_offsets(config: Config) -> Offsets:
    """The neighbourhood over which the border of a claimed region spreads (ENGINE_NOTES 9.4)."""
    return () if config.board == "hexagonal" else _SQUARE_DIRECTIONS


def _neighbours(
    cells: tuple[tuple[int, int], ...], offsets: tuple[tuple[int, int], ...], columns: int
) -> NDArray[np.int16]:
    number = {cell: i for i, cell in enumerate(cells)}
    table = np.full((len(cells), columns), -1, dtype=np.int16)
    for i, (x, y) in enumerate(cells):
        for d, (dx, dy) in enumerate(offsets):
            table[i, d] = number.get((x + dx, y + dy), -1)
    table.setflags(write=False)
    return table


def _frozen(values: object) -> NDArray[np.int16]:
    table = np.ascontiguousarray(np.array(values, dtype=np.int16))
    table.setflags(write=False)
    return table


def _axes(
    directions: tuple[tuple[int, int], ...], axes: tuple[tuple[int, int], ...]
) -> NDArray[np.int16]:
    rows = [(directions.index((x, y)), directions.index((-x, -y))) for x, y in axes]
    return _frozen(rows + [(-1, -1)] * (4 - len(rows)))


def _max_moves(cells: int, directions: int, pool: int, longest: int) -> int:
    """A bound on the legal choices of any state.

    Movement: looking back from a landing cell in one direction, only the first stack can have moved
    there and only the second can have captured over the first: 2 x directions x cells. Recovery: a
    slide is an adjacent pair (marker, no marker), at most directions x cells / 2 of them, each with
    at most one choice per stack of two rings or more and one per window of a line. Every other
    phase has less.
    """
    recovery = directions * (cells // 2) * (min(pool // 2, cells) + longest)
    return max(2 * directions * cells, recovery) + 2


def _check_overrides(rings: int, threshold: int, lps_rounds: int, pool: int) -> None:
    if not 1 <= rings <= MAX_POOL:
        raise EngineError(f"rings_per_player is {rings}; it must be 1 to {MAX_POOL}.")
    if pool > MAX_POOL:
        raise EngineError(f"rings in play are {pool}; they must be at most {MAX_POOL} in all.")
    if not 1 <= threshold <= MAX_POOL:
        raise EngineError(f"victory_threshold is {threshold}; it must be 1 to {MAX_POOL}.")
    if not 1 <= lps_rounds <= MAX_POOL:
        raise EngineError(f"lps_rounds is {lps_rounds}; it must be 1 to {MAX_POOL}.")


def tables_for(
    config: Config,
    *,
    rings_per_player: int | None = None,
    victory_threshold: int | None = None,
    lps_rounds: int = 3,
    rings_in_play: int = 0,
) -> Tables:
    """The tables of `config`, built once and shared.

    `rings_in_play` makes room for a position that holds more rings than the rules allow.

    The standard threshold is round(R x (2/3 + (n-1)/3)) = round(R (n+1) / 3), never a tie.
    Raises EngineError when an override is out of range.
    """
    rings = config.facts.rings if rings_per_player is None else rings_per_player
    threshold = round(rings * (config.players + 1) / 3)
    if victory_threshold is not None:
        threshold = victory_threshold
    pool = max(config.players * rings, rings_in_play)
    _check_overrides(rings, threshold, lps_rounds, pool)
    return _tables(config, rings, threshold, lps_rounds, pool)


@lru_cache(maxsize=256)
def _tables(config: Config, rings: int, threshold: int, lps_rounds: int, pool: int) -> Tables:
    board, n = config.facts, config.players
    cells = board_cells(config)
    count = len(cells)
    directions, axes = directions_of(config), line_axes(config)
    after_cells = CELLS + 5 * count
    policy_planes = (
        PLACE_PLANES
        + len(directions) * (board.side - 1)
        + 1
        + 2 * len(axes)
        + (n + 1)
        + len(directions)
        + SCALAR_PLANES
    )
    shift = board.radius
    grid = _frozen([(x + shift) * board.side + y + shift for x, y in cells])
    places = np.full(board.side**2, -1)
    places[grid] = np.arange(count)
    on_board = np.zeros(board.side**2, dtype=np.float32)
    on_board[grid] = 1.0
    on_board.setflags(write=False)
    bits = on_board.reshape(board.side, board.side).astype(np.uint64) << np.arange(
        board.side, dtype=np.uint64
    )
    rows = bits.sum(axis=1, dtype=np.uint64)
    rows.setflags(write=False)
    return Tables(
        players=n,
        cells=count,
        height=board.side,
        width=board.side,
        state_size=after_cells + 2 * pool,
        max_moves=_max_moves(count, len(directions), pool, board.side),
        actions=policy_planes * board.side * board.side,
        planes=SEAT_PLANES * n + PHASE_PLANES + TURN_PLANES,
        rings=rings,
        threshold=threshold,
        territory=count // n + 1,
        lps_rounds=lps_rounds,
        line=board.line_length(n),
        directions=len(directions),
        distances=board.side - 1,
        axes=len(axes),
        pool=pool,
        at_height=CELLS + count,
        at_cap=CELLS + 2 * count,
        at_top=CELLS + 3 * count,
        at_bottom=CELLS + 4 * count,
        at_owner=after_cells,
        at_below=after_cells + pool,
        is_hex=int(board.is_hex),
        spreads=int(len(spread_offsets(config)) > 0),
        radius=board.radius,
        nbr=_neighbours(cells, directions, 8),
        axis=_axes(directions, axes),
        xy=_frozen(cells),
        grid=grid,
        cell_at=_frozen(places),
        rows=rows,
        board=on_board,
    )
