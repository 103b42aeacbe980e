"""Layers on a board: whatever they take and give is zero off the board.

On a masked hex grid that makes a cell outside the board look like padding at the edge, so that no
filter, norm or pool learns from places that do not exist.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class BoardConvolution(nn.Module):
    """Convolution, batch norm over the board's cells, a residual if given, relu unless off."""

    cells: Tensor | None

    def __init__(
        self, inputs: int, outputs: int, size: int, board: Tensor, *, relu: bool = True
    ) -> None:
        """`board[H, W]` is 1 on cells of the board, 0 outside."""
        super().__init__()
        self.relu = relu
        self.convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        masked = bool((board == 0).any())
        cells = board.flatten().nonzero().flatten() if masked else None
        self.register_buffer("cells", cells, persistent=False)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        filtered = self.convolution(x)
        if residual is None:
            return self._normed(filtered, self.relu)
        out = self._normed(filtered, relu=False) + residual
        return functional.relu_(out) if self.relu else out

    def _normed(self, x: Tensor, relu: bool) -> Tensor:
        if self.cells is None:
            return functional.relu_(self.norm(x)) if relu else self.norm(x)
        # Picking the cells costs less than masking: all that follows has fewer of them.
        batch, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(batch, height * width, channels)
        rows = rows.index_select(1, self.cells)
        normed = self.norm(rows.reshape(-1, channels, 1, 1)).reshape(rows.shape)
        if relu:
            normed = functional.relu_(normed)
        grid = normed.new_zeros(batch, height * width, channels).index_copy(1, self.cells, normed)
        return grid.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def board_sum(x: Tensor) -> Tensor:
    """`[B, C, H, W]`, zero off the board, summed to `[B, C]`."""
    # In the memory order of channels_last, which a processor sums many times faster.
    return x.permute(0, 2, 3, 1).flatten(1, 2).sum(1)


class BoardPool(nn.Module):
    """`[B, C, H, W]` to `[B, 2 C]`: each channel's mean over the cells, then its maximum.

    The maximum takes in the zeros off the board, so channels must not be negative.
    """

    def __init__(self, board: Tensor) -> None:
        super().__init__()
        self._cells = float(board.sum())

    def forward(self, x: Tensor) -> Tensor:
        largest = functional.adaptive_max_pool2d(x, 1).flatten(1)
        return torch.cat([board_sum(x) / self._cells, largest], dim=1)


class SqueezeExcite(nn.Module):
    """Scales each channel by what all channels hold in the mean (Hu et al. 2018)."""

    def __init__(self, channels: int, ratio: int, board: Tensor) -> None:
        super().__init__()
        self._cells = float(board.sum())
        self.down = nn.Linear(channels, max(1, channels // ratio))
        self.up = nn.Linear(max(1, channels // ratio), channels)

    def forward(self, x: Tensor) -> Tensor:
        means = board_sum(x) / self._cells
        scale = torch.sigmoid(self.up(functional.relu(self.down(means))))
        return x * scale[:, :, None, None]


class GlobalBias(nn.Module):
    """Adds to each channel what pooled channels of their own say (Wu 2019, section 4.1)."""

    mask: Tensor

    def __init__(self, channels: int, board: Tensor) -> None:
        super().__init__()
        pooled = max(1, channels // 4)
        self.register_buffer("mask", board[None, None], persistent=False)
        self.convolution = BoardConvolution(channels, pooled, 3, board)
        self.pool = BoardPool(board)
        self.bias = nn.Linear(2 * pooled, channels)

    def forward(self, x: Tensor, inner: Tensor) -> Tensor:
        """`inner` with the bias that follows from `x`; zero off the board."""
        bias = self.bias(self.pool(self.convolution(x)))
        return inner + bias[:, :, None, None] * self.mask
