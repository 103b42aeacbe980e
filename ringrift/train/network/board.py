"""The cells of a board as a network sees them: where each lies, and what lies around it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ringrift.engine.rules import Tables


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """A board on the grid of its planes.

    `xy` int64[cells, 2] is row and column of each cell on that grid, in the engine's order. On a
    hexagonal board the columns are slanted: (row, column) and (row + 1, column - 1) touch, while
    (row + 1, column + 1) is two steps away.
    """

    height: int
    width: int
    hexagonal: bool
    xy: Tensor

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.xy)

    @property
    def places(self) -> Tensor:
        """int64[cells]: where each cell lies on the flat grid."""
        return self.xy[:, 0] * self.width + self.xy[:, 1]

    def around(self, size: int) -> Tensor:
        """int64[cells, K] the cells within (size - 1) / 2 steps of each on a hexagonal board.

        `cells` stands for what is off the board. Place k is the mirror image of place K - 1 - k:
        if b is the k-th around a, then a is the (K - 1 - k)-th around b.
        """
        reach = size // 2
        steps = range(-reach, reach + 1)
        offsets = [(x, y) for x in steps for y in steps if abs(x + y) <= reach]
        # The border makes every step end on the grid.
        grid = torch.full((self.height + 2 * reach, self.width + 2 * reach), self.cells)
        rows, columns = (self.xy + reach).T
        grid[rows, columns] = torch.arange(self.cells)
        return torch.stack([grid[rows + x, columns + y] for x, y in offsets], dim=1)


def board_of(tables: Tables) -> Board:
    """The board of a config."""
    xy = torch.as_tensor(tables.xy.astype("int64")) + tables.radius
    return Board(tables.height, tables.width, bool(tables.is_hex), xy)
