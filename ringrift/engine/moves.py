"""How one choice is packed into an int64: kind in the low 5 bits, then four fields of 10 bits.

| kind | a | b | c | d |
| --- | --- | --- | --- | --- |
| PLACE | cell | count | | |
| MOVE | from | to | | direction |
| CAPTURE_FIRST, CAPTURE_NEXT | from | to | target | direction |
| RECOVER_LINE, RECOVER_FALLBACK, RECOVER_STRIKE | from | to | extraction cell | direction |
| RECOVER_WINDOW | from | to | first cell | direction + 8 x axis |
| LINE, LINE_WHOLE, LINE_WINDOW | first cell | length | axis | |
| PAY | cell | pending cost (state.PEND_*) | | |
| REGION | lowest cell | border seat + 1, 0 for a region bounded by walls alone | | |
| FORCED | cell | | | |

All other kinds have no fields. First and lowest are in cell order.

Parts of a recovery slide, which are choices of a position but no moves (`kernels.position`):

| kind | a | b |
| --- | --- | --- |
| SLIDE | from | direction |
| SLIDE_WHOLE, SLIDE_WINDOW | first cell | axis |
| EXTRACT | extraction cell | |
"""

from ringrift.engine.jit import int64, kernel

PLACE = 0
SKIP_PLACEMENT = 1
NO_PLACEMENT = 2
SWAP_SIDES = 3
MOVE = 4
CAPTURE_FIRST = 5
CAPTURE_NEXT = 6
SKIP_CAPTURE = 7
NO_MOVEMENT = 8
RECOVER_LINE = 9
RECOVER_WINDOW = 10
RECOVER_FALLBACK = 11
RECOVER_STRIKE = 12
SKIP_RECOVERY = 13
LINE = 14
LINE_WHOLE = 15
LINE_WINDOW = 16
NO_LINE = 17
PAY = 18
REGION = 19
SKIP_TERRITORY = 20
NO_TERRITORY = 21
FORCED = 22
SLIDE = 23
SLIDE_WHOLE = 24
SLIDE_WINDOW = 25
EXTRACT = 26


@kernel
def encode(kind: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """The code of a choice; fields must be in 0..1023."""
    # int first: in plain-Python runs the fields are int16 scalars and would overflow.
    return kind | (int64(a) << 5) | (int64(b) << 15) | (int64(c) << 25) | (int64(d) << 35)


@kernel
def kind_of(move: int) -> int:
    """The kind of a code."""
    return move & 31


@kernel
def field_a(move: int) -> int:
    """First field of a code."""
    return (move >> 5) & 1023


@kernel
def field_b(move: int) -> int:
    """Second field of a code."""
    return (move >> 15) & 1023


@kernel
def field_c(move: int) -> int:
    """Third field of a code."""
    return (move >> 25) & 1023


@kernel
def field_d(move: int) -> int:
    """Fourth field of a code."""
    return (move >> 35) & 1023
