"""Rows of training as the network sees them, each under a symmetry of the board."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels import (
    Scratch,
    action_index,
    list_choices,
    transform_choice,
    transform_row,
    write_planes,
)
from ringrift.engine.rules import Tables
from ringrift.engine.state import PHASE, TERRITORY_PROCESSING, Moves, Row
from ringrift.engine.symmetry import Symmetries


class Images(NamedTuple):
    """Where `write_images` writes, of B rows with at most K choices each.

    `planes` float32[B, planes, height, width]; `actions` int32[B, K] the policy indices of each
    image's choices, in the engine's order of the row itself; `counts` int32[B] how many.
    """

    planes: NDArray[np.float32]
    actions: NDArray[np.int32]
    counts: NDArray[np.int32]


class ImageWork(NamedTuple):
    """Work arrays of `write_images`: a row, choices, and per policy index who used it last."""

    image: Row
    choices: Moves
    used: NDArray[np.int32]


def image_work(t: Tables) -> ImageWork:
    """Fresh work arrays for a config."""
    return ImageWork(
        np.zeros(t.state_size, dtype=np.int16),
        np.zeros(t.max_moves, dtype=np.int64),
        np.zeros(t.actions, dtype=np.int32),
    )


@kernel
def _exact(y: Symmetries, k: int) -> int:
    """Symmetry `k` if the rules treat its images alike, else one of those, alike often each."""
    if y.exact[k]:
        return k
    skip = k % int64(y.exact.sum())
    for other in range(y.exact.shape[0]):
        if y.exact[other]:
            if skip == 0:
                return other
            skip -= 1
    return 0


@kernel
def _write_choices(
    t: Tables,
    y: Symmetries,
    k: int,
    s: Row,
    n: int,
    out: NDArray[np.int32],
    mark: int,
    work: ImageWork,
    scratch: Scratch,
) -> bool:
    """Indices of the images of `n` choices of `s`; whether each has one of its own."""
    transform_row(t, y, k, s, work.image)
    for i in range(n):
        choice = transform_choice(t, y, k, s, work.choices[i], scratch)
        index = action_index(t, work.image, choice)
        if work.used[index] == mark:
            return False
        work.used[index] = mark
        out[i] = index
    return True


@kernel
def write_images(
    t: Tables,
    y: Symmetries,
    states: NDArray[np.int16],
    listed: NDArray[np.bool_],
    symmetry: NDArray[np.int64],
    out: Images,
    work: ImageWork,
    scratch: Scratch,
) -> None:
    """Encode the image of each of `states` [B, state_size] under its `symmetry` [B].

    Choices only where `listed` [B] says so (else their count is 0). A position whose regions are
    being claimed takes only a symmetry that keeps the rules of claims (hex8 has 4 of 12), and one
    whose choices would share an index takes none at all; `symmetry` is left as it was used.
    """
    work.used[:] = 0
    mark = 0
    for i in range(states.shape[0]):
        s, k = states[i], symmetry[i]
        if s[PHASE] == TERRITORY_PROCESSING:
            k = _exact(y, k)
        n = 0
        if listed[i]:
            n = list_choices(t, s, work.choices, scratch)
        room = min(n, out.actions.shape[1])
        mark += 1
        if not _write_choices(t, y, k, s, room, out.actions[i], mark, work, scratch):
            k = int64(0)
            mark += 1
            _write_choices(t, y, k, s, room, out.actions[i], mark, work, scratch)
        out.counts[i] = n
        symmetry[i] = k
        write_planes(t, work.image, out.planes[i], scratch)
