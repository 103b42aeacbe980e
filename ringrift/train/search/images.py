"""Judging a leaf under a random symmetry of the board, so that no orientation is preferred.

The symmetry follows from the position and the salt of its game, not from when it is asked for:
the same position of a game is always judged alike. Only `exact` symmetries are used
(`engine.symmetry`): under the others the rules do not quite treat the image like the position.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels import action_index, position_hash, transform_choice, transform_row
from ringrift.engine.moves import (
    LINE,
    LINE_WINDOW,
    REGION,
    SLIDE_WHOLE,
    SLIDE_WINDOW,
    kind_of,
)
from ringrift.engine.rng import below
from ringrift.engine.rules import Tables
from ringrift.engine.symmetry import Symmetries, symmetries_for
from ringrift.engine.text import board_of
from ringrift.train.search.forest import Forest, Work


class Images(NamedTuple):
    """The symmetries of a board that leaves may be judged under."""

    symmetries: Symmetries
    used: NDArray[np.int32]  # only the identity when leaves are judged as they are
    action: NDArray[np.int32]  # [symmetries, actions] action of an action's image, -1 not yet known


def images_for(t: Tables, symmetric: bool) -> Images:
    """All exact symmetries of the board of `t`, or, unless `symmetric`, the identity alone."""
    symmetries = symmetries_for(Config(board_of(t), t.players))
    used = np.flatnonzero(symmetries.exact) if symmetric else np.zeros(1)
    action = np.full((len(symmetries.exact) if symmetric else 1, t.actions), -1, dtype=np.int32)
    return Images(symmetries, used.astype(np.int32), action)


@kernel
def turn_leaf(f: Forest, t: Tables, m: Images, w: Work, g: int) -> None:
    """Draw the symmetry of the slot's leaf and write the leaf's image under it."""
    f.turned[g] = 0
    if m.used.shape[0] == 1:
        return
    row = f.state[g, f.leaf[g]]
    w.draw[0] = position_hash(t, row) ^ f.salt[g]
    k = int64(m.used[below(w.draw, m.used.shape[0])])
    f.turned[g] = k
    if k > 0:
        transform_row(t, m.symmetries, k, row, f.image[g])


@kernel
def _follows_from_index(kind: int) -> bool:
    # The image of a line starts at its other end, that of a region has another lowest cell: where
    # depends on the position. All other indices say all there is to know of a choice.
    return not (LINE <= kind <= LINE_WINDOW or kind in (REGION, SLIDE_WHOLE, SLIDE_WINDOW))


@kernel
def _image_action(f: Forest, t: Tables, m: Images, w: Work, g: int, k: int, edge: int) -> int:
    row = f.state[g, f.leaf[g]]
    turned = transform_choice(t, m.symmetries, k, row, f.move[g, edge], w.scratch)
    return action_index(t, f.image[g], turned)


@kernel
def read_logits(
    f: Forest, t: Tables, m: Images, w: Work, g: int, logits: NDArray[np.float32]
) -> None:
    """Give every choice of the slot's leaf the logit of its image, as the leaf was turned."""
    k = int64(f.turned[g])
    first = int64(f.first[g, f.leaf[g]])
    for e in range(first, first + int64(f.choices[g, f.leaf[g]])):
        action = int64(f.action[g, e])
        if k > 0:
            known = int64(-1)
            follows = _follows_from_index(kind_of(f.move[g, e]))
            if follows:
                known = int64(m.action[k, action])
            if known < 0:
                known = _image_action(f, t, m, w, g, k, e)
                if follows:
                    m.action[k, action] = known
            action = known
        f.logit[g, e] = logits[action]
