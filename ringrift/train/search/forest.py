"""The trees of all slots in flat arrays, one row of arrays a slot.

Edges of a node are `first .. first + choices - 1` of its slot; the visits of a node are also
those of the edge that leads to it. Node 0 is the root, and a node comes after its parent. Slots
share nothing, so what happens in one cannot depend on its neighbours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64
from ringrift.engine.rng import Rng, seed_rng
from ringrift.engine.rules import PLACE_PLANES, Tables
from ringrift.engine.scratch import Scratch, new_scratch
from ringrift.engine.state import Moves

# The first node of every tree. Typed, for a bare 0 would have numba compile every kernel that is
# called with it a second time.
ROOT = int64(0)

IDLE = 0  # holds no search
SEARCHING = 1  # may be walked
WAITING = 2  # `leaf` awaits its evaluation
DONE = 3  # budget spent, may be read

# Legal choices a node has room for at first; edge arrays double when a tree needs more.
_EDGES_PER_NODE = 64

# Room for counts 0..3 of rings placed at once.
KNOWN_COUNTS = PLACE_PLANES + 1

_EDGE_ARRAYS = ("move", "action", "child", "logit", "prior", "noise")


class Forest(NamedTuple):
    """Arrays of G slots with N nodes and E edges each, for searches of S simulations at most.

    A search adds S nodes to its root at most; N leaves as much room again for kept ones.
    """

    c_scale: float
    status: NDArray[np.int8]  # [G]
    budget: NDArray[np.int32]  # [G] simulations wanted
    spent: NDArray[np.int32]  # [G] simulations backed up
    nodes: NDArray[np.int32]  # [G] used
    edges: NDArray[np.int32]  # [G] used
    leaf: NDArray[np.int32]  # [G] node that awaits its evaluation
    salt: NDArray[np.uint64]  # [G] what symmetries are drawn from, with the position
    turned: NDArray[np.int32]  # [G] symmetry under which the leaf is judged
    image: NDArray[np.int16]  # [G, state_size] the leaf under it, unless that is the identity
    schedule: NDArray[np.int32]  # [G, S] visit count of the root edges next in turn
    state: NDArray[np.int16]  # [G, N, state_size]
    seat: NDArray[np.int8]  # [G, N] to move, -1 at the end of a game
    parent: NDArray[np.int32]  # [G, N]
    first: NDArray[np.int32]  # [G, N]
    choices: NDArray[np.int32]  # [G, N]
    visits: NDArray[np.int32]  # [G, N]; 0 in a kept node that this search has not come to
    judged: NDArray[np.bool_]  # [G, N] whether `own`, `logit` and `prior` are there
    proof: NDArray[np.int8]  # [G, N] seat that is proven to win, -1 none (`proof`)
    own: NDArray[np.float64]  # [G, N, players] the node's evaluation, or utilities of the end
    total: NDArray[np.float64]  # [G, N, players] sum of everything backed up through the node
    move: NDArray[np.int64]  # [G, E]
    action: NDArray[np.int32]  # [G, E]
    child: NDArray[np.int32]  # [G, E] node, -1 when there is none
    logit: NDArray[np.float32]  # [G, E]
    prior: NDArray[np.float32]  # [G, E] softmax of the logits over the node's edges
    noise: NDArray[np.float64]  # [G, E] Gumbel, used for the edges of the root only


class Work(NamedTuple):
    """Work space of the kernels, one a thread; all but `known` is meaningless between calls."""

    scratch: Scratch
    legal: Moves  # [max_moves]
    score: NDArray[np.float64]  # [max_moves]
    ranks: Moves  # [players]
    place: NDArray[np.int32]  # [N] where a kept node goes
    draw: Rng
    # [cells * (cells + KNOWN_COUNTS)] actions met so far, else -1: of moves and captures by start,
    # then landing; of placements by cell, then count behind the landings
    known: NDArray[np.int32]


def _nodes(simulations: int) -> int:
    return 2 * simulations + 1


def new_work(t: Tables, simulations: int) -> Work:
    """Work space for forests of `t` whose searches spend up to `simulations`."""
    return Work(
        scratch=new_scratch(t),
        legal=np.zeros(t.max_moves, dtype=np.int64),
        score=np.zeros(t.max_moves),
        ranks=np.zeros(t.players, dtype=np.int64),
        place=np.zeros(_nodes(simulations), dtype=np.int32),
        draw=seed_rng(0),
        known=np.full(t.cells * (t.cells + KNOWN_COUNTS), -1, dtype=np.int32),
    )


def new_forest(t: Tables, *, slots: int, simulations: int, c_scale: float) -> Forest:
    """An empty forest whose slots can each spend up to `simulations`."""
    nodes = _nodes(simulations)
    edges = _EDGES_PER_NODE * nodes

    def ints(*shape: int) -> NDArray[np.int32]:
        return np.zeros(shape, dtype=np.int32)

    return Forest(
        c_scale=c_scale,
        status=np.zeros(slots, dtype=np.int8),
        budget=ints(slots),
        spent=ints(slots),
        nodes=ints(slots),
        edges=ints(slots),
        leaf=ints(slots),
        salt=np.zeros(slots, dtype=np.uint64),
        turned=ints(slots),
        image=np.zeros((slots, t.state_size), dtype=np.int16),
        schedule=ints(slots, simulations),
        state=np.zeros((slots, nodes, t.state_size), dtype=np.int16),
        seat=np.zeros((slots, nodes), dtype=np.int8),
        parent=ints(slots, nodes),
        first=ints(slots, nodes),
        choices=ints(slots, nodes),
        visits=ints(slots, nodes),
        judged=np.zeros((slots, nodes), dtype=np.bool_),
        proof=np.zeros((slots, nodes), dtype=np.int8),
        own=np.zeros((slots, nodes, t.players)),
        total=np.zeros((slots, nodes, t.players)),
        move=np.zeros((slots, edges), dtype=np.int64),
        action=ints(slots, edges),
        child=ints(slots, edges),
        logit=np.zeros((slots, edges), dtype=np.float32),
        prior=np.zeros((slots, edges), dtype=np.float32),
        noise=np.zeros((slots, edges)),
    )


def with_room(f: Forest, edges: int) -> Forest:
    """The same forest with room for at least `edges` edges a slot (doubling, so rarely needed)."""
    have = f.move.shape[1]
    want = max(edges, 2 * have)
    padding = ((0, 0), (0, want - have))
    grown = {name: np.pad(getattr(f, name), padding) for name in _EDGE_ARRAYS}
    return f._replace(**grown)
