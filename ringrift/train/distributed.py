"""Several processes that train one network as one would: the same sums, each over its own rows.

Gradients are added over the processes rather than averaged, because each process divides its losses
by the counts of the whole batch; batch norm takes its statistics from the whole batch too. So the
number of processes changes nothing but the order of additions.
"""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.nn import functional

# The stubs of torch leave most of these modules unknown.
processes = cast(Any, torch.distributed)
differentiable = cast(Any, functional)


@dataclass(frozen=True, slots=True)
class Team:
    """This process among `size` that train together, on its `device`."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the results."""
        return self.rank == 0

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over the team, in one message."""
        if self.size == 1:
            return
        parts = list(tensors)
        flat = torch.cat([part.flatten() for part in parts])
        processes.all_reduce(flat)
        start = 0
        for part in parts:
            part.copy_(flat[start : start + part.numel()].view_as(part))
            start += part.numel()

    def any(self, flag: bool) -> bool:
        """Whether any process says so."""
        if self.size == 1:
            return flag
        said = torch.tensor([float(flag)], device=self.device)
        processes.all_reduce(said)
        return bool(said.item() > 0)

    def wait(self) -> None:
        """Return when the whole team is here."""
        if self.size > 1:
            processes.barrier()


def alone() -> Team:
    """A team of one, on the GPU where there is one."""
    return Team(0, 1, torch.device("cuda" if torch.cuda.is_available() else "cpu"))


@contextmanager
def team() -> Generator[Team]:
    """The team that torchrun started this process in; NCCL between GPUs, gloo otherwise."""
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    processes.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(processes.get_rank(), processes.get_world_size(), device)
        # Who ends first would tear the others' connections down in the midst of their last words.
        processes.barrier()
    finally:
        processes.destroy_process_group()


class TeamNorm(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of all processes' rows together."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # the name torch gives it
        """Normalise [rows, channels, height, width]; outside training, as `nn.BatchNorm2d`."""
        if not self.training:
            return super().forward(input)
        count = torch.tensor(float(input.numel() // input.shape[1]), device=input.device)
        processes.all_reduce(count)
        mean = cast(Tensor, differentiable.all_reduce(input.sum((0, 2, 3)))) / count
        apart = input - mean[:, None, None]
        variance = cast(Tensor, differentiable.all_reduce(apart.square().sum((0, 2, 3)))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight / torch.sqrt(variance + self.eps)
        return apart * scale[:, None, None] + self.bias[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        momentum = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def share_norms(network: nn.Module, team: Team) -> None:
    """Let every batch norm of `network` take its statistics from the whole team."""
    if team.size == 1:
        return
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = TeamNorm
