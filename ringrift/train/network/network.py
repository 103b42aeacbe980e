"""The whole network, and how it starts."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.network.architecture import Architecture, ArchitectureError, architecture_for
from ringrift.train.network.attention import AttentionBlock, BoardAttention
from ringrift.train.network.board import Board, board_of
from ringrift.train.network.heads import AuxiliaryHeads, ValueHead
from ringrift.train.network.layers import from_grid
from ringrift.train.network.trunk import Film, Trunk

_SMALL = 0.1


class Outputs(NamedTuple):
    """What the network says of B positions with n seats, index 0 the mover, the others after it.

    `policy[B, actions]` and `wins[B, n]` are logits, and so is `ranks[B, n, n]` (seat, place - 1),
    None for two seats. Auxiliary, None unless asked for and there: `owner[B, cells, 1 + n]` logits
    of who owns each cell at the end (0 nobody); `eliminations[B, n]` rings a seat will have
    eliminated / the threshold; `turns_left[B]` log(1 + turns); `reply[B, actions]` logits of the
    next decision of another seat. Policy logits of illegal choices mean nothing.
    """

    policy: Tensor
    wins: Tensor
    ranks: Tensor | None
    owner: Tensor | None = None
    eliminations: Tensor | None = None
    turns_left: Tensor | None = None
    reply: Tensor | None = None


class Network(nn.Module):
    """Planes as of `engine.kernels.planes`, policy indices as of `engine.kernels.encoding`."""

    places: Tensor | None

    def __init__(self, architecture: Architecture, board: Board) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.cells = board.cells
        # Of each cell on the grid; None where the grid has no others.
        places = board.places if board.cells < board.height * board.width else None
        self.register_buffer("places", places, persistent=False)
        self.trunk = Trunk(a, board)
        self.policy = nn.Linear(a.channels, a.policy_planes)
        self.value = ValueHead(a, board)
        self.auxiliary = AuxiliaryHeads(a)

    def forward(
        self, planes: Tensor, scalars: Tensor | None = None, *, auxiliary: bool = False
    ) -> Outputs:
        """`planes[B, P, H, W]`, and `scalars[B, S]` exactly where the architecture has them.

        Raises ArchitectureError otherwise: without its scalars such a network plays badly, and
        nothing else would tell.
        """
        expected = self.architecture.scalars
        if (0 if scalars is None else scalars.shape[1]) != expected:
            raise ArchitectureError(
                f"scalars: this network needs {expected} a position; hand in as many, or use one "
                "with scalars=0."
            )
        x = self.trunk(self._of_cells(planes), scalars)
        hidden, wins, ranks = self.value(x)
        policy = self._index(self.policy(x))
        if not auxiliary:
            return Outputs(policy, wins, ranks)
        owner, eliminations, turns_left, reply = self.auxiliary(x, hidden)
        reply = None if reply is None else self._index(reply)
        return Outputs(policy, wins, ranks, owner, eliminations, turns_left, reply)

    def _of_cells(self, planes: Tensor) -> Tensor:
        """`planes[B, P, H, W]` as `[B, cells, P]`."""
        rows = from_grid(planes.contiguous(memory_format=torch.channels_last))
        return rows if self.places is None else rows.index_select(1, self.places)

    def _index(self, x: Tensor) -> Tensor:
        """What action planes say of each cell, `[B, cells, planes]`, in the order of actions."""
        if self.places is not None:
            a = self.architecture
            grid = x.new_zeros(len(x), a.height * a.width, x.shape[2])
            x = grid.index_copy(1, self.places, x)
        return x.transpose(1, 2).flatten(1)


def initial_network(
    config: Config, seed: int, preset: str = "tiny", **changes: int | float | bool
) -> Network:
    """An untrained network that follows from `seed` and its architecture alone.

    He's initialisation (2015). The policy head starts small, so that it plays close to uniformly;
    the value head starts at zero, so that it holds every position for even. With small random
    values instead, whether its search beats a random player is a lottery of the seed. What adds to
    a running sum in attention starts small, and FiLM starts as doing nothing.

    Raises ArchitectureError as `architecture_for`, which takes the same changes.
    """
    architecture = architecture_for(config, preset, **changes)
    network = Network(architecture, board_of(tables_for(config)))
    generator = torch.Generator().manual_seed(seed % 2**63)
    with torch.no_grad():
        for module in network.modules():
            _initialise(module, generator)
        for part in network.modules():
            _calm(part)
    return network


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        if module.bias is not None:
            module.bias.zero_()
    elif isinstance(module, BoardAttention):
        module.initialise(generator)


def _calm(part: nn.Module) -> None:
    """Shrink or clear the last layers, which say something before they know anything."""
    if isinstance(part, Network):
        part.policy.weight.mul_(_SMALL)
    elif isinstance(part, ValueHead):
        part.wins.weight.zero_()
        if part.ranks is not None:
            part.ranks.weight.zero_()
    elif isinstance(part, AuxiliaryHeads):
        for small in (part.owner, part.reply):
            if small is not None:
                small.weight.mul_(_SMALL)
        for even in (part.eliminations, part.turns_left):
            if even is not None:
                even.weight.zero_()
    elif isinstance(part, AttentionBlock):
        part.mixed.weight.mul_(_SMALL)
        part.narrow.weight.mul_(_SMALL)
    elif isinstance(part, Film):
        part.out.weight.zero_()
