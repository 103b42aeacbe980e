"""A copy of a network that only evaluates: each norm is merged into the convolution before it.

`packing` goes further where the processor allows it.
"""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ringrift.train.network.layers import BoardConvolution
from ringrift.train.network.network import Network


class FoldedConvolution(nn.Module):
    """A `BoardConvolution` of a trained network, as one convolution with a bias."""

    mask: Tensor | None

    def __init__(self, unit: BoardConvolution, board: Tensor) -> None:
        super().__init__()
        self.relu = unit.relu
        self.convolution = fuse_conv_bn_eval(unit.convolution, unit.norm)
        # One copy a channel: broadcasting over channels costs four times as much in channels_last.
        channels = self.convolution.out_channels
        masked = bool((board == 0).any())
        mask = board.expand(1, channels, *board.shape).contiguous() if masked else None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        out = self.convolution(x)
        if residual is not None:
            out = out.add_(residual)
        if self.relu:
            out = functional.relu_(out)
        return out if self.mask is None else out.mul_(self.mask)


def folded(network: Network, dtype: torch.dtype = torch.float32) -> Network:
    """A copy of `network` in channels_last and `dtype`, for inference on the CPU or after `.to`."""
    out = copy.deepcopy(network).eval().requires_grad_(False)
    board = out.mask[0, 0]
    for parent in list(out.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BoardConvolution):
                setattr(parent, name, FoldedConvolution(child, board))
    # The stubs of torch know no `to` by memory format alone.
    return cast(Network, cast(Any, out).to(dtype=dtype, memory_format=torch.channels_last))
