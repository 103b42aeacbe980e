"""A copy of a network that only evaluates: each norm is merged into the filter before it.

`packing` goes further where the processor allows it.
"""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from ringrift.train.network.layers import (
    BoardConvolution,
    GridFilter,
    HexFilter,
    from_grid,
    surroundings,
    to_grid,
)
from ringrift.train.network.network import Network


class FoldedConvolution(nn.Module):
    """A `BoardConvolution` of a square board, as one convolution with a bias."""

    def __init__(self, unit: BoardConvolution, filtered: GridFilter) -> None:
        super().__init__()
        self.relu, self.board = unit.relu, filtered.board
        self.convolution = fuse_conv_bn_eval(filtered.convolution, unit.norm)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        out = from_grid(self.convolution(to_grid(x, self.board)))
        return _ended(out, residual, self.relu)


class FoldedProduct(nn.Module):
    """Any other `BoardConvolution`, as one product with a bias."""

    near: Tensor | None

    def __init__(self, unit: BoardConvolution, filtered: HexFilter | nn.Linear) -> None:
        super().__init__()
        self.relu = unit.relu
        near, product = None, filtered
        if isinstance(filtered, HexFilter):
            near, product = filtered.near, filtered.product
        self.register_buffer("near", near, persistent=False)
        self.product = cast(nn.Linear, cast(Any, fuse_linear_bn_eval)(product, unit.norm))

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        read = x if self.near is None else surroundings(x, self.near)
        return _ended(self.product(read), residual, self.relu)


def folded(network: Network, dtype: torch.dtype = torch.float32) -> Network:
    """A copy of `network` in channels_last and `dtype`, for inference on the CPU or after `.to`."""
    out = copy.deepcopy(network).eval().requires_grad_(False)
    for parent in list(out.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BoardConvolution):
                setattr(parent, name, _folded(child))
    # The stubs of torch know no `to` by memory format alone.
    return cast(Network, cast(Any, out).to(dtype=dtype, memory_format=torch.channels_last))


def _folded(unit: BoardConvolution) -> nn.Module:
    if isinstance(unit.filter, GridFilter):
        return FoldedConvolution(unit, unit.filter)
    return FoldedProduct(unit, unit.filter)


def _ended(out: Tensor, residual: Tensor | None, relu: bool) -> Tensor:
    if residual is not None:
        out = out.add_(residual)
    return functional.relu_(out) if relu else out
