"""Folded bfloat16 filters as oneDNN wants them: weights packed once, relu and residual inside.

These are the operators that torch.compile calls, used without a compiler; docs/networks.md has what
they gain. They are private to torch, so `can_pack` asks for each.
"""

import platform
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ringrift.train.network.folding import FoldedConvolution, FoldedProduct
from ringrift.train.network.layers import from_grid, surroundings, to_grid
from ringrift.train.network.network import Network

# Packing for a batch of about the usual size also serves others; without any it is twice as slow.
_USUAL_BATCH = 64
_ONE = (1, 1)


class PackedConvolution(nn.Module):
    """Answers as the folded convolution that it is made of, but for rounding."""

    def __init__(self, folded: FoldedConvolution) -> None:
        super().__init__()
        convolution, self._board = folded.convolution, folded.board
        self._padding = cast(tuple[int, int], convolution.padding)
        self._after = "relu" if folded.relu else None
        self._bias = convolution.bias
        self._weight = _operators()._reorder_convolution_weight(
            convolution.weight,
            self._padding,
            _ONE,
            _ONE,
            1,
            (_USUAL_BATCH, convolution.in_channels, *self._board),
        )

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        convolve = _operators()._convolution_pointwise
        given = (self._weight, self._bias, self._padding, _ONE, _ONE, 1)
        grid = to_grid(x, self._board)
        if residual is None:
            out = convolve(grid, *given, self._after or "none", [], "")
        else:
            other = to_grid(residual, self._board)
            out = convolve.binary(grid, other, *given, "add", 1.0, self._after, [], "")
        return from_grid(out)


class PackedProduct(nn.Module):
    """Answers as the folded product that it is made of, but for rounding."""

    def __init__(self, folded: FoldedProduct, cells: int) -> None:
        super().__init__()
        self._near, self._relu, self._bias = folded.near, folded.relu, folded.product.bias
        weight, rows = folded.product.weight, _USUAL_BATCH * cells
        self._weight = _operators()._reorder_linear_weight(weight, rows)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        multiply = _operators()._linear_pointwise
        read = x if self._near is None else surroundings(x, self._near)
        if residual is None:
            after = "relu" if self._relu else "none"
            return multiply(read, self._weight, self._bias, after, [], "")
        out = multiply.binary(read, residual, self._weight, self._bias, "add")
        return functional.relu_(out) if self._relu else out


def packed(network: Network) -> Network:
    """A folded bfloat16 network with its filters packed, in place; only where `can_pack`."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, FoldedConvolution):
                setattr(parent, name, PackedConvolution(child))
            elif isinstance(child, FoldedProduct):
                setattr(parent, name, PackedProduct(child, network.cells))
    return network


def can_pack() -> bool:
    """Whether this processor and this torch have the operators, in bfloat16."""
    wanted = (
        "_convolution_pointwise",
        "_reorder_convolution_weight",
        "_linear_pointwise",
        "_reorder_linear_weight",
        "_is_mkldnn_bf16_supported",
    )
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()
        and all(hasattr(_operators(), name) for name in wanted)
        and bool(_operators()._is_mkldnn_bf16_supported())
    )


def _operators() -> Any:
    """torch's oneDNN operators, which have no stubs."""
    return cast(Any, torch.ops).mkldnn
