"""What an end is worth to each seat: the quantity that search backs up and networks predict."""

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import kernel
from ringrift.engine.state import Moves

# Issue 5: with more than two seats the order behind the winner counts too, a little.
WIN_SHARE = 0.8


@kernel
def write_utilities(ranks: Moves, out: NDArray[np.float64]) -> None:
    """Utility in [0, 1] of each seat of a finished game, from its rank (1 the winner).

    WIN_SHARE for winning plus the rest times (n - rank) / (n - 1), where tied seats share the mean
    of the ranks they take up. With two seats that is 1 and 0.
    """
    n = ranks.shape[0]
    for seat in range(n):
        tied = 0
        for other in range(n):
            if ranks[other] == ranks[seat]:
                tied += 1
        rank = ranks[seat] + 0.5 * (tied - 1)
        out[seat] = (1.0 - WIN_SHARE) * (n - rank) / (n - 1)
        if ranks[seat] == 1:
            out[seat] += WIN_SHARE
