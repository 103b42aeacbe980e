"""The tower: shapes for every board, nothing leaks off a masked board, seeds decide everything."""

import pytest
import torch

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.rules import tables_for
from ringrift.train.network import PolicyValueNetwork, board_mask, initial_network

HEX8 = Config.parse("hex8_2p")


def planes(network: PolicyValueNetwork, batch: int, seed: int = 0) -> torch.Tensor:
    a = network.architecture
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, a.planes, a.height, a.width, generator=generator) * network.mask[:, :1]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_heads_fit_the_action_index_and_the_seats(config: Config):
    network = initial_network(config, seed=1, blocks=1, channels=16).eval()
    logits, values = network(planes(network, 2))
    assert logits.shape == (2, tables_for(config).actions)
    assert values.shape == (2, config.players)
    assert int(board_mask(tables_for(config)).sum()) == tables_for(config).cells


def test_an_untrained_network_is_close_to_uniform():
    network = initial_network(HEX8, seed=5).eval()
    with torch.no_grad():
        logits, values = network(planes(network, 16))
    assert float(torch.softmax(values, 1).sub(0.5).abs().max()) < 0.2
    assert float(logits.abs().max()) < 1.5


def test_a_seed_decides_every_weight():
    one, same, other = (initial_network(HEX8, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["stem.weight"], other["stem.weight"])


def test_answers_do_not_depend_on_the_rest_of_the_batch():
    network = initial_network(HEX8, seed=2, blocks=2, channels=16).eval()
    batch = planes(network, 5)
    together = network(batch)
    for i in range(5):
        alone = network(batch[i : i + 1])
        assert torch.allclose(together[0][i], alone[0][0], atol=1e-5)
        assert torch.allclose(together[1][i], alone[1][0], atol=1e-5)


def test_off_board_cells_carry_nothing():
    """What a filter leaves outside the board must not reach the next layer or the value head."""
    network = initial_network(HEX8, seed=2, blocks=2, channels=16).eval()
    seen: list[torch.Tensor] = []
    for block in network.tower:
        block.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05)  # so that every bias would show
        network(planes(network, 3))
    assert len(seen) == 2
    for output in seen:
        assert float((output * (1 - network.mask)).abs().max()) == 0
        assert float(output.abs().max()) > 0
