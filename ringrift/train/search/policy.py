"""Which edge next: the improved policy of Gumbel AlphaZero, at the root and below it.

Values lie in [0, 1] and are used as they are, without min-max rescaling: a position in which
everything is equally good must not blow noise up into preferences.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import kernel
from ringrift.train.search.forest import Forest

# Visits added before values are trusted over priors; Danihelka et al. 2022, section 5.
C_VISIT = 50.0

_TINY = 1e-30


@kernel
def mixed_value(f: Forest, g: int, node: int, seat: int) -> float:
    """The value that unvisited edges of `node` are given, for one seat.

    Equation 33 of Danihelka et al. 2022: the node's own evaluation and the prior-weighted mean
    of its visited edges, weighed by their visits.
    """
    first = f.first[g, node]
    visits = 0
    weight = 0.0
    weighted = 0.0
    for e in range(first, first + f.choices[g, node]):
        child = f.child[g, e]
        if child >= 0:
            n = f.visits[g, child]
            p = max(float(f.prior[g, e]), _TINY)
            visits += n
            weight += p
            weighted += p * f.total[g, child, seat] / n
    own = f.own[g, node, seat]
    if visits == 0:
        return own
    return (own + visits * weighted / weight) / (1 + visits)


@kernel
def write_scores(f: Forest, g: int, node: int, out: NDArray[np.float64]) -> None:
    """logit + sigma(completed Q) of each edge, for the seat to move at `node`.

    sigma(q) = (C_VISIT + most visits of an edge) * c_scale * q (equation 8 of the same paper).
    The softmax of these scores is the improved policy.
    """
    seat = f.seat[g, node]
    first = f.first[g, node]
    most = 0
    for i in range(f.choices[g, node]):
        child = f.child[g, first + i]
        if child >= 0:
            most = max(most, f.visits[g, child])
    scale = (C_VISIT + most) * f.c_scale
    unvisited = mixed_value(f, g, node, seat)
    for i in range(f.choices[g, node]):
        child = f.child[g, first + i]
        q = unvisited
        if child >= 0:
            q = f.total[g, child, seat] / f.visits[g, child]
        out[i] = f.logit[g, first + i] + scale * q


@kernel
def softmax(scores: NDArray[np.float64], n: int) -> None:
    """Turn the first `n` scores into probabilities, in place."""
    top = scores[0]
    for i in range(1, n):
        top = max(top, scores[i])
    total = 0.0
    for i in range(n):
        scores[i] = math.exp(scores[i] - top)
        total += scores[i]
    for i in range(n):
        scores[i] /= total


@kernel
def _best_of_visits(f: Forest, g: int, visits: int) -> int:
    # f.score holds the root's scores
    best = -1
    best_score = -np.inf
    for e in range(f.choices[g, 0]):
        child = f.child[g, e]
        n = f.visits[g, child] if child >= 0 else 0
        if n == visits:
            score = f.noise[g, e] + f.score[e]
            if score > best_score:
                best = e
                best_score = score
    assert best >= 0
    return best


@kernel
def next_root_edge(f: Forest, g: int) -> int:
    """The root edge of the next simulation: the best of those whose turn it is by the schedule."""
    write_scores(f, g, 0, f.score)
    return _best_of_visits(f, g, f.schedule[g, f.spent[g]])


@kernel
def winning_root_edge(f: Forest, g: int) -> int:
    """The edge that sequential halving ends with: the best of the most visited."""
    most = 0
    for e in range(f.choices[g, 0]):
        child = f.child[g, e]
        if child >= 0:
            most = max(most, f.visits[g, child])
    write_scores(f, g, 0, f.score)
    return _best_of_visits(f, g, most)


@kernel
def next_edge(f: Forest, g: int, node: int) -> int:
    """The edge below the root whose visits lag its improved policy most (equation 14)."""
    n = f.choices[g, node]
    write_scores(f, g, node, f.score)
    softmax(f.score, n)
    first = f.first[g, node]
    # The first visit of a node evaluates it; the others went through its edges.
    share = 1.0 / f.visits[g, node]
    best = first
    best_score = -np.inf
    for i in range(n):
        child = f.child[g, first + i]
        visits = f.visits[g, child] if child >= 0 else 0
        score = f.score[i] - visits * share
        if score > best_score:
            best = first + i
            best_score = score
    return best
