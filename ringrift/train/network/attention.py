"""Transformer blocks over the cells of the board."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDENING = 4
_PLACE_SCALE = 0.02


class AttentionBlock(nn.Module):
    """Self-attention, then a two-layer perceptron, each normed first and added (pre-norm)."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads = heads
        self.first_norm = nn.LayerNorm(channels)
        self.mix = nn.Linear(channels, 3 * channels)
        self.mixed = nn.Linear(channels, channels)
        self.second_norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, _WIDENING * channels)
        self.narrow = nn.Linear(_WIDENING * channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`x[B, cells, C]`."""
        batch, cells, channels = x.shape
        parts = self.mix(self.first_norm(x)).reshape(batch, cells, 3, self._heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.dropout(self.mixed(attended.transpose(1, 2).reshape(batch, cells, channels)))
        wide = functional.relu(self.widen(self.second_norm(x)))
        return x + self.dropout(self.narrow(wide))


class BoardAttention(nn.Module):
    """Some attention blocks on `[B, cells, C]`; each cell has an embedding of its place."""

    def __init__(self, blocks: int, channels: int, heads: int, dropout: float, cells: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.zeros(cells, channels))
        self.blocks = nn.ModuleList(AttentionBlock(channels, heads, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(channels)

    def initialise(self, generator: torch.Generator) -> None:
        """Small embeddings from `generator`."""
        nn.init.normal_(self.places, std=_PLACE_SCALE, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x + self.places
        for block in self.blocks:
            tokens = block(tokens)
        return functional.relu(self.norm(tokens))
