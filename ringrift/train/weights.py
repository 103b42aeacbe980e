"""Weights on disk: safetensors, named by their sha256, that say what network they belong to.

The file's metadata holds one JSON value (safetensors writes several in random order, and equal
weights shall be equal bytes). A network of another board, size or encoding is refused, never bent.
"""

import json
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.artifacts import Artifact, ArtifactError, read_artifact, write_artifact
from ringrift.train.network import Architecture, Network, architecture_for, board_of

# What planes and policy indices mean; counts up whenever the engine's encoding changes either.
ENCODING_VERSION = 2
_METADATA_KEY = "ringrift"
# What a network cannot choose: fields that `architecture_for` takes from the config.
_OF_THE_CONFIG = ("planes", "policy_planes", "height", "width", "players")
_LENGTH_BYTES = 8


class WeightsError(ValueError):
    """Weights that cannot be used: one sentence that names the file and the mismatch."""


class WeightsInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a weights file says of itself.

    `parent` is the sha256 of the weights it continued from, None for a network from noise; `run_id`
    is the training run that made it. `budget` says how the games were searched that it learned
    from ("full 64 of 16, cheap 16 of 8, 25 % full"); None where nobody told. The file's own sha256
    is its name.
    """

    config: str
    architecture: Architecture
    parent: str | None
    run_id: str
    budget: str | None = None
    encoding: int = ENCODING_VERSION


def save_weights(directory: Path, network: Network, info: WeightsInfo) -> Artifact:
    """Write `<sha256>.safetensors`; equal weights and info give equal bytes."""
    # safetensors refuses channels_last tensors.
    tensors = {
        name: tensor.detach().contiguous(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    metadata = {_METADATA_KEY: msgspec.json.encode(info, order="sorted").decode()}
    return write_artifact(directory, "safetensors", lambda out: out.write(save(tensors, metadata)))


def load_weights(
    path: Path, config: Config, sha256: str | None = None
) -> tuple[WeightsInfo, Network]:
    """The network in a file, which must be one of `config` and hash to `sha256` where given.

    Raises WeightsError on a missing or damaged file, another config or encoding, an architecture
    that cannot be or tensors that do not fit it, or numbers that are not finite.
    """
    try:
        content = read_artifact(path, sha256)
        info = msgspec.convert(_metadata(content), WeightsInfo)
        tensors = load(content)
    except ArtifactError as error:
        raise WeightsError(str(error)) from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} is not a ringrift weights file ({error}).") from error
    _refuse_mismatch(path, info, config)
    network = Network(info.architecture, board_of(tables_for(config)))
    _refuse_tensors(path, tensors, network.state_dict())
    network.load_state_dict(tensors)
    if not all(_finite(tensor) for tensor in tensors.values()):
        raise WeightsError(f"{path} holds numbers that are not finite; train from its parent.")
    return info, network


def _metadata(content: bytes) -> object:
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    header = json.loads(content[_LENGTH_BYTES : _LENGTH_BYTES + length])
    return json.loads(cast(dict[str, Any], header)["__metadata__"][_METADATA_KEY])


def _refuse_mismatch(path: Path, info: WeightsInfo, config: Config) -> None:
    if info.config != config.name:
        raise WeightsError(f"{path} is a network of {info.config}, not of {config.name}.")
    if info.encoding != ENCODING_VERSION:
        raise WeightsError(
            f"{path} has encoding version {info.encoding}; this ringrift speaks "
            f"{ENCODING_VERSION}: train anew."
        )
    ours = architecture_for(config)
    if any(getattr(info.architecture, field) != getattr(ours, field) for field in _OF_THE_CONFIG):
        raise WeightsError(f"{path} has other planes or actions than {config.name}: train anew.")


def _refuse_tensors(path: Path, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    reason = f"{path} holds other tensors than its architecture names"
    for name in sorted(found.keys() ^ expected.keys()):
        found_out = "missing" if name in expected else "unknown"
        raise WeightsError(f"{reason} ({name} is {found_out}): train anew.")
    for name, tensor in found.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise WeightsError(
                f"{reason} ({name} is {_described(tensor)}, not {_described(wanted)}): train anew."
            )


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())
