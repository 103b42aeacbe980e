"""Positions and choices as the network sees them, as they are."""

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import kernel
from ringrift.engine.kernels import Scratch, action_index, write_planes
from ringrift.engine.rules import Tables
from ringrift.engine.state import Moves, Row


@kernel
def write_batch(
    t: Tables, states: NDArray[np.int16], out: NDArray[np.float32], scratch: Scratch
) -> None:
    """Planes of every row of `states` [B, state_size] into `out` [B, planes, height, width]."""
    for i in range(states.shape[0]):
        write_planes(t, states[i], out[i], scratch)


@kernel
def write_actions(t: Tables, s: Row, moves: Moves, n: int, out: NDArray[np.int32]) -> None:
    """Policy indices of the first `n` choices of `s`."""
    for i in range(n):
        out[i] = action_index(t, s, moves[i])
