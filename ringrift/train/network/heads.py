"""What is read off the trunk's features: the policy, each seat's prospects, and what only teaches.

Seats are relative to the mover: index 0 is the seat to act, the others follow in seat order.
"""

from torch import Tensor, nn
from torch.nn import functional

from ringrift.train.network.architecture import Architecture
from ringrift.train.network.board import Board
from ringrift.train.network.layers import BoardConvolution, board_pool


class ValueHead(nn.Module):
    """Features to a description of the whole position, and that to wins and ranks of the seats."""

    def __init__(self, a: Architecture, board: Board) -> None:
        super().__init__()
        self._players = a.players
        self.convolution = BoardConvolution(a.channels, a.value_channels, 1, board)
        self.hidden = nn.Linear(2 * a.value_channels, a.value_hidden)
        self.wins = nn.Linear(a.value_hidden, a.players)
        self.ranks = nn.Linear(a.value_hidden, a.players**2) if a.players > 2 else None

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """(hidden `[B, value_hidden]`, wins `[B, n]`, ranks `[B, n, n]` if n > 2), the last logits.

        `ranks[b, i, k]` is of seat i ending in place k + 1.
        """
        hidden = functional.relu(self.hidden(board_pool(self.convolution(x))))
        ranks = None if self.ranks is None else self.ranks(hidden)
        if ranks is not None:
            ranks = ranks.reshape(-1, self._players, self._players)
        return hidden, self.wins(hidden), ranks


class AuxiliaryHeads(nn.Module):
    """Targets that only sharpen the trunk; each is absent where the architecture says so."""

    def __init__(self, a: Architecture) -> None:
        super().__init__()
        self.owner = nn.Linear(a.channels, 1 + a.players) if a.owner else None
        self.eliminations = nn.Linear(a.value_hidden, a.players) if a.eliminations else None
        self.turns_left = nn.Linear(a.value_hidden, 1) if a.turns_left else None
        self.reply = nn.Linear(a.channels, a.policy_planes) if a.reply else None

    def forward(
        self, x: Tensor, hidden: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        """(owner, eliminations, turns_left, reply) as in `Outputs`; `reply[B, cells, planes]`."""
        return (
            None if self.owner is None else self.owner(x),
            None if self.eliminations is None else self.eliminations(hidden),
            None if self.turns_left is None else self.turns_left(hidden).squeeze(1),
            None if self.reply is None else self.reply(x),
        )
