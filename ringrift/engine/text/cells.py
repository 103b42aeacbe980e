"""Names of cells: x,y on square boards, cube x,y,z on hex boards (FORMAT 1.1)."""

from functools import lru_cache

from ringrift.engine.config import BOARDS, Config
from ringrift.engine.rules import Tables, board_cells


@lru_cache
def cell_names(board: str) -> tuple[str, ...]:
    """Names of the cells of a board in cell order."""
    cells = board_cells(Config(board, 2))
    if BOARDS[board].is_hex:
        return tuple(f"{x},{y},{-x - y}" for x, y in cells)
    return tuple(f"{x},{y}" for x, y in cells)


@lru_cache
def cell_numbers(board: str) -> dict[str, int]:
    """Cell of each name of a board."""
    return {name: cell for cell, name in enumerate(cell_names(board))}


@lru_cache
def _board_of_size(cells: int) -> str:
    return next(board.name for board in BOARDS.values() if board.cells == cells)


def board_of(t: Tables) -> str:
    """Name of the board of these tables."""
    return _board_of_size(t.cells)
