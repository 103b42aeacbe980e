"""A network as search uses it: numpy planes in, policy logits and utilities out, fast.

bfloat16 is used where a check at the start finds it both faster on this device and close to
float32 on this very network. What is tested is the CPU; CUDA (reduced precision, pinned transfers)
and MPS (float32) follow torch's documentation, and no machine of this project's tests has either.
"""

import time
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ringrift.engine.config import Config
from ringrift.train.devices import Device, FittingBatches, device_for
from ringrift.train.network import Network, Outputs, initial_network
from ringrift.train.network.folding import folded
from ringrift.train.network.packing import can_pack, packed
from ringrift.train.weights import load_weights

Precision = Literal["auto", "float32", "bfloat16"]

# Of a seat's utility, what is not the chance to win is its expected place (more than two seats).
RANK_SHARE = 0.2
_LARGEST_ERROR = 0.02
_CHECK_BATCH = 32
_USUAL_CHOICES = 45
_CHECK_ROUNDS = 20
_CHECK_SECONDS = 0.5


class EvaluatorError(ValueError):
    """A network that search cannot use: one sentence that says why."""


class Evaluator:
    """Judges positions of one config with one network, on the calling thread's torch threads."""

    def __init__(
        self, network: Network, precision: Precision = "auto", device: Device = "auto"
    ) -> None:
        """Fold a copy of `network`; "auto" measures whether bfloat16 is faster and close enough.

        Raises EvaluatorError for a network that needs scalars, DeviceError for a missing device.
        """
        self.architecture = network.architecture
        if network.architecture.scalars:
            raise EvaluatorError(
                f"scalars is {network.architecture.scalars}; search hands a network planes alone, "
                "so use one with scalars=0."
            )
        place = device_for(device)
        exact = _Judge(folded(network), torch.float32, place)
        self._judge = _chosen(network, exact, precision)
        self._fitting = FittingBatches(self._judge)

    @property
    def precision(self) -> str:
        """ "float32" or "bfloat16", as chosen."""
        return str(self._judge.dtype).removeprefix("torch.")

    def evaluate(
        self, planes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits float32[B, actions], utilities float32[B, players]) of planes[B, P, H, W].

        Utilities are as of `utilities`, relative to the mover: index 0 is the seat to act, the
        others follow in seat order. Logits of illegal choices mean nothing.
        """
        logits, values = self._fitting(torch.as_tensor(planes))
        return (
            cast(NDArray[np.float32], logits.numpy()),
            cast(NDArray[np.float32], values.numpy()),
        )


class _Judge:
    """A folded network on its device: float32 planes[B, P, H, W] to float32 (logits, utilities)."""

    def __init__(self, network: Network, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype = dtype
        self.device = device
        self._network = network.to(device)

    def __call__(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            if self.device.type == "cuda":
                planes = planes.pin_memory().to(self.device, non_blocking=True)
            else:
                planes = planes.to(self.device)
            # Rounded first and reordered then: twice as fast as both at once.
            planes = planes.to(self.dtype).contiguous(memory_format=torch.channels_last)
            outputs = self._network(planes)
            return outputs.policy.float().cpu(), utilities(outputs).cpu()


def utilities(outputs: Outputs) -> Tensor:
    """Each seat's utility float32[B, n] in [0, 1], relative to the mover.

    P(wins) for two seats; for more, 0.8 P(wins) + 0.2 (n - E[place]) / (n - 1), place 1 the best.
    """
    wins = torch.softmax(outputs.wins.float(), dim=1)
    if outputs.ranks is None:
        return wins
    n = wins.shape[1]
    worth = torch.linspace(1, 0, n, device=wins.device)
    return (1 - RANK_SHARE) * wins + RANK_SHARE * (torch.softmax(outputs.ranks.float(), 2) @ worth)


def load_evaluator(
    config: Config,
    weights: Path | None,
    *,
    seed: int,
    sha256: str | None = None,
    precision: Precision = "auto",
    device: Device = "auto",
) -> Evaluator:
    """The evaluator of a weights file, or, without one, of the untrained network of `seed`.

    Raises WeightsError when the file is damaged or not of `config`; `sha256` is checked if given.
    Raises as `Evaluator` otherwise.
    """
    if weights is None:
        return Evaluator(initial_network(config, seed), precision, device)
    return Evaluator(load_weights(weights, config, sha256)[1], precision, device)


def _chosen(network: Network, exact: _Judge, precision: Precision) -> _Judge:
    """`exact`, or the network rounded where that is asked for or worth it; MPS stays exact."""
    device = exact.device
    if precision == "float32" or (precision == "auto" and device.type == "mps"):
        return exact
    rounded = folded(network, torch.bfloat16)
    if device.type == "cpu" and can_pack():
        rounded = packed(rounded)
    judge = _Judge(rounded, torch.bfloat16, device)
    return judge if precision == "bfloat16" or _worth_rounding(network, exact, judge) else exact


def _worth_rounding(network: Network, exact: _Judge, rounded: _Judge) -> bool:
    """Whether `rounded` is faster and gives no probability that is off by more than .02.

    Probabilities as search uses them: utilities, and a policy over as many actions as are legal at
    once.
    """
    a = network.architecture
    noise = np.random.default_rng(0).random((_CHECK_BATCH, a.planes, a.height, a.width))
    planes = torch.as_tensor((noise < 0.2).astype(np.float32))
    logits, values = exact(planes)
    other_logits, other_values = rounded(planes)
    legal = slice(None, None, max(1, logits.shape[1] // _USUAL_CHOICES))
    policy = torch.softmax(logits[:, legal], 1)
    other_policy = torch.softmax(other_logits[:, legal], 1)
    error = max(
        float((policy - other_policy).abs().max()), float((values - other_values).abs().max())
    )
    return error <= _LARGEST_ERROR and _faster(rounded, exact, planes)


def _faster(one: _Judge, other: _Judge, planes: Tensor) -> bool:
    """By the shortest of some runs taken in turn, so that a busy moment does not decide."""
    # Time of the processor: on a busy machine the wall clock tells of the others' work.
    clock = time.thread_time if one.device.type == "cpu" else time.perf_counter
    best = [float("inf")] * 2
    begun = time.perf_counter()
    for _ in range(_CHECK_ROUNDS):
        for i, judge in enumerate((one, other)):
            start = clock()
            judge(planes)
            best[i] = min(best[i], clock() - start)
        if time.perf_counter() - begun > _CHECK_SECONDS:
            break
    return best[0] < best[1]
