"""A 64-bit Zobrist hash of what the state text says, and of a chosen part.

Zobrist, "A new hashing method with application for game playing" (1970): the exclusive or of one
key a fact. Keys are computed instead of looked up, and the hash is taken from the whole row, which
costs 3 to 10 % of a decision (docs/engine-performance.md): less than to have every writer of cells
and rings keep one up that few decisions ask for.
"""

import numpy as np

from ringrift.engine.jit import int64, kernel
from ringrift.engine.rules import Tables
from ringrift.engine.state import CELLS, EMPTY, FREE, GONE, LPS_MASK, REASON, STACK, TURN, Row

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30 = np.uint64(30)
_S27 = np.uint64(27)
_S31 = np.uint64(31)

# Where a fact stands in its key: which slot or cell, how deep in a stack, what it is.
_PLACE = 1 << 40
_DEPTH = 1 << 20


@kernel
def _key(place: int, depth: int, value: int) -> np.uint64:
    """The key of a fact: splitmix64's finaliser (see `engine.rng`) over it."""
    z = np.uint64((place + 1) * _PLACE + depth * _DEPTH + value + 1)
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@kernel
def position_hash(t: Tables, s: Row) -> np.uint64:
    """The hash of a position; equal for rows of one config with equal text and equal chosen part.

    Different positions share one by chance only: among 2**32 of them, one pair is to be expected.
    """
    h = np.uint64(0)
    for slot in range(LPS_MASK + 4):
        derived = slot in (TURN, REASON, FREE) or GONE <= slot < GONE + 4
        if not derived:
            h ^= _key(slot, 0, int64(s[slot]))
    for c in range(t.cells):
        content = int64(s[CELLS + c])
        if content == EMPTY:
            continue
        h ^= _key(CELLS + c, 0, content)
        if content >= STACK:
            depth = 1
            ring = int64(s[t.at_below + s[t.at_top + c]])
            while ring >= 0:
                h ^= _key(CELLS + c, depth, int64(s[t.at_owner + ring]))
                depth += 1
                ring = int64(s[t.at_below + ring])
    return h
