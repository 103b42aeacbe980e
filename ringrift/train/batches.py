"""Rows of a dataset as tensors, each under a symmetry of the board."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ringrift.engine.config import Config
from ringrift.engine.kernels import new_scratch
from ringrift.engine.rules import tables_for
from ringrift.engine.symmetry import symmetries_for
from ringrift.train.dataset import Dataset, DatasetError
from ringrift.train.encode import Images, image_work, write_images
from ringrift.train.targets import rank_shares, surprise_weights


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """A policy target: `rows` int64[R] of the batch have one, over K policy indices at most.

    `actions` int64[R, K] is padded where `legal` bool[R, K] is False, and `policy` float32[R, K],
    sum 1, is 0 there; `weight` float32[R] multiplies the loss of a row.
    """

    rows: Tensor
    actions: Tensor
    legal: Tensor
    policy: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> "Choices":
        """The same on `device`."""
        tensors = (self.rows, self.actions, self.legal, self.policy, self.weight)
        return Choices(*(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B rows; seats are relative to the mover, who is 0.

    `planes` float32[B, P, H, W]; `policy` of the full rows; `reply` what the next other seat chose,
    None unless asked for; `wins` float32[B, players] is the value target; `ranks` float32[B,
    players, players] (seat, rank - 1); `owner` int64[B, cells], 0 nobody, 1 + seat; `eliminations`
    float32[B, players], share of the threshold in the end; `turns_left` float32[B].
    """

    planes: Tensor
    policy: Choices
    reply: Choices | None
    wins: Tensor
    ranks: Tensor
    owner: Tensor
    eliminations: Tensor
    turns_left: Tensor

    @property
    def rows(self) -> int:
        """B."""
        return len(self.planes)

    def to(self, device: torch.device) -> "Batch":
        """The same on `device`."""
        return Batch(
            self.planes.to(device),
            self.policy.to(device),
            None if self.reply is None else self.reply.to(device),
            *(
                tensor.to(device)
                for tensor in (
                    self.wins,
                    self.ranks,
                    self.owner,
                    self.eliminations,
                    self.turns_left,
                )
            ),
        )


class Batches:
    """Makes batches of one dataset; holds the work arrays that this needs."""

    def __init__(self, dataset: Dataset, *, replies: bool = False) -> None:
        """`replies` asks for the policies of replies, which costs encoding as much again."""
        config = Config.parse(dataset.config)
        self.dataset = dataset
        self._replies = replies
        self._tables = tables_for(config)
        self._symmetries = symmetries_for(config)
        self._scratch = new_scratch(self._tables)
        self._work = image_work(self._tables)
        self._game = dataset.game
        self._ranks = rank_shares(dataset.ranking)
        self._weight = np.zeros(dataset.rows, np.float32)
        self._weight[dataset.full] = surprise_weights(dataset.surprise[dataset.full])

    @property
    def symmetries(self) -> int:
        """How many symmetries the board has; the first is the identity."""
        return len(self._symmetries.exact)

    def of(
        self, rows: NDArray[np.int64], root_share: float, symmetry: NDArray[np.int64] | None = None
    ) -> Batch:
        """The batch of `rows`, each under its `symmetry` (None: as recorded).

        `root_share` of each value target is what search said a few turns later. Where a symmetry
        would bend the rules of a row's choices another one is taken, see `encode.write_images`.
        """
        d, t = self.dataset, self._tables
        used = np.zeros(len(rows), np.int64) if symmetry is None else symmetry.copy()
        images, policy = self._choices(rows, used)
        game = self._game[rows]
        seats = (d.seat_of(rows)[:, None] + np.arange(t.players)) % t.players
        ranks = np.take_along_axis(self._ranks[game], seats[:, :, None], axis=1)
        later = np.take_along_axis(d.later[rows], seats, axis=1)
        won = np.take_along_axis(d.ranking[game] == 1, seats, axis=1)
        return Batch(
            torch.as_tensor(images.planes).contiguous(memory_format=torch.channels_last),
            policy,
            self._reply(rows, used) if self._replies else None,
            _floats((1 - root_share) * won + root_share * later),
            _floats(ranks),
            torch.as_tensor(self._owner(game, seats[:, 0], used)),
            _floats(np.take_along_axis(d.eliminations[game], seats, axis=1)),
            _floats(d.turns[game] - d.turn_of(rows)),
        )

    def _choices(
        self, rows: NDArray[np.int64], symmetry: NDArray[np.int64]
    ) -> tuple[Images, Choices]:
        d, t = self.dataset, self._tables
        starts, sizes = d.offsets[rows], d.offsets[rows + 1] - d.offsets[rows]
        most = int(sizes.max(initial=1))
        images = Images(
            np.empty((len(rows), t.planes, t.height, t.width), np.float32),
            np.zeros((len(rows), most), np.int32),
            np.zeros(len(rows), np.int32),
        )
        listed = d.full[rows]
        write_images(
            t, self._symmetries, d.states[rows], listed, symmetry, images, self._work, self._scratch
        )
        if not np.array_equal(images.counts, sizes):
            raise DatasetError("a row has other choices than its policy; export its shard anew.")
        at = np.flatnonzero(listed)
        columns = np.arange(most)
        legal = columns < sizes[at, None]
        policy = d.policy[np.where(legal, starts[at, None] + columns, 0)] if len(at) else legal
        policy = np.where(legal, policy, 0).astype(np.float32)
        policy /= policy.sum(axis=1, keepdims=True)
        actions = images.actions[at].astype(np.int64)
        return images, Choices(
            torch.as_tensor(at),
            torch.as_tensor(actions),
            torch.as_tensor(legal),
            torch.as_tensor(policy),
            torch.as_tensor(self._weight[rows[at]]),
        )

    def _reply(self, rows: NDArray[np.int64], symmetry: NDArray[np.int64]) -> Choices:
        at = np.flatnonzero(self.dataset.reply[rows] >= 0)
        answers = self.dataset.reply[rows[at]].astype(np.int64)
        # A claimed region may make the answer's image another one; it is then still legal play.
        policy = self._choices(answers, symmetry[at])[1]
        return replace(policy, rows=torch.as_tensor(at), weight=torch.ones(len(at)))

    def _owner(
        self, game: NDArray[np.int64], seat: NDArray[np.int64], symmetry: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        t = self._tables
        absolute = self.dataset.owner[game].astype(np.int64)
        relative = np.where(absolute > 0, 1 + (absolute - 1 - seat[:, None]) % t.players, 0)
        owner = np.empty_like(relative)
        cells = self._symmetries.cell[symmetry].astype(np.int64)
        np.put_along_axis(owner, cells, relative, axis=1)
        return owner


def _floats(values: NDArray[np.generic]) -> Tensor:
    return torch.as_tensor(values.astype(np.float32))
