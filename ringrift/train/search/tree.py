"""How a tree of a slot grows, and what of it is kept for the next search."""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels import action_index, choose, list_choices, ranking, settle
from ringrift.engine.moves import CAPTURE_NEXT, MOVE, PLACE, field_a, field_b, kind_of
from ringrift.engine.rules import Tables
from ringrift.engine.state import SEAT, Row
from ringrift.train.search.forest import KNOWN_COUNTS, ROOT, Forest, Work
from ringrift.train.search.utility import write_utilities


@kernel
def _place(cells: int, move: int) -> int:
    """Where in `Work.known` the action of a placement, move or capture stands; -1 for others."""
    kind = kind_of(move)
    if kind == PLACE:
        return field_a(move) * (cells + KNOWN_COUNTS) + cells + field_b(move)
    if MOVE <= kind <= CAPTURE_NEXT:
        return field_a(move) * (cells + KNOWN_COUNTS) + field_b(move)
    return -1


@kernel
def _write_actions(f: Forest, t: Tables, w: Work, g: int, row: Row, first: int, legal: int) -> None:
    # Placements, moves and captures are nearly all choices, and their index follows from two
    # fields. Looking it up is ten times cheaper than working it out, as long as the loop calls
    # nothing with the tables as arguments: hence the second loop.
    cells = t.cells
    unknown = 0
    for i in range(legal):
        place = _place(cells, w.legal[i])
        action = int64(w.known[place]) if place >= 0 else -1
        f.action[g, first + i] = action
        if action < 0:
            unknown += 1
    if unknown == 0:
        return
    for i in range(legal):
        if f.action[g, first + i] < 0:
            f.action[g, first + i] = action_index(t, row, w.legal[i])
            place = _place(cells, w.legal[i])
            if place >= 0:
                w.known[place] = f.action[g, first + i]


@kernel
def _add_node(f: Forest, t: Tables, w: Work, g: int, parent: int, legal: int) -> None:
    # The node's state is in place and its `legal` choices are listed in w.legal.
    node = f.nodes[g]
    row = f.state[g, node]
    first = f.edges[g]
    f.nodes[g] = node + 1
    f.edges[g] = first + legal
    f.parent[g, node] = parent
    f.first[g, node] = first
    f.choices[g, node] = legal
    f.visits[g, node] = 0
    f.proof[g, node] = -1
    f.seat[g, node] = row[SEAT] if legal > 0 else -1
    f.judged[g, node] = legal == 0
    f.total[g, node, :] = 0.0
    if legal == 0:
        ranking(t, row, w.ranks)
        write_utilities(w.ranks, f.own[g, node])
    _write_actions(f, t, w, g, row, int64(first), legal)
    for i in range(legal):
        e = first + i
        f.move[g, e] = w.legal[i]
        f.child[g, e] = -1


@kernel
def plant(f: Forest, t: Tables, w: Work, g: int, state: Row) -> int:
    """Make `state` the root of an otherwise empty tree; returns its number of legal choices.

    If that exceeds the slot's edges nothing is done: make room and call again.
    """
    legal = list_choices(t, state, w.legal, w.scratch)
    if legal <= f.move.shape[1]:
        f.state[g, 0, :] = state
        f.nodes[g] = 0
        f.edges[g] = 0
        _add_node(f, t, w, g, ROOT - 1, legal)
    return legal


@kernel
def expand(f: Forest, t: Tables, w: Work, g: int, node: int, edge: int) -> int:
    """Add the node that `edge` of `node` leads to, forced steps taken.

    Returns the edges wanted when there is no room for its own (then nothing changed), else 0.
    """
    new = f.nodes[g]
    row = f.state[g, new]
    row[:] = f.state[g, node]
    choose(t, row, f.move[g, edge], w.scratch)
    legal = settle(t, row, w.legal, w.scratch.log, w.scratch)[0]
    while legal == 1:  # more forced steps than the log holds
        legal = settle(t, row, w.legal, w.scratch.log, w.scratch)[0]
    if f.edges[g] + legal > f.move.shape[1]:
        return f.edges[g] + legal
    f.child[g, edge] = new
    _add_node(f, t, w, g, node, legal)
    return 0


@kernel
def _same(a: Row, b: Row) -> bool:
    for i in range(a.shape[0]):  # noqa: SIM110
        if a[i] != b[i]:
            return False
    return True


@kernel
def find(f: Forest, g: int, state: Row) -> int:
    """The first node of the slot's tree that stands at exactly `state`, or -1."""
    for node in range(int64(f.nodes[g])):
        if _same(f.state[g, node], state):
            return node
    return -1


@kernel
def _move_node(f: Forest, g: int, node: int, to: int, parent: int) -> None:
    # Its edges go behind those of the nodes before `to`. Nothing is overwritten that is still
    # needed, since nodes and edges lie in the order in which they came and only move forward.
    old, first = int64(f.first[g, node]), int64(f.edges[g])
    count = int64(f.choices[g, node])
    if to != node:
        f.state[g, to, :] = f.state[g, node]
        f.seat[g, to] = f.seat[g, node]
        f.judged[g, to] = f.judged[g, node]
        f.own[g, to, :] = f.own[g, node]
    f.parent[g, to] = parent
    f.first[g, to] = first
    f.choices[g, to] = count
    f.visits[g, to] = 0
    f.proof[g, to] = -1
    f.total[g, to, :] = 0.0
    if first != old:
        for i in range(count):
            f.move[g, first + i] = f.move[g, old + i]
            f.action[g, first + i] = f.action[g, old + i]
            f.child[g, first + i] = f.child[g, old + i]
            f.logit[g, first + i] = f.logit[g, old + i]
            f.prior[g, first + i] = f.prior[g, old + i]
    f.edges[g] = first + count


@kernel
def keep(f: Forest, w: Work, g: int, root: int, most: int) -> None:
    """Make node `root` the root and drop all but its subtree, of which the first `most` nodes stay.

    What was evaluated stays evaluated; visits, totals and proofs start afresh. The next search
    therefore takes the same path as one that knows nothing, and only asks less.
    """
    kept = int64(0)
    f.edges[g] = 0
    for node in range(int64(f.nodes[g])):
        w.place[node] = -1
        up = int64(w.place[f.parent[g, node]]) if node > root else -1
        if kept < most and (node == root or up >= 0):
            w.place[node] = kept
            _move_node(f, g, node, kept, up)
            kept += 1
    f.nodes[g] = kept
    for e in range(f.edges[g]):
        if f.child[g, e] >= 0:
            f.child[g, e] = w.place[f.child[g, e]]
