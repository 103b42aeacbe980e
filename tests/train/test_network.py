"""The family: shapes for every board and preset, switches that leave no trace, seeds decide all."""

import pytest
import torch

from ringrift.engine.config import CONFIGS, Config
from ringrift.engine.rules import tables_for
from ringrift.train.network import (
    PRESETS,
    Architecture,
    ArchitectureError,
    Network,
    Outputs,
    architecture_for,
    board_of,
    initial_network,
)

HEX8 = Config.parse("hex8_2p")
HEADS = ("owner", "eliminations", "turns_left", "reply")
# Each with every kind of layer, small enough for a moment.
EVERYTHING = {
    "blocks": 2,
    "channels": 16,
    "squeeze": 4,
    "pooling_every": 2,
    "attention": 1,
    "attention_heads": 2,
    "dropout": 0.1,
    **dict.fromkeys(HEADS, True),
}


def planes(network: Network, batch: int, seed: int = 0) -> torch.Tensor:
    a = network.architecture
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, a.planes, a.height, a.width, generator=generator)


def shapes(outputs: Outputs) -> list[tuple[int, ...] | None]:
    return [None if tensor is None else tuple(tensor.shape) for tensor in outputs]


BOARDS = ("square8_4p", "hex8_2p", "square19_3p", "hexagonal_4p")


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        *((board, preset) for board in BOARDS for preset in PRESETS if preset != "tiny"),
        *((config.name, "tiny") for config in CONFIGS),
    ],
)
def test_every_preset_fits_every_board(name: str, preset: str):
    config = Config.parse(name)
    t = tables_for(config)
    architecture = architecture_for(config, preset, **dict.fromkeys(HEADS, True))
    board = board_of(t)
    with torch.device("meta"):
        network = Network(architecture, board)
    network.to("meta").eval()
    scalars = torch.zeros(2, architecture.scalars, device="meta") if architecture.scalars else None
    batch = torch.zeros(2, t.planes, t.height, t.width, device="meta")
    n = config.players
    assert shapes(network(batch, scalars, auxiliary=True)) == [
        (2, t.actions),
        (2, n),
        (2, n, n) if n > 2 else None,
        (2, t.cells, 1 + n),
        (2, n),
        (2,),
        (2, t.actions),
    ]


@pytest.mark.parametrize("preset", ["tiny", "v2", "v4", "v5-heavy"])
@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
def test_presets_answer_and_learn(config: str, preset: str):
    network = initial_network(Config.parse(config), 1, preset)
    count = network.architecture.scalars
    scalars = torch.rand(2, count) if count else None
    outputs = network.train()(planes(network, 2), scalars)
    torch.autograd.backward(outputs.policy.square().mean() + outputs.wins[:, 0].sum())
    (stem,) = network.trunk.stem.filter.parameters()
    gradient = stem.grad
    assert gradient is not None and bool(torch.isfinite(gradient).all())
    assert float(gradient.abs().max()) > 0


def test_sizes_are_those_that_the_document_tells():
    """docs/networks.md: millions of parameters on hex8_2p."""
    told = {"tiny": 0.16, "tiny64": 0.27, "v2": 0.83, "v3": 6.67, "v4": 2.71, "v5": 3.80}
    told |= {"v5-heavy": 3.85, "v5-heavy-large": 15.86}
    assert set(told) == set(PRESETS)
    board = board_of(tables_for(HEX8))
    for preset, millions in told.items():
        with torch.device("meta"):
            network = Network(architecture_for(HEX8, preset), board)
        count = sum(parameter.numel() for parameter in network.parameters())
        assert abs(count / 1e6 - millions) < 0.01, preset


