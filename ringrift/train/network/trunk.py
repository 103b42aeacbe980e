"""The trunk: a stem, residual blocks, attention; planes to features, both of every cell."""

from torch import Tensor, nn
from torch.nn import functional

from ringrift.train.network.architecture import Architecture
from ringrift.train.network.attention import BoardAttention
from ringrift.train.network.board import Board
from ringrift.train.network.layers import BoardConvolution, GlobalBias, SqueezeExcite


class ResidualBlock(nn.Module):
    """Two convolutions around which the input is added (He et al. 2016).

    With `pooling` the first is biased by global pools; with `squeeze` the second is scaled.
    """

    def __init__(self, channels: int, squeeze: int, pooling: bool, board: Board) -> None:
        super().__init__()
        self.first = BoardConvolution(channels, channels, 3, board, relu=not pooling)
        self.pooling = GlobalBias(channels, board) if pooling else None
        self.second = BoardConvolution(channels, channels, 3, board, relu=not squeeze)
        self.squeeze = SqueezeExcite(channels, squeeze) if squeeze else None

    def forward(self, x: Tensor) -> Tensor:
        inner = self.first(x)
        if self.pooling is not None:
            inner = functional.relu_(self.pooling(x, inner))
        if self.squeeze is None:
            return self.second(inner, x)
        return functional.relu_(self.squeeze(self.second(inner)).add_(x))


class Film(nn.Module):
    """Scales and shifts each channel by what a vector of scalars says (Perez et al. 2018)."""

    def __init__(self, scalars: int, channels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(scalars, channels)
        self.out = nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor, scalars: Tensor) -> Tensor:
        scale, shift = self.out(functional.relu(self.hidden(scalars)))[:, None].chunk(2, 2)
        return functional.relu(x + x * scale + shift)


class Trunk(nn.Module):
    """`planes[B, cells, P]`, and `scalars[B, S]` where there is FiLM, to `[B, cells, C]`."""

    def __init__(self, a: Architecture, board: Board) -> None:
        super().__init__()
        self.stem = BoardConvolution(a.planes, a.channels, a.stem, board)
        self.film = Film(a.scalars, a.channels) if a.scalars else None
        self.blocks = nn.ModuleList(
            ResidualBlock(
                a.channels,
                a.squeeze,
                bool(a.pooling_every) and (i + 1) % a.pooling_every == 0,
                board,
            )
            for i in range(a.blocks)
        )
        self.attention = (
            BoardAttention(a.attention, a.channels, a.attention_heads, a.dropout, board.cells)
            if a.attention
            else None
        )

    def forward(self, planes: Tensor, scalars: Tensor | None) -> Tensor:
        x = self.stem(planes)
        if self.film is not None:
            x = self.film(x, scalars)
        for block in self.blocks:
            x = block(x)
        return x if self.attention is None else self.attention(x)
