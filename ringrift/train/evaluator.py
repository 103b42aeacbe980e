"""A network as search uses it: numpy planes in, policy logits and seat values out, fast.

Batch norms are folded into their convolutions. bfloat16 in channels_last is used where a check at
the start finds it both faster on this processor and close to float32 on this very network.
"""

import copy
import time
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ringrift.engine.config import Config
from ringrift.train.network import PolicyValueNetwork, ResidualBlock, initial_network
from ringrift.train.weights import load_weights

Precision = Literal["auto", "float32", "bfloat16"]

_LARGEST_ERROR = 0.02
_CHECK_BATCH = 32
_USUAL_CHOICES = 45
_CHECK_ROUNDS = 5


class Evaluator:
    """Judges positions of one config with one network, on the calling thread's torch threads."""

    def __init__(self, network: PolicyValueNetwork, precision: Precision = "auto") -> None:
        """Fold a copy of `network`; "auto" measures whether bfloat16 is faster and close enough."""
        self.architecture = network.architecture
        exact = folded(network)
        self._network = exact
        self._dtype = torch.float32
        if precision == "float32":
            return
        rounded = copy.deepcopy(exact).bfloat16()
        if precision == "bfloat16" or _worth_rounding(exact, rounded):
            self._network, self._dtype = rounded, torch.bfloat16

    @property
    def precision(self) -> str:
        """ "float32" or "bfloat16", as chosen."""
        return str(self._dtype).removeprefix("torch.")

    def evaluate(
        self, planes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits float32[B, actions], values float32[B, players]) of planes float32[B, P, H, W].

        Values are probabilities to win, relative to the mover: index 0 is the seat to act, the
        others follow in seat order. Logits of illegal choices mean nothing.
        """
        logits, values = _forward(self._network, torch.as_tensor(planes), self._dtype)
        return (
            cast(NDArray[np.float32], logits.numpy()),
            cast(NDArray[np.float32], values.numpy()),
        )


def load_evaluator(
    config: Config,
    weights: Path | None,
    *,
    seed: int,
    sha256: str | None = None,
    precision: Precision = "auto",
) -> Evaluator:
    """The evaluator of a weights file, or, without one, of the untrained network of `seed`.

    Raises WeightsError when the file is damaged or not of `config`; `sha256` is checked if given.
    """
    if weights is None:
        return Evaluator(initial_network(config, seed), precision)
    return Evaluator(load_weights(weights, config, sha256)[1], precision)


def folded(network: PolicyValueNetwork) -> PolicyValueNetwork:
    """A copy for evaluation in channels_last, each batch norm merged into its convolution."""
    out = copy.deepcopy(network).eval().requires_grad_(False)
    out.stem, out.stem_norm = _fused(out.stem, out.stem_norm)
    out.value, out.value_norm = _fused(out.value, out.value_norm)
    for block in cast(list[ResidualBlock], list(out.tower)):
        block.first, block.first_norm = _fused(block.first, block.first_norm)
        block.second, block.second_norm = _fused(block.second, block.second_norm)
    # The stubs of torch know no `to` by memory format alone.
    return cast(PolicyValueNetwork, cast(Any, out).to(memory_format=torch.channels_last))


def _fused(convolution: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    return fuse_conv_bn_eval(convolution, cast(nn.BatchNorm2d, norm)), nn.Identity()


def _forward(
    network: PolicyValueNetwork, planes: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        logits, values = network(planes.to(dtype, memory_format=torch.channels_last))
        return logits.float(), torch.softmax(values.float(), dim=1)


def _worth_rounding(exact: PolicyValueNetwork, rounded: PolicyValueNetwork) -> bool:
    """Whether `rounded` is faster and gives no probability that is off by more than .02.

    Probabilities as search uses them: of the seats, and over as many actions as are legal at once.
    """
    a = exact.architecture
    noise = np.random.default_rng(0).random((_CHECK_BATCH, a.planes, a.height, a.width))
    planes = torch.as_tensor((noise < 0.2).astype(np.float32)) * exact.mask[:, :1]
    logits, values = _forward(exact, planes, torch.float32)
    other_logits, other_values = _forward(rounded, planes, torch.bfloat16)
    legal = slice(None, None, max(1, logits.shape[1] // _USUAL_CHOICES))
    policy = torch.softmax(logits[:, legal], 1)
    other_policy = torch.softmax(other_logits[:, legal], 1)
    error = max(
        float((policy - other_policy).abs().max()), float((values - other_values).abs().max())
    )
    if not error <= _LARGEST_ERROR:
        return False
    return _seconds(rounded, planes, torch.bfloat16) < _seconds(exact, planes, torch.float32)


def _seconds(network: PolicyValueNetwork, planes: Tensor, dtype: torch.dtype) -> float:
    """The shortest of a few runs, so that a busy moment does not decide."""
    best = float("inf")
    for _ in range(_CHECK_ROUNDS):
        start = time.perf_counter()
        _forward(network, planes, dtype)
        best = min(best, time.perf_counter() - start)
    return best
