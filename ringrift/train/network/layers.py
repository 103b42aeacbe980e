"""Layers on a board: features are `[B, cells, C]`, in the engine's order of the cells.

There is nothing off the board: no layer computes, norms or pools places that do not exist. On a
square board that order of memory is a grid in channels_last, so that filters there are torch's.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from ringrift.train.network.board import Board


def surroundings(x: Tensor, near: Tensor) -> Tensor:
    """`[B, cells, K C]`: what lies around each cell by `near` int64[cells, K], 0 off the board."""
    batch, cells, channels = x.shape
    # The cell after the last stands for what is off the board.
    edged = functional.pad(x, (0, 0, 0, 1))
    return edged.index_select(1, near.flatten()).reshape(batch, cells, near.shape[1] * channels)


class _Filtered(torch.autograd.Function):
    """`surroundings(x) @ weight.T` whose gradient gathers too; torch's would scatter, far slower.

    Nothing but `x` is kept for it: gathering anew costs less than the memory.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, near: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, near)
        return functional.linear(surroundings(x, near), weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None]:
        x, weight, near = cast(tuple[Tensor, Tensor, Tensor], ctx.saved_tensors)
        grad = grads[0]
        outputs, size = len(weight), near.shape[1]
        to_weight = grad.flatten(0, 1).T @ surroundings(x, near).flatten(0, 1)
        if not ctx.needs_input_grad[0]:
            return None, to_weight, None
        # By `Board.around`'s symmetry a cell gets its gradient from its own surroundings.
        mirrored = weight.reshape(outputs, size, -1).flip(1).permute(2, 1, 0).flatten(1)
        return functional.linear(surroundings(grad, near), mirrored), to_weight, None


class HexFilter(nn.Module):
    """A convolution of a hexagonal board: one product over each cell and those around it.

    Seven cells instead of the nine of a 3 x 3 filter on the slanted grid, of which two are no
    neighbours; and 61 of the 81 places of hex8. docs/networks.md has what that gains.
    """

    near: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, board: Board) -> None:
        super().__init__()
        near = board.around(size)
        self.register_buffer("near", near, persistent=False)
        self.product = nn.Linear(near.shape[1] * inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, cells, inputs]` to `[B, cells, outputs]`."""
        weight, kind = self.product.weight, x.device.type
        if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            x, weight = x.to(dtype), weight.to(dtype)
        return cast(Any, _Filtered).apply(x, weight, self.near)


class GridFilter(nn.Module):
    """A convolution of a square board."""

    def __init__(self, inputs: int, outputs: int, size: int, board: Board) -> None:
        super().__init__()
        self.board = board.height, board.width
        self.convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, cells, inputs]` to `[B, cells, outputs]`."""
        return from_grid(self.convolution(to_grid(x, self.board)))


def to_grid(x: Tensor, board: tuple[int, int]) -> Tensor:
    """`[B, cells, C]` of a square board of (height, width) seen as `[B, C, H, W]`."""
    return x.reshape(len(x), *board, x.shape[2]).permute(0, 3, 1, 2)


def from_grid(x: Tensor) -> Tensor:
    """The reverse of `to_grid`."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def _filter(
    inputs: int, outputs: int, size: int, board: Board
) -> HexFilter | GridFilter | nn.Linear:
    if size == 1:
        return nn.Linear(inputs, outputs, bias=False)
    return (HexFilter if board.hexagonal else GridFilter)(inputs, outputs, size, board)


class BoardConvolution(nn.Module):
    """A filter, batch norm, a residual if given, relu unless off."""

    def __init__(
        self, inputs: int, outputs: int, size: int, board: Board, *, relu: bool = True
    ) -> None:
        super().__init__()
        self.relu = relu
        self.filter = _filter(inputs, outputs, size, board)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        out: Tensor = self.filter(x)
        # As a grid of one place: the kernels for two dimensions are the quick ones.
        out = self.norm(out.reshape(-1, out.shape[2], 1, 1)).reshape(out.shape)
        if residual is not None:
            out = out + residual
        return functional.relu_(out) if self.relu else out


def board_mean(x: Tensor) -> Tensor:
    """`[B, cells, C]` to `[B, C]`."""
    return x.sum(1) * (1 / x.shape[1])  # half the time of `mean`


def board_pool(x: Tensor) -> Tensor:
    """`[B, cells, C]` to `[B, 2 C]`: each channel's mean over the cells, then its maximum."""
    # As a grid of one column, whose pool a processor has a quick kernel for.
    column = x.unsqueeze(2).permute(0, 3, 1, 2)
    return torch.cat([board_mean(x), functional.adaptive_max_pool2d(column, 1).flatten(1)], dim=1)


class SqueezeExcite(nn.Module):
    """Scales each channel by what all channels hold in the mean (Hu et al. 2018)."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.down = nn.Linear(channels, max(1, channels // ratio))
        self.up = nn.Linear(max(1, channels // ratio), channels)

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.sigmoid(self.up(functional.relu(self.down(board_mean(x)))))
        return x * scale[:, None]


class GlobalBias(nn.Module):
    """Adds to each channel what pooled channels of their own say (Wu 2019, section 4.1)."""

    def __init__(self, channels: int, board: Board) -> None:
        super().__init__()
        pooled = max(1, channels // 4)
        self.convolution = BoardConvolution(channels, pooled, 3, board)
        self.bias = nn.Linear(2 * pooled, channels)

    def forward(self, x: Tensor, inner: Tensor) -> Tensor:
        """`inner` with the bias that follows from `x`."""
        return inner + self.bias(board_pool(self.convolution(x)))[:, None]
