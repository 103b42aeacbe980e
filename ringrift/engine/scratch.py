"""Work arrays of the kernels: one set a thread, so that no kernel allocates."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.rules import Tables


class Scratch(NamedTuple):
    """Contents are meaningless between calls."""

    queue: NDArray[np.int16]  # [2 * cells] flood-fill order: a region, then its border
    labels: NDArray[np.int16]  # [5, cells] lowest cell of the component, a row per border colour
    sizes: NDArray[np.int16]  # [5, cells] size of the component, at its lowest cell
    payers: NDArray[np.int16]  # [cells] stacks that can pay; or a flag a cell
    moves: NDArray[np.int64]  # [max_moves] choices that only need counting
    rows: NDArray[np.int16]  # [2, state_size] positions tried by the heuristic player
    log: NDArray[np.int64]  # [LOG] forced steps that nobody records


LOG = 256


def new_scratch(t: Tables) -> Scratch:
    """Work arrays that fit every state of `t`."""
    return Scratch(
        queue=np.zeros(2 * t.cells, dtype=np.int16),
        labels=np.zeros((5, t.cells), dtype=np.int16),
        sizes=np.zeros((5, t.cells), dtype=np.int16),
        payers=np.zeros(t.cells, dtype=np.int16),
        moves=np.zeros(t.max_moves, dtype=np.int64),
        rows=np.zeros((2, t.state_size), dtype=np.int16),
        log=np.zeros(LOG, dtype=np.int64),
    )
