"""The network: feature planes in; a policy over the action index and each seat's prospects out.

`presets` is the one table of sizes; with a config it gives an `architecture`, which decides every
tensor's shape and travels with the weights, and a `board`. `network` puts a `trunk` (of `layers`,
with `attention` at its end) before the `heads`. `folding` makes the copy that only evaluates, with
each norm merged into its filter, and `packing` prepares that copy for oneDNN.
"""

from ringrift.train.network.architecture import Architecture, ArchitectureError, architecture_for
from ringrift.train.network.board import Board, board_of
from ringrift.train.network.network import Network, Outputs, initial_network
from ringrift.train.network.presets import PRESETS

__all__ = [
    "PRESETS",
    "Architecture",
    "ArchitectureError",
    "Board",
    "Network",
    "Outputs",
    "architecture_for",
    "board_of",
    "initial_network",
]
