"""Work arrays of the kernels: one set a thread, so that no kernel allocates."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.rules import Tables


class Scratch(NamedTuple):
    """Contents are meaningless between calls."""

    queue: NDArray[np.int16]  # [cells] the cells of a region, with or without its border
    bits: NDArray[np.uint64]  # [13, height] the cells of every content
    areas: NDArray[np.uint64]  # [4, height]
    regions: NDArray[np.uint64]  # [regions, height] those that may be claimed
    payers: NDArray[np.int16]  # [cells] stacks that can pay
    moves: NDArray[np.int64]  # [max_moves] choices that only need counting
    rows: NDArray[np.int16]  # [2, state_size] positions tried by heuristic-1
    log: NDArray[np.int64]  # [LOG] forced steps that nobody records


LOG = 256


def new_scratch(t: Tables) -> Scratch:
    """Work arrays that fit every state of `t`."""
    return Scratch(
        queue=np.zeros(t.cells, dtype=np.int16),
        bits=np.zeros((13, t.height), dtype=np.uint64),
        areas=np.zeros((4, t.height), dtype=np.uint64),
        # Of the areas that one border colour leaves, no two are neighbours.
        regions=np.zeros(((t.players + 1) * (t.cells // 2 + 1), t.height), dtype=np.uint64),
        payers=np.zeros(t.cells, dtype=np.int16),
        moves=np.zeros(t.max_moves, dtype=np.int64),
        rows=np.zeros((2, t.state_size), dtype=np.int16),
        log=np.zeros(LOG, dtype=np.int64),
    )
