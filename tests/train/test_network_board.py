"""Nothing off a masked board reaches an answer: not through filters, norms, pools or attention."""

import pytest
import torch

from ringrift.engine.config import Config
from ringrift.train.network import Network, initial_network
from ringrift.train.network.layers import BoardConvolution, BoardPool

HEX8 = Config.parse("hex8_2p")
PLAIN = {"blocks": 2, "channels": 16}
KINDS = {
    "plain": PLAIN,
    "squeeze": {**PLAIN, "squeeze": 4},
    "pooling": {**PLAIN, "pooling_every": 1},
    "attention": {**PLAIN, "attention": 2, "attention_heads": 2, "stem": 5},
    "film": {**PLAIN, "scalars": 2},
}


def lively(**changes: int) -> Network:
    """Every bias and shift shows."""
    network = initial_network(HEX8, 2, "tiny", **changes, owner=True, reply=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05)
    return network


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("kind", KINDS)
def test_garbage_off_the_board_changes_no_answer(kind: str, training: bool):
    network = lively(**KINDS[kind]).train(training)
    a, board = network.architecture, network.mask
    generator = torch.Generator().manual_seed(1)
    batch = torch.rand(4, a.planes, a.height, a.width, generator=generator)
    scalars = torch.ones(4, a.scalars) if a.scalars else None
    clean = network(batch * board, scalars, auxiliary=True)
    dirty = network(batch * board + 1000 * (1 - board), scalars, auxiliary=True)
    for one, other in zip(clean, dirty, strict=True):
        assert one is None or torch.equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_leaves_zero_off_the_board(kind: str):
    network = lively(**KINDS[kind]).eval()
    a = network.architecture
    seen: list[torch.Tensor] = []
    trunk = network.trunk

    def look(_module: object, _inputs: object, output: torch.Tensor) -> None:
        seen.append(output)

    for module in (trunk, trunk.stem, *trunk.blocks):
        module.register_forward_hook(look)
    with torch.no_grad():
        scalars = torch.ones(2, a.scalars) if a.scalars else None
        network(torch.rand(2, a.planes, a.height, a.width), scalars)
    assert len(seen) == 4
    for output in seen:
        assert float((output * (1 - network.mask[:, :1])).abs().max()) == 0
        assert float(output.abs().max()) > 0


def test_norms_take_the_statistics_of_the_board_alone():
    board = initial_network(HEX8, 0, blocks=0, channels=8).mask[0, 0]
    layer = BoardConvolution(3, 5, 3, board, relu=False)
    x = torch.rand(6, 3, 9, 9, generator=torch.Generator().manual_seed(0)) * board
    out = layer.train()(x)
    cells = out[:, :, board > 0]
    assert torch.allclose(cells.mean((0, 2)), torch.zeros(5), atol=1e-5)
    assert torch.allclose(cells.var((0, 2), correction=0), torch.ones(5), atol=1e-2)
    filtered = layer.convolution(x)[:, :, board > 0]
    assert layer.norm.running_mean is not None
    assert torch.allclose(layer.norm.running_mean, 0.1 * filtered.mean((0, 2)), atol=1e-6)


def test_pools_are_means_and_maxima_of_cells():
    board = initial_network(HEX8, 0, blocks=0, channels=8).mask[0, 0]
    x = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0)) * board
    pooled = BoardPool(board)(x)
    cells = x[:, :, board > 0]
    assert torch.allclose(pooled, torch.cat([cells.mean(2), cells.amax(2)], 1))
