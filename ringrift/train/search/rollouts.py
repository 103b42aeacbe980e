"""Monte-Carlo tree search without a network: a leaf is worth what a random game from it comes to.

UCT (Kocsis and Szepesvari, "Bandit based Monte-Carlo planning", 2006) with the trees, utilities and
proofs of this package: a node maximises the component of its own seat.
"""

import math

import numpy as np

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels import choose, ranking, settle
from ringrift.engine.rng import Rng, below, uniform
from ringrift.engine.rules import Tables
from ringrift.train.search.forest import ROOT, Forest, Work
from ringrift.train.search.policy import rank_of, visits_of
from ringrift.train.search.proof import back_up
from ringrift.train.search.tree import expand
from ringrift.train.search.utility import write_utilities

# The one slot of its forest, typed like `forest.ROOT`.
_SLOT = int64(0)


@kernel
def _play_out(f: Forest, t: Tables, w: Work, node: int, rng: Rng) -> None:
    """Evaluate a new node of slot 0, whose choices lie in w.legal, by one random game."""
    row = w.scratch.rows[0]
    row[:] = f.state[0, node]
    legal = int64(f.choices[0, node])
    while legal > 0:
        choose(t, row, w.legal[below(rng, legal)], w.scratch)
        legal = settle(t, row, w.legal, w.scratch.log, w.scratch)[0]
    ranking(t, row, w.ranks)
    write_utilities(w.ranks, f.own[0, node])


@kernel
def _next(f: Forest, node: int, rng: Rng) -> int:
    """A random unvisited edge, or else the one with the highest upper confidence bound (UCB1)."""
    seat = int64(f.seat[0, node])
    first = int64(f.first[0, node])
    best = first
    best_score = -np.inf
    unvisited = 0
    doubt = 2.0 * math.log(max(int64(f.visits[0, node]), 1))
    for e in range(first, first + int64(f.choices[0, node])):
        n = visits_of(f, _SLOT, e)
        if n == 0:
            unvisited += 1
            if uniform(rng) * unvisited < 1.0:
                best = e
        elif unvisited == 0:
            score = f.total[0, f.child[0, e], seat] / n + math.sqrt(doubt / n)
            if score > best_score:
                best, best_score = e, score
    return best


@kernel
def simulate(f: Forest, t: Tables, w: Work, rng: Rng) -> int:
    """Spend the budget of slot 0; returns edges wanted, or 0 when it is spent or the root proven.

    When edges are wanted, make room and call again.
    """
    node = ROOT
    while f.spent[0] < f.budget[0] and f.proof[0, 0] < 0:
        edge = _next(f, node, rng)
        child = int64(f.child[0, edge])
        if child < 0:
            wanted = expand(f, t, w, _SLOT, node, edge)
            if wanted > 0:
                return wanted
            child = int64(f.child[0, edge])
            if f.choices[0, child] > 0:
                _play_out(f, t, w, child, rng)
            back_up(f, _SLOT, child)
            node = ROOT
        elif f.choices[0, child] == 0 or f.proof[0, child] >= 0:
            back_up(f, _SLOT, child)
            node = ROOT
        else:
            node = child
    return 0


@kernel
def most_visited(f: Forest) -> int:
    """The root edge to play: the most visited of the proven wins, or else of those not lost."""
    best = 0
    for e in range(1, int64(f.choices[0, 0])):
        rank, top = rank_of(f, _SLOT, e), rank_of(f, _SLOT, best)
        if rank > top or (rank == top and visits_of(f, _SLOT, e) > visits_of(f, _SLOT, best)):
            best = e
    return best
