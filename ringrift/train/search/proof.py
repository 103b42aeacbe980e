"""Backing values up, and proven results between two seats.

With two seats every value that comes from a finished game is exact, and so is what follows from
it. The rule:

- An end that was reached is proven for its winner.
- A node is proven for its mover as soon as one edge leads to a node proven for that seat.
- A node is proven for the other seat once every edge leads to a node proven for that seat.
- When a node becomes proven, everything backed up through it so far is replaced, in it and in all
  nodes above it, by its exact value. A simulation that comes to it again ends there.
- Choosing prefers a proven win to everything, and everything to a proven loss (`policy`).

With more seats nothing is proven: what is best for one seat does not settle the others' values.
Winands, Bjornsson and Saito, "Monte-Carlo tree search solver" (2008), is the idea's source.
"""

from ringrift.engine.jit import int64, kernel
from ringrift.engine.state import WINNER
from ringrift.train.search.forest import Forest


@kernel
def _value(f: Forest, g: int, node: int, seat: int) -> float:
    if f.proof[g, node] >= 0:
        return 1.0 if f.proof[g, node] == seat else 0.0
    return f.own[g, node, seat]


@kernel
def _follows(f: Forest, g: int, node: int) -> int:
    """The seat for which the children of `node` prove it, or -1."""
    seat = int64(f.seat[g, node])
    first = int64(f.first[g, node])
    lost = 0
    for e in range(first, first + f.choices[g, node]):
        child = f.child[g, e]
        if child >= 0 and f.proof[g, child] >= 0:
            if f.proof[g, child] == seat:
                return seat
            lost += 1
    return 1 - seat if lost == f.choices[g, node] else -1


@kernel
def _settle_value(f: Forest, g: int, node: int) -> None:
    """Replace what was backed up through a node that has become proven by its exact value."""
    for seat in range(f.own.shape[2]):
        exact = f.visits[g, node] * _value(f, g, node, seat)
        change = exact - f.total[g, node, seat]
        f.total[g, node, seat] = exact
        up = f.parent[g, node]
        while up >= 0:
            f.total[g, up, seat] += change
            up = f.parent[g, up]


@kernel
def _prove_from(f: Forest, g: int, end: int) -> None:
    f.proof[g, end] = f.state[g, end, WINNER]
    node = int64(f.parent[g, end])
    while node >= 0 and f.proof[g, node] < 0:
        winner = _follows(f, g, node)
        if winner < 0:
            return
        f.proof[g, node] = winner
        _settle_value(f, g, node)
        node = int64(f.parent[g, node])


@kernel
def back_up(f: Forest, g: int, leaf: int) -> None:
    """Count a visit of `leaf` and of all nodes above it, with the value of the leaf for each seat.

    Unless the leaf is the root this completes a simulation.
    """
    node = leaf
    while node >= 0:
        f.visits[g, node] += 1
        for seat in range(f.own.shape[2]):
            f.total[g, node, seat] += _value(f, g, leaf, seat)
        node = int64(f.parent[g, node])
    if leaf > 0:
        f.spent[g] += 1
    if f.seat[g, leaf] < 0 and f.own.shape[2] == 2:
        _prove_from(f, g, leaf)
