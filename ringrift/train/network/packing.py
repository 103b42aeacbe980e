"""Folded bfloat16 convolutions as oneDNN wants them: weights packed once, relu and residual inside.

These are the operators that torch.compile calls, used without a compiler; docs/networks.md has what
they gain. They are private to torch, so `can_pack` asks for each.
"""

import platform
from typing import Any, cast

import torch
from torch import Tensor, nn

from ringrift.train.network.folding import FoldedConvolution
from ringrift.train.network.network import Network

# Packing for a batch of about the usual size also serves others; without any it is twice as slow.
_USUAL_BATCH = 64
_ONE = (1, 1)


class PackedConvolution(nn.Module):
    """Answers as the folded convolution that it is made of, but for rounding."""

    mask: Tensor | None

    def __init__(self, folded: FoldedConvolution, height: int, width: int) -> None:
        super().__init__()
        convolution = folded.convolution
        self.register_buffer("mask", folded.mask, persistent=False)
        self._padding = cast(tuple[int, int], convolution.padding)
        self._after = "relu" if folded.relu else None
        self._bias = convolution.bias
        self._weight = _operators()._reorder_convolution_weight(
            convolution.weight,
            self._padding,
            _ONE,
            _ONE,
            1,
            (_USUAL_BATCH, convolution.in_channels, height, width),
        )

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        convolve = _operators()._convolution_pointwise
        given = (self._weight, self._bias, self._padding, _ONE, _ONE, 1)
        if residual is None:
            out = convolve(x, *given, self._after or "none", [], "")
        else:
            out = convolve.binary(x, residual, *given, "add", 1.0, self._after, [], "")
        return out if self.mask is None else out.mul_(self.mask)


def packed(network: Network) -> Network:
    """A folded bfloat16 network with its convolutions packed, in place; only where `can_pack`."""
    a = network.architecture
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, FoldedConvolution):
                setattr(parent, name, PackedConvolution(child, a.height, a.width))
    return network


def can_pack() -> bool:
    """Whether this processor and this torch have the operators, in bfloat16."""
    wanted = ("_convolution_pointwise", "_reorder_convolution_weight", "_is_mkldnn_bf16_supported")
    return (
        platform.machine() in ("x86_64", "AMD64")
        and torch.backends.mkldnn.is_available()
        and all(hasattr(_operators(), name) for name in wanted)
        and bool(_operators()._is_mkldnn_bf16_supported())
    )


def _operators() -> Any:
    """torch's oneDNN operators, which have no stubs."""
    return cast(Any, torch.ops).mkldnn
