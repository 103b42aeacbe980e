"""What training minimises: one cross entropy or Huber loss a head, summed over its rows.

Sums and counts are kept apart, so that a batch may be split over processes or accumulated in parts
and the loss is still the same: the weighted sum over heads of (sum / count of all parts).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ringrift.train.batches import Batch, Choices
from ringrift.train.network import Outputs

# Policy and value as in Silver et al. 2018; they alone decide how the network plays.
POLICY_WEIGHT = 1.0
WINS_WEIGHT = 1.0
# A rank distribution a seat: with three or four seats it carries a fifth of the utility.
RANKS_WEIGHT = 0.3
# Mean cross entropy of the cells (KataGo: 1.5 for a mean over points on two classes).
OWNER_WEIGHT = 0.5
# Shares of the threshold, a Huber loss of small numbers.
ELIMINATIONS_WEIGHT = 0.5
# log(1 + turns left).
TURNS_LEFT_WEIGHT = 0.1
# The policy of the next decision of another seat (KataGo: .15).
REPLY_WEIGHT = 0.15

TERMS = ("policy", "wins", "ranks", "owner", "eliminations", "turns_left", "reply")
WEIGHTS = (
    POLICY_WEIGHT,
    WINS_WEIGHT,
    RANKS_WEIGHT,
    OWNER_WEIGHT,
    ELIMINATIONS_WEIGHT,
    TURNS_LEFT_WEIGHT,
    REPLY_WEIGHT,
)


def loss_counts(batch: Batch) -> Tensor:
    """float32[len(TERMS)] over how many each head's loss is a mean: rows, for `owner` cells."""
    rows, replies = batch.rows, 0 if batch.reply is None else len(batch.reply.rows)
    cells = batch.owner.numel()
    return torch.tensor([len(batch.policy.rows), rows, rows, cells, rows, rows, replies]).float()


def loss_sums(outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
    """(sums, present) float32[len(TERMS)]: each head's loss in nats added up over the batch, 0 for
    heads that are missing; and 1 for those that are there.
    """
    losses: tuple[tuple[Tensor | None, Callable[[Tensor, Batch], Tensor]], ...] = (
        (outputs.policy, _policy),
        (outputs.wins, _wins),
        (outputs.ranks, _ranks),
        (outputs.owner, _owner),
        (outputs.eliminations, _eliminations),
        (outputs.turns_left, _turns_left),
        (outputs.reply, _reply),
    )
    nothing = outputs.policy.new_zeros((), dtype=torch.float32)
    sums = [nothing if out is None else loss(out.float(), batch) for out, loss in losses]
    present = torch.tensor([float(out is not None) for out, _ in losses])
    return torch.stack(sums), present.to(outputs.policy.device)


def total_loss(sums: Tensor, counts: Tensor) -> Tensor:
    """The scalar to minimise; `counts` may be those of more rows than `sums` has."""
    weights = torch.tensor(WEIGHTS, dtype=torch.float32, device=sums.device)
    return (weights * sums / counts.clamp(min=1)).sum()


def _policy(logits: Tensor, batch: Batch) -> Tensor:
    return _over_choices(logits, batch.policy)


def _reply(logits: Tensor, batch: Batch) -> Tensor:
    return logits.new_zeros(()) if batch.reply is None else _over_choices(logits, batch.reply)


def _over_choices(logits: Tensor, target: Choices) -> Tensor:
    """Cross entropy over the legal indices alone; the others' logits mean nothing."""
    chosen = logits[target.rows].gather(1, target.actions).masked_fill(~target.legal, -torch.inf)
    # The padding's log probability is -inf, and -inf * 0 would be NaN.
    log_policy = functional.log_softmax(chosen, 1).masked_fill(~target.legal, 0.0)
    return -(target.weight * (target.policy * log_policy).sum(1)).sum()


def _wins(logits: Tensor, batch: Batch) -> Tensor:
    return -(batch.wins * functional.log_softmax(logits, 1)).sum()


def _ranks(logits: Tensor, batch: Batch) -> Tensor:
    """Mean over the seats."""
    return -(batch.ranks * functional.log_softmax(logits, 2)).sum() / logits.shape[1]


def _owner(logits: Tensor, batch: Batch) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), batch.owner.flatten(), reduction="sum")


def _eliminations(given: Tensor, batch: Batch) -> Tensor:
    """Mean over the seats."""
    return functional.huber_loss(given, batch.eliminations, reduction="sum") / given.shape[1]


def _turns_left(given: Tensor, batch: Batch) -> Tensor:
    return functional.huber_loss(given, batch.turns_left.log1p(), reduction="sum")
