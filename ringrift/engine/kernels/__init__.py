"""The rules as compiled functions over (tables, row, ...); one file a concept.

`stacks` are the only writers of cells; `placement`, `movement`, `lines`, `recovery` and `territory`
list the choices of their phase and carry out their effects; `turn` holds what lies between turns;
`play` joins them into one machine. `encoding`, `planes` and `outcome` are what learning reads.
Callers import from here; kernels of other packages may call all of these.
"""

from ringrift.engine.kernels.encoding import action_index
from ringrift.engine.kernels.hashing import position_hash
from ringrift.engine.kernels.outcome import ranking
from ringrift.engine.kernels.placement import real_action
from ringrift.engine.kernels.planes import write_planes
from ringrift.engine.kernels.play import advance, apply_move, is_over, legal_moves
from ringrift.engine.kernels.position import (
    INCOMPLETE,
    choose,
    list_choices,
    part_of,
    settle,
)
from ringrift.engine.kernels.symmetry import canonical_hash, transform_choice, transform_row
from ringrift.engine.kernels.territory import fill_region
from ringrift.engine.scratch import Scratch, new_scratch

__all__ = [
    "INCOMPLETE",
    "Scratch",
    "action_index",
    "advance",
    "apply_move",
    "canonical_hash",
    "choose",
    "fill_region",
    "is_over",
    "legal_moves",
    "list_choices",
    "new_scratch",
    "part_of",
    "position_hash",
    "ranking",
    "real_action",
    "settle",
    "transform_choice",
    "transform_row",
    "write_planes",
]
