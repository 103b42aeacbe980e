"""Where everything lies in a state row.

A state is one flat C-contiguous int16 row: copying a state is copying a row, a batch is
int16[N, state_size]. Rings are a pool of singly linked nodes (owner, ring below), so a stack may
be as tall as there are rings, and placing, losing the top ring and capturing under the bottom are
O(1). Counters of stacks, markers and rings on board are kept beside the cells they count.

Two rows of equal state text may differ in the order of pool nodes and in the turn number; compare
positions by their text.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ringrift.engine.rules import Tables

Row = NDArray[np.int16]
Moves = NDArray[np.int64]
Planes = NDArray[np.float32]

# Header. Seats are 0-based; -1 means none.
PHASE = 0
SEAT = 1
WINNER = 2
TURN = 3
REASON = 4
MUST = 5
PEND = 6
REC = 7
ACT = 8
LPS_FIRST = 9
LPS_HOLDER = 10
LPS_ROUNDS = 11
SWAP = 12
FREE = 13
# What search has chosen of a recovery: 1 + 8 x from + direction of the slide (0: nothing), and
# whether the whole of its line; both are 0 between moves (`kernels.position`).
PART = 14
OPTION = 15

# Four slots each, one a seat; unused seats stay 0.
HAND = 16
ELIM = 20
TERR = 24
GONE = 28  # turn at whose end the seat was first seen without rings; 0 while it has some
LPS_MASK = 32  # -1 not yet seen this round, else whether a real action was available
STACKS = 36
MARKERS = 40
RINGS = 44

# One slot a cell from here; the other per-cell and pool sections follow at Tables.at_*.
CELLS = 48

# Content of a cell: EMPTY, or one of the three bases + seat.
EMPTY = 0
MARKER = 1
COLLAPSED = 5
STACK = 9

RING_PLACEMENT = 0
MOVEMENT = 1
CAPTURE = 2
CHAIN_CAPTURE = 3
LINE_PROCESSING = 4
TERRITORY_PROCESSING = 5
FORCED_ELIMINATION = 6
GAME_OVER = 7
PHASE_NAMES = (
    "ring_placement",
    "movement",
    "capture",
    "chain_capture",
    "line_processing",
    "territory_processing",
    "forced_elimination",
    "game_over",
)

PEND_NONE = 0
PEND_LINE = 1
PEND_TERRITORY = 2
PEND_RECOVERY = 3
PEND_NAMES = ("-", "line", "territory", "recovery")

REASON_NONE = 0
REASON_ELIMINATION = 1
REASON_TERRITORY = 2
REASON_LPS_ROUNDS = 3
REASON_LAST_SURVIVOR = 4
REASON_STALEMATE = 5
REASON_NAMES = (
    None,
    "elimination",
    "territory",
    "lps_rounds",
    "last_survivor",
    "stalemate",
)


def empty_row(t: "Tables") -> Row:
    """A row without any rings, markers or hands, seat 0 to place, every pool node free."""
    row = np.zeros(t.state_size, dtype=np.int16)
    row[WINNER] = -1
    row[TURN] = 1
    row[MUST] = -1
    row[LPS_FIRST] = -1
    row[LPS_HOLDER] = -1
    row[LPS_MASK : LPS_MASK + 4] = -1
    row[t.at_top : t.at_top + 2 * t.cells] = -1
    row[t.at_below : t.at_below + t.pool] = np.arange(1, t.pool + 1)
    row[t.at_below + t.pool - 1] = -1
    return row


def new_state(t: "Tables", swap: bool = False) -> Row:
    """The normal start position; `swap` turns the pie rule on (it takes effect with two seats)."""
    row = empty_row(t)
    row[HAND : HAND + t.players] = t.rings
    row[SWAP] = int(swap and t.players == 2)
    row[LPS_FIRST] = 0
    row[LPS_MASK] = 1
    return row
