"""Tensors and a few facts as one file: the state between fits, and checkpoints within one.

safetensors with the facts as a JSON tensor of bytes: nothing in a file is ever executed, and equal
contents give equal bytes.
"""

from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ringrift.train.artifacts import (
    Artifact,
    ArtifactError,
    read_artifact,
    write_artifact,
    write_file,
)

_FACTS = "facts"


class CheckpointError(ValueError):
    """A state or checkpoint that cannot be used: one sentence that names the file."""


class StateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A training state: that of the published `weights`, after `rows` of its optimiser."""

    config: str
    weights: str
    rows: int


class FitFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A fit `step` steps in: losses of the steps that count, and what the monitor remembers."""

    step: int
    rows: int
    sums: list[tuple[float, ...]]
    counts: list[tuple[float, ...]]
    monitor: tuple[float, float, int, int]


Facts = TypeVar("Facts", StateFacts, FitFacts)


def save_state(directory: Path, tensors: dict[str, Tensor], facts: StateFacts) -> Artifact:
    """Write `<sha256>.state`."""
    content = _packed(tensors, facts)
    return write_artifact(directory, "state", lambda out: out.write(content))


def load_state(path: Path, sha256: str) -> tuple[dict[str, Tensor], StateFacts]:
    """Tensors and facts of a state; raises CheckpointError."""
    try:
        return _unpacked(path, read_artifact(path, sha256), StateFacts)
    except ArtifactError as error:
        raise CheckpointError(str(error)) from error


def save_checkpoint(path: Path, tensors: dict[str, Tensor], facts: FitFacts) -> None:
    """Replace the checkpoint of a fit: after any kill the old or the new one is there, whole."""
    content = _packed(tensors, facts)
    write_file(path, lambda out: out.write(content))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], FitFacts]:
    """Tensors and facts of a checkpoint that is there; raises CheckpointError."""
    try:
        return _unpacked(path, read_artifact(path), FitFacts)
    except ArtifactError as error:
        raise CheckpointError(str(error)) from error


def _packed(tensors: dict[str, Tensor], facts: StateFacts | FitFacts) -> bytes:
    text = np.frombuffer(msgspec.json.encode(facts, order="sorted"), dtype=np.uint8)
    # safetensors refuses channels_last tensors.
    plain = {
        name: tensor.contiguous(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return save(plain | {_FACTS: torch.tensor(text)})


def _unpacked(path: Path, content: bytes, kind: type[Facts]) -> tuple[dict[str, Tensor], Facts]:
    try:
        tensors = load(content)
        facts = msgspec.json.decode(tensors.pop(_FACTS).numpy().tobytes(), type=kind)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} holds no state of training ({error}).") from error
    return tensors, facts
