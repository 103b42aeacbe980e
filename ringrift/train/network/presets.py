"""The network family: one entry a preset, each a set of fields of `Architecture`.

Sizes are those of SYSTEM section 3.5, the system that this one replaces, with its bodies and
without its flat policy heads: every policy is a convolution onto the engine's action planes. Every
network of three or four seats has the rank head. docs/networks.md says what each is for.
"""

from collections.abc import Mapping
from types import MappingProxyType

Preset = Mapping[str, int | float]

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "tiny": {"blocks": 4, "channels": 48, "squeeze": 4},
        "tiny64": {"blocks": 4, "channels": 64, "squeeze": 4},
        "v2": {"blocks": 6, "channels": 96, "squeeze": 16, "value_hidden": 128},
        "v3": {
            "blocks": 12,
            "channels": 192,
            "squeeze": 16,
            "pooling_every": 3,
            "value_hidden": 128,
        },
        "v4": {
            "blocks": 0,
            "channels": 128,
            "stem": 5,
            "attention": 13,
            "attention_heads": 4,
            "dropout": 0.08,
            "value_hidden": 256,
        },
        "v5": {
            "blocks": 6,
            "channels": 160,
            "squeeze": 16,
            "attention": 5,
            "attention_heads": 4,
            "value_hidden": 128,
        },
        "v5-heavy": {
            "blocks": 6,
            "channels": 160,
            "squeeze": 16,
            "attention": 5,
            "attention_heads": 4,
            "scalars": 21,
            "value_hidden": 128,
        },
        "v5-heavy-large": {
            "blocks": 10,
            "channels": 256,
            "squeeze": 16,
            "attention": 8,
            "attention_heads": 8,
            "scalars": 49,
            "value_hidden": 256,
        },
    }
)
