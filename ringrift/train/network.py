"""The network: feature planes in, a policy over the action index and a seat's chance to win out.

A small residual tower (He et al. 2016; heads as in Silver et al. 2018) on the engine's plane grid.
Off the board, on a masked hex grid, the tower is kept at zero, as padding is at the edge.
"""

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from ringrift.engine.config import Config
from ringrift.engine.rules import Tables, tables_for

_VALUE_CHANNELS = 16
_VALUE_HIDDEN = 64
_HEAD_SCALE = 0.1


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides the shapes of a network's tensors."""

    blocks: int
    channels: int
    planes: int
    policy_planes: int
    height: int
    width: int
    players: int


class ResidualBlock(nn.Module):
    """conv, norm, relu, conv, norm, add, relu; zero outside the board afterwards."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm: nn.Module = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm: nn.Module = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        inner = functional.relu_(self.first_norm(self.first(x)))
        inner = inner if mask is None else inner * mask
        out = functional.relu_(self.second_norm(self.second(inner)).add_(x))
        return out if mask is None else out * mask


class PolicyValueNetwork(nn.Module):
    """`planes[B, P, H, W]` -> (`logits[B, actions]`, value logits `[B, players]`).

    Policy logits are plane-major, as `engine.kernels.action_index` counts; those of illegal choices
    mean nothing. Value logits are relative to the mover: softmax gives the chance of the seat to
    act, then of the seats after it.
    """

    mask: Tensor

    def __init__(self, architecture: Architecture, board: Tensor) -> None:
        """`board[H, W]` is 1 on cells of the board, 0 outside."""
        super().__init__()
        channels = architecture.channels
        self.architecture = architecture
        # One copy a channel: broadcasting over channels costs four times as much in channels_last.
        mask = board.expand(1, channels, *board.shape).contiguous()
        self.register_buffer("mask", mask, persistent=False)
        self._masked = bool((board == 0).any())
        self._cells = float(board.sum())
        self.stem = nn.Conv2d(architecture.planes, channels, 3, padding=1, bias=False)
        self.stem_norm: nn.Module = nn.BatchNorm2d(channels)
        self.tower = nn.ModuleList(ResidualBlock(channels) for _ in range(architecture.blocks))
        self.policy = nn.Conv2d(channels, architecture.policy_planes, 1)
        self.value = nn.Conv2d(channels, _VALUE_CHANNELS, 1, bias=False)
        self.value_norm: nn.Module = nn.BatchNorm2d(_VALUE_CHANNELS)
        self.value_hidden = nn.Linear(2 * _VALUE_CHANNELS, _VALUE_HIDDEN)
        self.value_out = nn.Linear(_VALUE_HIDDEN, architecture.players)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        mask = self.mask if self._masked else None
        x = functional.relu_(self.stem_norm(self.stem(planes)))
        x = x if mask is None else x * mask
        for block in self.tower:
            x = block(x, mask)
        logits = self.policy(x).flatten(1)
        value = functional.relu_(self.value_norm(self.value(x)))
        value = value if mask is None else value * mask[:, :_VALUE_CHANNELS]
        pooled = torch.cat([value.sum((2, 3)) / self._cells, value.amax((2, 3))], dim=1)
        return logits, self.value_out(functional.relu_(self.value_hidden(pooled)))


def architecture_for(config: Config, blocks: int = 4, channels: int = 48) -> Architecture:
    """The tower of that size with the planes and actions of `config`; default is the tiny one."""
    tables = tables_for(config)
    return Architecture(
        blocks=blocks,
        channels=channels,
        planes=tables.planes,
        policy_planes=tables.actions // (tables.height * tables.width),
        height=tables.height,
        width=tables.width,
        players=tables.players,
    )


def board_mask(tables: Tables) -> Tensor:
    """float32[height, width]: 1 on the board, 0 outside."""
    return torch.tensor(tables.board).reshape(tables.height, tables.width)


def initial_network(
    config: Config, seed: int, blocks: int = 4, channels: int = 48
) -> PolicyValueNetwork:
    """An untrained network that follows from `seed` alone.

    He's initialisation (2015). The policy head starts small, so that it plays close to uniformly;
    the value head starts at zero, so that it holds every position for even. With small random
    values instead, whether its search beats a random player is a lottery of the seed.
    """
    network = PolicyValueNetwork(
        architecture_for(config, blocks, channels), board_mask(tables_for(config))
    )
    generator = torch.Generator().manual_seed(seed % 2**63)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
        network.policy.weight.mul_(_HEAD_SCALE)
        network.value_out.weight.zero_()
    return network
