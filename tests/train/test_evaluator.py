"""The evaluator gives the network's own answers, whatever it does for speed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ringrift.engine.config import Config
from ringrift.train.evaluator import Evaluator, load_evaluator
from ringrift.train.network import PolicyValueNetwork, initial_network
from ringrift.train.weights import WeightsError, WeightsInfo, save_weights

HEX8 = Config.parse("hex8_2p")


def lively_network(config: Config = HEX8) -> PolicyValueNetwork:
    """Norms away from their start, so that folding them is put to the test."""
    network = initial_network(config, seed=3, blocks=2, channels=16)
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.3, generator=generator)
    return network.eval()


def planes(network: PolicyValueNetwork, batch: int) -> np.ndarray:
    a = network.architecture
    rng = np.random.default_rng(0)
    noise = (rng.random((batch, a.planes, a.height, a.width)) < 0.3).astype(np.float32)
    return noise * network.mask[0, 0].numpy()


@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_answers_are_those_of_the_network(config: str, precision: str, error: float):
    network = lively_network(Config.parse(config))
    batch = planes(network, 7)
    with torch.no_grad():
        logits, values = network(torch.as_tensor(batch))
    evaluator = Evaluator(network, precision)  # pyright: ignore[reportArgumentType]
    assert evaluator.precision == precision
    got_logits, got_values = evaluator.evaluate(batch)
    assert got_logits.dtype == got_values.dtype == np.float32
    np.testing.assert_allclose(got_logits, logits.numpy(), atol=error)
    np.testing.assert_allclose(got_values, torch.softmax(values, 1).numpy(), atol=error)
    np.testing.assert_allclose(got_values.sum(1), 1, atol=1e-5)


def test_the_network_handed_in_stays_as_it_was():
    network = lively_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    Evaluator(network)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_start_up_check_refuses_a_rounding_that_is_off():
    """A value that hangs on a small difference of large numbers does not survive bfloat16."""
    network = lively_network()
    with torch.no_grad():
        network.value_out.weight[0] = 300
        network.value_out.weight[1] = 300.3
    assert Evaluator(network).precision == "float32"


def test_an_evaluator_comes_from_a_seed_or_from_a_file(tmp_path: Path):
    drawn = load_evaluator(HEX8, None, seed=3, precision="float32")
    network = initial_network(HEX8, seed=3)
    file = save_weights(
        tmp_path,
        network,
        WeightsInfo(
            config="hex8_2p", architecture=network.architecture, parent=None, run_id="0" * 32
        ),
    )
    loaded = load_evaluator(HEX8, file.path, seed=9, sha256=file.sha256, precision="float32")
    batch = planes(network, 3)
    np.testing.assert_array_equal(drawn.evaluate(batch)[0], loaded.evaluate(batch)[0])
    with pytest.raises(WeightsError, match="does not hash to"):
        load_evaluator(HEX8, file.path, seed=9, sha256="0" * 64)
