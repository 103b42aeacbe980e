"""The evaluator gives the network's own answers, whatever it does for speed."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from ringrift.engine.config import Config
from ringrift.train.devices import DeviceError, FittingBatches, device_for
from ringrift.train.evaluator import Evaluator, EvaluatorError, load_evaluator, utilities
from ringrift.train.network import Network, Outputs, initial_network
from ringrift.train.network.folding import folded
from ringrift.train.network.packing import can_pack, packed
from ringrift.train.weights import WeightsError, WeightsInfo, save_weights

HEX8 = Config.parse("hex8_2p")


# Every kind of layer that folding must leave or merge.
RICH = {"squeeze": 4, "pooling_every": 2, "attention": 1, "attention_heads": 2}


def lively_network(config: Config = HEX8, **changes: int) -> Network:
    """Norms away from their start, so that folding them is put to the test."""
    network = initial_network(config, 3, "tiny", blocks=2, channels=16, **changes)
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.3, generator=generator)
    return network.eval()


def planes(network: Network, batch: int) -> np.ndarray:
    a = network.architecture
    rng = np.random.default_rng(0)
    return (rng.random((batch, a.planes, a.height, a.width)) < 0.3).astype(np.float32)


@pytest.mark.parametrize("changes", [{}, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_answers_are_those_of_the_network(
    config: str, precision: str, error: float, changes: dict[str, int]
):
    network = lively_network(Config.parse(config), **changes)
    batch = planes(network, 7)
    with torch.no_grad():
        outputs = network(torch.as_tensor(batch))
    evaluator = Evaluator(network, precision, "cpu")  # pyright: ignore[reportArgumentType]
    assert evaluator.precision == precision
    logits, values = evaluator.evaluate(batch)
    assert logits.dtype == values.dtype == np.float32
    np.testing.assert_allclose(logits, outputs.policy.numpy(), atol=error)
    np.testing.assert_allclose(values, utilities(outputs).numpy(), atol=error)


@pytest.mark.skipif(not can_pack(), reason="this processor or torch lacks the operators")
@pytest.mark.parametrize("config", ["hex8_2p", "square8_3p"])
@pytest.mark.parametrize("changes", [{}, RICH], ids=["plain", "rich"])
def test_packing_changes_no_more_than_the_rounding(config: str, changes: dict[str, int]):
    network = lively_network(Config.parse(config), **changes)
    plain, quick = folded(network, torch.bfloat16), packed(folded(network, torch.bfloat16))
    for batch in (1, 7, 64, 65):
        x = torch.as_tensor(planes(network, batch)).bfloat16()
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            one, other = plain(x), quick(x)
        torch.testing.assert_close(one.policy, other.policy, atol=0.1, rtol=0.02)
        torch.testing.assert_close(one.wins, other.wins, atol=0.1, rtol=0.02)


def test_without_the_operators_the_plain_network_answers(monkeypatch: pytest.MonkeyPatch):
    def refuse(_network: Network) -> Network:
        raise AssertionError("packed without the operators")

    monkeypatch.setattr("ringrift.train.evaluator.can_pack", lambda: False)
    monkeypatch.setattr("ringrift.train.evaluator.packed", refuse)
    network = lively_network()
    batch = planes(network, 3)
    logits, _ = Evaluator(network, "bfloat16", "cpu").evaluate(batch)
    with torch.no_grad():
        expected = network(torch.as_tensor(batch)).policy.numpy()
    np.testing.assert_allclose(logits, expected, atol=0.1)


def test_two_seats_are_worth_their_chance_to_win():
    outputs = Outputs(torch.zeros(1, 5), torch.tensor([[2.0, 0.0]]), None)
    np.testing.assert_allclose(utilities(outputs), [[0.880797, 0.119203]], atol=1e-6)


@pytest.mark.parametrize("n", [3, 4])
def test_more_seats_are_worth_a_fifth_of_their_place_too(n: int):
    """Seat i ends in place i + 1, or all are alike."""
    sure = Outputs(torch.zeros(1, 5), 99 * torch.eye(n)[:1], 99 * torch.eye(n)[None])
    expected = 0.8 * np.eye(n)[0] + 0.2 * (n - np.arange(1, n + 1)) / (n - 1)
    np.testing.assert_allclose(utilities(sure)[0], expected, atol=1e-6)
    even = Outputs(torch.zeros(1, 5), torch.zeros(1, n), torch.zeros(1, n, n))
    np.testing.assert_allclose(utilities(even)[0], 0.8 / n + 0.1, atol=1e-6)


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
        network.value.wins.weight[0] = 300
        network.value.wins.weight[1] = 300.3
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


def test_a_network_that_search_cannot_feed_is_refused():
    with pytest.raises(EvaluatorError, match=r"scalars is 3; .* use one with scalars=0\.$"):
        Evaluator(lively_network(scalars=3))


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device_for("auto") == device_for("cpu") == torch.device("cpu")
    with pytest.raises(DeviceError, match=r"device is 'cuda', which .*; use 'cpu'\.$"):
        device_for("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_for("auto") == torch.device("cuda")


def test_a_batch_too_large_for_the_memory_is_halved_until_it_fits(
    caplog: pytest.LogCaptureFixture,
):
    sizes: list[int] = []

    def forward(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise torch.OutOfMemoryError
        return batch * 2, batch * 3

    fitting, batch = FittingBatches(forward), torch.arange(10.0)
    with caplog.at_level(logging.WARNING):
        doubled, tripled = fitting(batch)
    assert torch.equal(doubled, batch * 2) and torch.equal(tripled, batch * 3)
    assert sizes == [10, 5, 2, 2, 2, 2, 2]
    assert [record.args for record in caplog.records] == [(10, 5), (5, 2)]
    sizes.clear()
    fitting(batch[:5])
    assert sizes == [2, 2, 1]


def test_memory_without_room_for_one_position_is_an_error():
    def forward(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        FittingBatches(forward)(torch.arange(10.0))
