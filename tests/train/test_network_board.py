"""Filters, norms and pools on boards: cells alone count, and on a hexagonal one its own neighbours.

Layers are compared with torch's convolutions on the grid of planes.
"""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.network import Board, board_of, initial_network
from ringrift.train.network.layers import BoardConvolution, GridFilter, HexFilter, board_pool

HEX8 = Config.parse("hex8_2p")
SQUARE8 = Config.parse("square8_2p")
PLAIN = {"blocks": 2, "channels": 16}
KINDS = {
    "plain": PLAIN,
    "squeeze": {**PLAIN, "squeeze": 4},
    "pooling": {**PLAIN, "pooling_every": 1},
    "attention": {**PLAIN, "attention": 2, "attention_heads": 2, "stem": 5},
    "film": {**PLAIN, "scalars": 2},
}


def board(name: str) -> Board:
    return board_of(tables_for(Config.parse(name)))


def features(cells: int, channels: int, *, batch: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, cells, channels, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", ["hex8_2p", "hexagonal_2p"])
def test_the_cells_around_one_are_its_neighbours_in_the_engine(name: str):
    t, around = tables_for(Config.parse(name)), board(name).around(3)
    for cell in range(t.cells):
        near = [t.cells if n < 0 else int(n) for n in t.nbr[cell][: t.directions]]
        assert sorted(around[cell].tolist()) == sorted([cell, *near])


@pytest.mark.parametrize("size", [3, 5, 7])
def test_what_is_around_is_mirrored(size: int):
    here = board("hex8_2p")
    around = here.around(size)
    count = around.shape[1]
    assert count == {3: 7, 5: 19, 7: 37}[size]
    for cell in range(here.cells):
        assert around[cell, count // 2] == cell
        for k, other in enumerate(around[cell].tolist()):
            assert other == here.cells or around[other, count - 1 - k] == cell


@pytest.mark.parametrize("size", [3, 5])
def test_a_hexagonal_filter_is_a_convolution_without_the_far_corners(size: int):
    """And its gradients are those that torch finds on the grid."""
    here = board("hex8_2p")
    layer = HexFilter(4, 6, size, here).double()
    x = features(here.cells, 4).requires_grad_()
    grid = torch.zeros(3, 81, 4, dtype=torch.float64).index_copy(1, here.places, x)
    weight = torch.zeros(6, 4, size, size, dtype=torch.float64)
    reach, taps = size // 2, layer.product.weight.reshape(6, -1, 4)
    steps = range(size)
    corners = [(i, j) for i in steps for j in steps if abs(i + j - 2 * reach) <= reach]
    for k, (i, j) in enumerate(corners):
        weight[:, :, i, j] = taps[:, k]
    planes = grid.reshape(3, 9, 9, 4).permute(0, 3, 1, 2)
    filtered = functional.conv2d(planes, weight, padding=reach).flatten(2)
    expected = filtered[:, :, here.places].transpose(1, 2)
    torch.testing.assert_close(layer(x), expected)
    for wanted in (x, layer.product.weight):
        one, other = (
            torch.autograd.grad(out.cos().sum(), wanted, retain_graph=True)[0]
            for out in (layer(x), expected)
        )
        torch.testing.assert_close(one, other)


def test_a_square_filter_is_torchs_convolution():
    layer = GridFilter(4, 6, 3, board("square8_2p")).double()
    x = features(64, 4)
    planes = x.reshape(3, 8, 8, 4).permute(0, 3, 1, 2)
    expected = functional.conv2d(planes, layer.convolution.weight, padding=1)
    torch.testing.assert_close(layer(x), expected.permute(0, 2, 3, 1).reshape(3, 64, 6))


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("kind", KINDS)
def test_garbage_off_the_board_changes_no_answer(kind: str, training: bool):
    network = initial_network(HEX8, 2, "tiny", **KINDS[kind], owner=True, reply=True)
    network.train(training)
    a, on_board = network.architecture, torch.tensor(tables_for(HEX8).board).reshape(9, 9)
    generator = torch.Generator().manual_seed(1)
    batch = torch.rand(4, a.planes, a.height, a.width, generator=generator)
    scalars = torch.ones(4, a.scalars) if a.scalars else None
    clean = network(batch * on_board, scalars, auxiliary=True)
    dirty = network(batch * on_board + 1000 * (1 - on_board), scalars, auxiliary=True)
    for one, other in zip(clean, dirty, strict=True):
        assert one is None or torch.equal(one, other)


@pytest.mark.parametrize("config", [HEX8, SQUARE8], ids=["hex", "square"])
def test_a_cell_is_read_from_its_place_and_answered_at_its_actions(config: Config):
    """A network of no depth answers a plane of the input at the very place where it stood."""
    t = tables_for(config)
    network = initial_network(config, 1, blocks=0, channels=8, stem=1).eval()
    for cell in (0, 7, t.cells - 1):
        planes = torch.zeros(1, t.planes, t.height, t.width)
        planes[0, 3].view(-1)[int(t.grid[cell])] = 5.0
        with torch.no_grad():
            changed = network(planes).policy - network(torch.zeros_like(planes)).policy
        places = changed.reshape(-1, t.height * t.width).abs().sum(0).nonzero().flatten()
        assert places.tolist() == [int(t.grid[cell])]


def test_norms_take_the_statistics_of_the_cells():
    layer = BoardConvolution(3, 5, 3, board("hex8_2p"), relu=False).double()
    x = features(61, 3, batch=6)
    out = layer.train()(x)
    assert torch.allclose(out.mean((0, 1)), torch.zeros(5).double(), atol=1e-5)
    assert torch.allclose(out.var((0, 1), correction=0), torch.ones(5).double(), atol=1e-2)
    assert layer.norm.running_mean is not None
    filtered = layer.filter(x).mean((0, 1))
    assert torch.allclose(layer.norm.running_mean, 0.1 * filtered, atol=1e-6)


def test_pools_are_means_and_maxima_of_cells():
    x = features(61, 3) - 5
    torch.testing.assert_close(board_pool(x), torch.cat([x.mean(1), x.amax(1)], 1))
