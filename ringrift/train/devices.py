"""Where a network computes, and how much of a batch its memory takes at once."""

import logging
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Device = Literal["auto", "cpu", "cuda", "mps"]


class DeviceError(ValueError):
    """A device that this machine or this build of torch does not have."""


def device_for(name: Device) -> torch.device:
    """The device of that name; "auto" takes CUDA, else MPS, else the CPU.

    Raises DeviceError when it is not there: a run asked to use a GPU must not crawl on without.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    if not there.get(name, True):
        raise DeviceError(f"device is {name!r}, which torch does not find here; use 'cpu'.")
    return torch.device(name)


def rounds_fast(device: torch.device) -> bool:
    """Whether this device computes in bfloat16 natively; elsewhere rounding costs time."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    known = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(known.get("avx512_bf16") or known.get("amx_bf16"))


Forward = Callable[[Tensor], tuple[Tensor, Tensor]]


class FittingBatches:
    """Hands a batch to `forward` whole, or in parts once its memory was too small for it.

    Each time it was, the largest part halves, with a line in the log, and stays so.
    """

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._largest: int | None = None

    def __call__(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """`forward(planes)`. Raises torch.OutOfMemoryError if not even one position fits."""
        while True:
            size = min(len(planes), self._largest or len(planes))
            try:
                return self._in_parts(planes, size)
            except torch.OutOfMemoryError:
                if size <= 1:
                    raise
                self._largest = size // 2
                logging.getLogger(__name__).warning(
                    "GPU memory is too small for %d positions at once; going on with %d.",
                    size,
                    self._largest,
                )

    def _in_parts(self, planes: Tensor, size: int) -> tuple[Tensor, Tensor]:
        if size >= len(planes):
            return self._forward(planes)
        parts = [self._forward(planes[i : i + size]) for i in range(0, len(planes), size)]
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
