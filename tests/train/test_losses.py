"""Losses of every head, against definitions written down once more."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from ringrift.engine.config import Config
from ringrift.train.batches import Batch, Batches
from ringrift.train.export import rows_of
from ringrift.train.losses import (
    TERMS,
    WEIGHTS,
    Outputs,
    loss_counts,
    loss_sums,
    total_loss,
)
from ringrift.train.records import ShardFile, read_shard

MakeShard = Callable[..., ShardFile]


@pytest.fixture(scope="module")
def batch(make_shard: MakeShard, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """Rows of real games of three seats, replies included."""
    file = make_shard(tmp_path_factory.mktemp("losses"), "hex8_3p", games=2)
    header, games = read_shard(file.path)
    data = rows_of(Config.parse("hex8_3p"), header, games)
    return Batches(data, replies=True).of(np.arange(40), root_share=0.3)


def outputs(batch: Batch, seed: int = 0) -> Outputs:
    """Random outputs of every head: what a network with all of them would say."""
    torch.manual_seed(seed)
    b, h, w = len(batch.planes), *batch.planes.shape[2:]
    cells = batch.owner.shape[1]
    shapes = [(b, 74 * h * w), (b, 3), (b, 3, 3), (b, cells, 4), (b, 3), (b,), (b, 74 * h * w)]
    return Outputs(*(torch.randn(shape, requires_grad=True) for shape in shapes))


def test_every_head_is_scored(batch: Batch):
    said = outputs(batch)
    sums, present = loss_sums(said, batch)
    counts = loss_counts(batch)
    assert present.tolist() == [1] * len(TERMS)
    assert (sums > 0).all()
    assert (counts > 0).all()
    assert said.owner is not None and said.turns_left is not None and said.ranks is not None
    assert said.eliminations is not None
    wins = functional.cross_entropy(said.wins, batch.wins, reduction="sum")
    ranks = sum(
        functional.cross_entropy(said.ranks[:, seat], batch.ranks[:, seat], reduction="sum")
        for seat in range(3)
    )
    log_owner = said.owner.log_softmax(2).gather(2, batch.owner[:, :, None])
    expected = {
        "wins": wins,
        "ranks": ranks / 3,
        "owner": -log_owner.sum(),
        "eliminations": functional.smooth_l1_loss(
            said.eliminations, batch.eliminations, reduction="sum"
        )
        / 3,
        "turns_left": functional.smooth_l1_loss(
            said.turns_left, torch.log(1 + batch.turns_left), reduction="sum"
        ),
    }
    for name, value in expected.items():
        assert sums[TERMS.index(name)].item() == pytest.approx(value.item(), rel=1e-4), name


@pytest.mark.parametrize("head", ["policy", "reply"])
def test_policies_are_scored_over_legal_indices_alone(batch: Batch, head: str):
    said = outputs(batch)
    target = batch.policy if head == "policy" else batch.reply
    assert target is not None
    logits = getattr(said, head)
    expected = 0.0
    for i, row in enumerate(target.rows.tolist()):
        legal = target.actions[i][target.legal[i]]
        chosen = logits[row, legal].log_softmax(0)
        expected -= (target.policy[i][target.legal[i]] * chosen).sum().item()
    sums, _ = loss_sums(said, batch)
    assert sums[TERMS.index(head)].item() == pytest.approx(expected, rel=1e-4)
    sums[TERMS.index(head)].backward()
    reached = (logits.grad != 0).sum(1)
    assert reached[target.rows].tolist() == target.legal.sum(1).tolist()
    assert int(reached.sum()) == int(target.legal.sum())


def test_heads_that_are_missing_cost_nothing(batch: Batch):
    said = outputs(batch)
    sums, present = loss_sums(Outputs(said.policy, said.wins, None), batch)
    assert sums[2:].tolist() == present[2:].tolist() == [0] * 5
    both = loss_sums(said, batch)[0]
    assert torch.equal(sums[:2], both[:2])


def test_parts_of_a_batch_add_up_to_the_whole(batch: Batch):
    said = outputs(batch)
    sums, _ = loss_sums(said, batch)
    counts = loss_counts(batch)
    loss = total_loss(sums, counts)
    expected = sum(w * s.item() / c.item() for w, s, c in zip(WEIGHTS, sums, counts, strict=True))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert torch.isclose(total_loss(sums / 4, counts) * 4, loss)


def test_no_policy_row_at_all_is_no_loss(batch: Batch, make_shard: MakeShard, tmp_path: Path):
    del batch
    header, games = read_shard(make_shard(tmp_path, games=1).path)
    data = rows_of(Config.parse("hex8_2p"), header, games)
    cheap = Batches(data, replies=True).of(np.flatnonzero(~data.full)[:3], root_share=0.0)
    said = Outputs(
        torch.randn(3, 5913, requires_grad=True), torch.randn(3, 2, requires_grad=True), None
    )
    sums, _ = loss_sums(said, cheap)
    loss = total_loss(sums, loss_counts(cheap))
    loss.backward()
    assert torch.isfinite(loss)
    assert said.policy.grad is not None and not said.policy.grad.any()
