"""What decides the shapes of a network's tensors, and how a config and a preset give it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.network.presets import PRESETS

Size = Annotated[int, Meta(ge=1, le=2048)]
# 0 switches a part off.
Count = Annotated[int, Meta(ge=0, le=128)]


class ArchitectureError(ValueError):
    """A preset or size that cannot be: one sentence that names the field."""


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides the shapes of a network's tensors; a part is absent where 0 or False.

    `planes` to `players` follow from the config. `stem` is the width of the first filters;
    `squeeze` the ratio of squeeze-excite; every `pooling_every`-th block has KataGo's global
    pooling; `attention` counts the transformer blocks at the end of the trunk; `scalars` is the
    length of the vector that conditions the trunk by FiLM. The last four are the auxiliary heads.
    """

    blocks: Count
    channels: Size
    planes: Size
    policy_planes: Size
    height: Size
    width: Size
    players: Annotated[int, Meta(ge=2, le=4)]
    stem: Annotated[int, Meta(ge=1, le=7)] = 3
    squeeze: Count = 0
    pooling_every: Count = 0
    attention: Count = 0
    attention_heads: Size = 4
    scalars: Count = 0
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    value_channels: Size = 16
    value_hidden: Size = 64
    owner: bool = False
    eliminations: bool = False
    turns_left: bool = False
    reply: bool = False

    def __post_init__(self) -> None:
        if self.stem % 2 == 0:
            raise ArchitectureError(f"stem is {self.stem}; filters need an odd width.")
        if self.squeeze > self.channels:
            raise ArchitectureError(
                f"squeeze is {self.squeeze}; at most the {self.channels} channels can be divided."
            )
        if self.attention and self.channels % self.attention_heads:
            raise ArchitectureError(
                f"attention_heads is {self.attention_heads}; it must divide the {self.channels} "
                "channels."
            )


def architecture_for(
    config: Config, preset: str = "tiny", **changes: int | float | bool
) -> Architecture:
    """The architecture of a preset, with some of its fields changed, on the planes of `config`.

    Raises ArchitectureError for an unknown preset or field, or a value out of range.
    """
    if preset not in PRESETS:
        raise ArchitectureError(f"preset {preset!r} is unknown; use one of {', '.join(PRESETS)}.")
    tables = tables_for(config)
    given = {
        "planes": tables.planes,
        "policy_planes": tables.actions // (tables.height * tables.width),
        "height": tables.height,
        "width": tables.width,
        "players": tables.players,
    }
    for field in given.keys() & changes.keys():
        raise ArchitectureError(f"{field} follows from {config.name}; leave it out.")
    try:
        return msgspec.convert({**PRESETS[preset], **changes, **given}, Architecture)
    except msgspec.ValidationError as error:
        raise ArchitectureError(f"Preset {preset!r} cannot be changed so: {error}.") from error
