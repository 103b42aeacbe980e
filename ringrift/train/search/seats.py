"""The one place where values relative to the mover become values of absolute seats."""

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import kernel


@kernel
def absolute_values(
    relative: NDArray[np.float32], seat: int, absolute: NDArray[np.float64]
) -> None:
    """Write a network's values into `absolute`, indexed by seat.

    relative[0] belongs to `seat`, the one to move; the others follow in seat order, cyclically.
    """
    players = absolute.shape[0]
    for i in range(players):
        absolute[(seat + i) % players] = relative[i]
