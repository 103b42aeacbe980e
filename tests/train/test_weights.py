"""Weights files: equal bytes for equal weights, and every mismatch refused in one sentence."""

from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save

from ringrift.engine.config import Config
from ringrift.train.network import Network, initial_network
from ringrift.train.weights import WeightsError, WeightsInfo, load_weights, save_weights

HEX8 = Config.parse("hex8_2p")


def network() -> Network:
    return initial_network(HEX8, seed=1, blocks=1, channels=16)


def info(net: Network, **changes: object) -> WeightsInfo:
    told = WeightsInfo(
        config="hex8_2p", architecture=net.architecture, parent=None, run_id="0" * 32
    )
    return msgspec.structs.replace(told, **changes)


def test_what_is_saved_is_loaded(tmp_path: Path):
    net = initial_network(HEX8, 1, "v5", blocks=1, channels=16, owner=True, pooling_every=1)
    told = info(net, parent="1" * 64, budget="full 64 of 16, cheap 16 of 8, 25 % full")
    file = save_weights(tmp_path, net, told)
    assert file.path.name == f"{file.sha256}.safetensors"
    loaded_info, loaded = load_weights(file.path, HEX8, file.sha256)
    assert loaded_info == told
    state = loaded.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())


def test_equal_weights_are_equal_bytes(tmp_path: Path):
    net = network()
    first = save_weights(tmp_path / "a", net, info(net)).path.read_bytes()
    laid_out_otherwise = network()
    laid_out_otherwise.load_state_dict(net.state_dict())
    for parameter in laid_out_otherwise.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    second = save_weights(tmp_path / "b", laid_out_otherwise, info(net))
    assert second.path.read_bytes() == first


@pytest.mark.parametrize(
    ("config", "changes", "told"),
    [
        ("square8_2p", {}, r"is a network of hex8_2p, not of square8_2p\.$"),
        ("hex8_2p", {"encoding": 99}, r"has encoding version 99; .* train anew\.$"),
    ],
)
def test_a_network_of_another_game_is_refused(
    tmp_path: Path, config: str, changes: dict[str, object], told: str
):
    net = network()
    file = save_weights(tmp_path, net, info(net, **changes))
    with pytest.raises(WeightsError, match=told):
        load_weights(file.path, Config.parse(config))


def test_other_planes_than_the_engine_has_are_refused(tmp_path: Path):
    other = initial_network(Config.parse("square8_2p"), seed=1, blocks=1, channels=16)
    file = save_weights(tmp_path, other, info(other))
    with pytest.raises(WeightsError, match="other planes or actions than hex8_2p"):
        load_weights(file.path, HEX8)


def test_tensors_of_another_size_are_refused(tmp_path: Path):
    wide = initial_network(HEX8, seed=1, blocks=1, channels=32)
    file = save_weights(tmp_path, wide, info(network()))
    with pytest.raises(
        WeightsError, match=r"other tensors .* is float32\[.*\], not float32\[.*\]\): train anew\.$"
    ):
        load_weights(file.path, HEX8)


def test_a_tensor_too_few_or_too_many_is_named(tmp_path: Path):
    plain, taught = network(), initial_network(HEX8, 1, blocks=1, channels=16, turns_left=True)
    less = save_weights(tmp_path, plain, info(taught))
    with pytest.raises(
        WeightsError, match=r"auxiliary\.turns_left\.bias is missing\): train anew\.$"
    ):
        load_weights(less.path, HEX8)
    more = save_weights(tmp_path, taught, info(plain))
    with pytest.raises(
        WeightsError, match=r"auxiliary\.turns_left\.bias is unknown\): train anew\.$"
    ):
        load_weights(more.path, HEX8)


def test_numbers_of_another_kind_are_refused(tmp_path: Path):
    net = network()
    file = save_weights(tmp_path, network().half(), info(net))
    with pytest.raises(WeightsError, match=r"is float16\[.*\], not float32\[.*\]\): train anew\.$"):
        load_weights(file.path, HEX8)


def test_an_architecture_that_cannot_be_is_refused(tmp_path: Path):
    net = network()
    content = save_weights(tmp_path, net, info(net)).path.read_bytes()
    for was, bad in ((b'channels\\":16', b'channels\\":00'), (b'stem\\":3', b'stem\\":2')):
        assert was in content
        path = tmp_path / "bad.safetensors"
        path.write_bytes(content.replace(was, bad))
        with pytest.raises(WeightsError, match=r"is not a ringrift weights file"):
            load_weights(path, HEX8)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path):
    net = network()
    with torch.no_grad():
        net.value.wins.bias[0] = float("nan")
    file = save_weights(tmp_path, net, info(net))
    with pytest.raises(WeightsError, match="not finite"):
        load_weights(file.path, HEX8)


def test_damage_is_told(tmp_path: Path):
    net = network()
    file = save_weights(tmp_path, net, info(net))
    good = file.path.read_bytes()
    file.path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(WeightsError, match="does not hash to"):
        load_weights(file.path, HEX8, file.sha256)
    for broken in (b"", good[: len(good) // 2], b"\xff" * 64, save({"a": torch.zeros(1)})):
        file.path.write_bytes(broken)
        with pytest.raises(WeightsError, match=r"is not a ringrift weights file"):
            load_weights(file.path, HEX8)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(tmp_path / "absent.safetensors", HEX8)