def test_a_head_that_is_off_leaves_no_tensor_and_is_not_computed():
    plain = initial_network(HEX8, 1, blocks=1, channels=16)
    assert not [name for name in plain.state_dict() if name.startswith("auxiliary")]
    for head in HEADS:
        network = initial_network(HEX8, 1, "tiny", blocks=1, channels=16, **{head: True})
        added = network.state_dict().keys() - plain.state_dict().keys()
        assert added == {f"auxiliary.{head}.weight", f"auxiliary.{head}.bias"}
        network.eval()
        assert shapes(network(planes(network, 1)))[3:] == [None] * 4
        taught = network(planes(network, 1), auxiliary=True)._asdict()
        assert [name for name in HEADS if taught[name] is not None] == [head]
        # So that an ablation starts from the same trunk.
        stems = (next(n.trunk.stem.filter.parameters()) for n in (plain, network))
        assert torch.equal(*stems)


def test_an_untrained_network_is_close_to_uniform():
    for config, preset in (("hex8_2p", "tiny"), ("square8_4p", "v5")):
        network = initial_network(Config.parse(config), 5, preset).eval()
        with torch.no_grad():
            outputs = network(planes(network, 4))
        assert float(outputs.policy.abs().max()) < 2.5
        assert float(outputs.wins.abs().max()) == 0
        assert outputs.ranks is None or float(outputs.ranks.abs().max()) == 0


def test_a_seed_decides_every_weight():
    one, same, other = (
        initial_network(HEX8, seed, "tiny", **EVERYTHING, scalars=3).state_dict()
        for seed in (3, 3, 4)
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["trunk.attention.places"], other["trunk.attention.places"])
    weights = [name for name in one if "filter" in name]
    assert not any(torch.equal(one[name], other[name]) for name in weights)


def test_answers_do_not_depend_on_the_rest_of_the_batch():
    network = initial_network(HEX8, 2, "tiny", **EVERYTHING).eval()
    batch = planes(network, 5)
    together = network(batch, auxiliary=True)
    alone = [network(batch[i : i + 1], auxiliary=True) for i in range(5)]
    for index, tensor in enumerate(together):
        if tensor is not None:
            parts = torch.cat([outputs[index] for outputs in alone])
            assert torch.allclose(tensor, parts, atol=1e-5)


def test_scalars_matter_where_they_are_and_are_refused_elsewhere():
    network = initial_network(HEX8, 1, blocks=1, channels=16, scalars=3).eval()
    batch = planes(network, 2)
    assert network.trunk.film is not None
    with torch.no_grad():
        network.trunk.film.out.weight.normal_(generator=torch.Generator().manual_seed(0))
        one, other = network(batch, torch.zeros(2, 3)), network(batch, torch.ones(2, 3))
    assert not torch.allclose(one.policy, other.policy)
    for wrong in (None, torch.zeros(2, 4)):
        with pytest.raises(ArchitectureError, match="needs 3 a position"):
            network(batch, wrong)
    plain = initial_network(HEX8, 1, blocks=1, channels=16)
    with pytest.raises(ArchitectureError, match="needs 0 a position"):
        plain(batch, torch.zeros(2, 3))


@pytest.mark.parametrize(
    ("preset", "changes", "told"),
    [
        ("v9", {}, r"preset 'v9' is unknown; use one of tiny, "),
        ("tiny", {"chanels": 3}, "unknown field `chanels`"),
        ("tiny", {"channels": 0}, r"channels"),
        ("tiny", {"blocks": 1.5}, r"blocks"),
        ("tiny", {"players": 3}, "players follows from hex8_2p"),
        ("tiny", {"stem": 4}, "stem is 4; filters need an odd width"),
        ("tiny", {"squeeze": 64}, "squeeze is 64; at most the 48 channels"),
        ("v4", {"attention_heads": 3}, "attention_heads is 3; it must divide the 128 channels"),
    ],
)
def test_what_cannot_be_is_refused(preset: str, changes: dict[str, float], told: str):
    with pytest.raises(ArchitectureError, match=told) as refused:
        architecture_for(HEX8, preset, **changes)
    assert str(refused.value).count("\n") == 0


def test_every_switch_is_part_of_the_architecture():
    architecture = architecture_for(HEX8, "tiny", **EVERYTHING, scalars=3)
    assert all(getattr(architecture, name) == value for name, value in EVERYTHING.items())
    assert isinstance(architecture, Architecture) and architecture.planes == tables_for(HEX8).planes
