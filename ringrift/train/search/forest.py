"""The trees of all slots in flat arrays, one row of arrays a slot.

Edges of a node are `first .. first + choices - 1` of its slot; the visits of a node are also
those of the edge that leads to it. Node 0 is the root. Slots share nothing, so what happens in one
cannot depend on its neighbours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.rules import Tables

IDLE = 0  # holds no search
SEARCHING = 1  # may be walked
WAITING = 2  # `leaf` awaits its evaluation
DONE = 3  # budget spent, may be read

# Legal choices a node has room for at first; edge arrays double when a tree needs more.
_EDGES_PER_NODE = 64

_EDGE_ARRAYS = ("move", "action", "child", "logit", "prior", "noise")


class Forest(NamedTuple):
    """Arrays of G slots with N nodes and E edges each; S = N - 1 simulations at most."""

    c_scale: float
    status: NDArray[np.int8]  # [G]
    budget: NDArray[np.int32]  # [G] simulations wanted
    spent: NDArray[np.int32]  # [G] simulations backed up
    nodes: NDArray[np.int32]  # [G] used
    edges: NDArray[np.int32]  # [G] used
    leaf: NDArray[np.int32]  # [G] node that awaits its evaluation
    schedule: NDArray[np.int32]  # [G, S] visit count of the root edges next in turn
    state: NDArray[np.int16]  # [G, N, state_size]
    seat: NDArray[np.int8]  # [G, N] to move, -1 at the end of a game
    parent: NDArray[np.int32]  # [G, N]
    first: NDArray[np.int32]  # [G, N]
    choices: NDArray[np.int32]  # [G, N]
    visits: NDArray[np.int32]  # [G, N]
    own: NDArray[np.float64]  # [G, N, players] the node's evaluation, or its winner one-hot
    total: NDArray[np.float64]  # [G, N, players] sum of everything backed up through the node
    move: NDArray[np.int64]  # [G, E]
    action: NDArray[np.int32]  # [G, E]
    child: NDArray[np.int32]  # [G, E] node, -1 before the first visit
    logit: NDArray[np.float32]  # [G, E]
    prior: NDArray[np.float32]  # [G, E] softmax of the logits over the node's edges
    noise: NDArray[np.float64]  # [G, E] Gumbel, used for the edges of the root only
    legal: NDArray[np.int64]  # [max_moves] work space
    score: NDArray[np.float64]  # [max_moves] work space


def new_forest(t: Tables, *, slots: int, simulations: int, c_scale: float) -> Forest:
    """An empty forest whose slots can each spend up to `simulations`."""
    nodes = simulations + 1
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
        schedule=ints(slots, simulations),
        state=np.zeros((slots, nodes, t.state_size), dtype=np.int16),
        seat=np.zeros((slots, nodes), dtype=np.int8),
        parent=ints(slots, nodes),
        first=ints(slots, nodes),
        choices=ints(slots, nodes),
        visits=ints(slots, nodes),
        own=np.zeros((slots, nodes, t.players)),
        total=np.zeros((slots, nodes, t.players)),
        move=np.zeros((slots, edges), dtype=np.int64),
        action=ints(slots, edges),
        child=ints(slots, edges),
        logit=np.zeros((slots, edges), dtype=np.float32),
        prior=np.zeros((slots, edges), dtype=np.float32),
        noise=np.zeros((slots, edges)),
        legal=np.zeros(t.max_moves, dtype=np.int64),
        score=np.zeros(t.max_moves),
    )


def with_room(f: Forest, edges: int) -> Forest:
    """The same forest with room for at least `edges` edges a slot (doubling, so rarely needed)."""
    have = f.move.shape[1]
    want = max(edges, 2 * have)
    padding = ((0, 0), (0, want - have))
    grown = {name: np.pad(getattr(f, name), padding) for name in _EDGE_ARRAYS}
    return f._replace(**grown)
