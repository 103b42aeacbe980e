"""A network in training: its weights, their running average, and the optimiser's memory of both.

The average is what is published, evaluated and played with (Polyak averaging, as in KataGo); the
bare weights and the optimiser go on from fit to fit in a state file beside it.
"""

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ringrift.train.batches import Batch
from ringrift.train.distributed import Team, share_norms
from ringrift.train.losses import loss_counts, loss_sums, total_loss
from ringrift.train.network import Network

# The average forgets half of what it was in so many rows, or sooner while training is young.
AVERAGE_HALF_LIFE_ROWS = 16_000
YOUNG_HALF_LIFE = 0.05  # of the rows trained so far
# The rate rises over the first rows of a fresh optimiser and is constant from then on.
WARM_UP_ROWS = 2_048
_WEIGHT_DECAY = 1e-4
_LARGEST_GRADIENT = 4.0
# Gradients that are nothing but rounding, as of a bias that all choices share, make no step.
_LEAST_GRADIENT = 1e-5

Precision = Literal["float32", "bfloat16"]
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Step:
    """What a step saw, of the whole team: per head of `losses.TERMS` its loss summed, and of how
    many; `loss` is what was minimised.
    """

    sums: tuple[float, ...]
    counts: tuple[float, ...]
    loss: float


class Learner:
    """Takes training steps on one network; `rows` counts them since the optimiser was fresh.

    `precision` bfloat16 rounds what torch's autocast rounds; weights and losses stay float32.
    """

    def __init__(self, network: Network, team: Team, precision: Precision) -> None:
        self.team = team
        # The stubs of torch know no `to` by memory format.
        moved = cast(Any, network).to(team.device, memory_format=torch.channels_last)
        self.network = cast(Network, moved)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        share_norms(self.network, team)
        self.optimiser: torch.optim.Optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=0.0,
            eps=_LEAST_GRADIENT,
            weight_decay=_WEIGHT_DECAY,
            fused=True,
        )
        self.rows = 0
        self._precision = precision

    def rate(self, peak: float, rows: int) -> float:
        """Learning rate of the next step of `rows`: constant, after a rise of a fresh optimiser."""
        return peak * min(1.0, (self.rows + rows) / WARM_UP_ROWS)

    def look(self, batches: list[Batch], learning: bool) -> Step:
        """Losses of one step's batch, given in one or more parts; if `learning` also gradients.

        Without learning, batch norm gathers no statistics either.
        """
        self.network.train(learning)
        self.optimiser.zero_grad()
        counts = torch.stack([loss_counts(batch) for batch in batches]).sum(0).to(self.team.device)
        self.team.add([counts])
        sums = torch.zeros_like(counts)
        present = torch.zeros_like(counts)
        for batch in batches:
            with torch.set_grad_enabled(learning), self._autocast():
                outputs = self.network(batch.planes, auxiliary=True)
            part, present = loss_sums(outputs, batch)
            if learning:
                torch.autograd.backward(total_loss(part, counts))
            sums += part.detach()
        self.team.add([sums, *self._gradients()])
        loss = float(total_loss(sums, counts))
        return Step(_numbers(sums), _numbers(counts * present), loss)

    def learn(self, rate: float, rows: int) -> bool:
        """Step along the gradients of `look` over `rows`; False if they are not finite."""
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        if not bool(torch.isfinite(norm)):
            return False
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.rows += rows
        self._average(rows)
        return True

    def judge(self, batch: Batch) -> NDArray[np.float64]:
        """[2, len(TERMS)]: sums and counts of the average's losses, as it would play."""
        with torch.inference_mode(), self._autocast():
            sums, present = loss_sums(self.average(batch.planes, auxiliary=True), batch)
        counts = loss_counts(batch).to(present.device) * present
        return torch.stack([sums, counts]).cpu().double().numpy()

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, on the CPU: what `restore` takes."""
        named = {f"network/{name}": t for name, t in self.network.state_dict().items()}
        named |= {f"average/{name}": t for name, t in self.average.state_dict().items()}
        for name, parameter in self.network.named_parameters():
            memory = self.optimiser.state.get(parameter)
            if memory:
                named |= {f"{moment}/{name}": memory[moment] for moment in _MOMENTS}
                named[f"step/{name}"] = memory["step"]
        return {name: tensor.detach().cpu().clone() for name, tensor in named.items()}

    def restore(self, tensors: dict[str, Tensor], rows: int) -> None:
        """Become the learner that gave `tensors` after `rows`; raises KeyError or RuntimeError when
        they are of another network.
        """
        for part, module in (("network", self.network), ("average", self.average)):
            prefix = f"{part}/"
            own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            module.load_state_dict(own)
        self.optimiser.state.clear()
        for name, parameter in self.network.named_parameters():
            if f"step/{name}" in tensors:
                moments = {
                    moment: torch.empty_like(parameter, requires_grad=False).copy_(
                        tensors[f"{moment}/{name}"]
                    )
                    for moment in _MOMENTS
                }
                # The fused optimiser of a GPU counts its steps there.
                step = tensors[f"step/{name}"].to(parameter.device)
                self.optimiser.state[parameter] = {"step": step} | moments
        self.rows = rows

    def _average(self, rows: int) -> None:
        half_life = min(AVERAGE_HALF_LIFE_ROWS, YOUNG_HALF_LIFE * self.rows)
        pairs = list(zip(_state(self.average), _state(self.network), strict=True))
        moving = [pair for pair in pairs if pair[0].is_floating_point()]
        means, bare = map(list, zip(*moving, strict=True))
        get_ema_multi_avg_fn(0.5 ** (rows / half_life))(means, bare, 0)
        for mean, tensor in pairs:
            if not mean.is_floating_point():
                mean.copy_(tensor)

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def _autocast(self) -> AbstractContextManager[object]:
        if self._precision == "bfloat16":
            return torch.autocast(self.team.device.type, torch.bfloat16)
        return nullcontext()


def _state(network: Network) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _numbers(tensor: Tensor) -> tuple[float, ...]:
    return tuple(cast(Any, tensor).tolist())
