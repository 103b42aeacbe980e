"""Rows of a dataset as tensors."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ringrift.engine.config import Config
from ringrift.engine.kernels import new_scratch
from ringrift.engine.rules import tables_for
from ringrift.train.dataset import Dataset
from ringrift.train.encode import write_batch


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B rows with at most K distinct policy indices each.

    `planes` float32[B, P, H, W]; `actions` int64[B, K] is padded where `legal` bool[B, K] is False,
    and `policy` float32[B, K] is 0 there; `full` bool[B]; `values` float32[B, players] is the value
    target relative to the mover.
    """

    planes: Tensor
    actions: Tensor
    legal: Tensor
    policy: Tensor
    full: Tensor
    values: Tensor


class Batches:
    """Makes batches of one dataset; holds the work arrays that this needs."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._tables = tables_for(Config.parse(dataset.config))
        self._scratch = new_scratch(self._tables)

    def of(self, rows: NDArray[np.int64], root_share: float) -> Batch:
        """The batch of `rows`; `root_share` of each value target is what search expected."""
        d, t = self.dataset, self._tables
        planes = np.empty((len(rows), t.planes, t.height, t.width), dtype=np.float32)
        write_batch(t, d.states[rows], planes, self._scratch)
        starts, sizes = d.offsets[rows], d.offsets[rows + 1] - d.offsets[rows]
        columns = np.arange(int(sizes.max()))
        legal = columns < sizes[:, None]
        places = np.where(legal, starts[:, None] + columns, 0)
        values = (1 - root_share) * d.outcomes[rows] + root_share * d.root_values[rows]
        return Batch(
            torch.as_tensor(planes).contiguous(memory_format=torch.channels_last),
            torch.as_tensor(d.actions[places].astype(np.int64)),
            torch.as_tensor(legal),
            torch.as_tensor(np.where(legal, d.policy[places], 0).astype(np.float32)),
            torch.as_tensor(d.full[rows]),
            torch.as_tensor(values.astype(np.float32)),
        )
