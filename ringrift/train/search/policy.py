"""Which edge next: the improved policy of Gumbel AlphaZero, at the root and below it.

Values lie in [0, 1] and are used as they are, without min-max rescaling: a position in which
everything is equally good must not blow noise up into preferences.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64, kernel
from ringrift.train.search.forest import ROOT, Forest, Work

# Visits added before values are trusted over priors; Danihelka et al. 2022, section 5.
C_VISIT = 50.0

# Score of a proven win, and, negative, of a proven loss: beyond all logits, values and noise.
_DECIDED = 1e6

_TINY = 1e-30


@kernel
def visits_of(f: Forest, g: int, edge: int) -> int:
    """How often this search went through `edge`; a kept node behind it may be unvisited still."""
    child = f.child[g, edge]
    return int64(f.visits[g, child]) if child >= 0 else 0


@kernel
def mixed_value(f: Forest, g: int, node: int, seat: int) -> float:
    """The value that unvisited edges of `node` are given, for one seat.

    Equation 33 of Danihelka et al. 2022: the node's own evaluation and the prior-weighted mean
    of its visited edges, weighed by their visits.
    """
    first = int64(f.first[g, node])
    visits = 0
    weight = 0.0
    weighted = 0.0
    for e in range(first, first + int64(f.choices[g, node])):
        n = visits_of(f, g, e)
        if n > 0:
            p = max(float(f.prior[g, e]), _TINY)
            visits += n
            weight += p
            weighted += p * f.total[g, f.child[g, e], seat] / n
    own = f.own[g, node, seat]
    if visits == 0:
        return own
    return (own + visits * weighted / weight) / (1 + visits)


@kernel
def write_scores(f: Forest, g: int, node: int, out: NDArray[np.float64]) -> None:
    """logit + sigma(completed Q) of each edge, for the seat to move at `node`.

    sigma(q) = (C_VISIT + most visits of an edge) * c_scale * q (equation 8 of the same paper).
    Proven wins stand above and proven losses below all else. The softmax of these scores is the
    improved policy.
    """
    seat = int64(f.seat[g, node])
    first = int64(f.first[g, node])
    count = int64(f.choices[g, node])
    most = 0
    for i in range(count):
        most = max(most, visits_of(f, g, first + i))
    scale = (C_VISIT + most) * f.c_scale
    unvisited = scale * mixed_value(f, g, node, seat)
    for i in range(count):
        e = first + i
        n = visits_of(f, g, e)
        if n == 0:
            out[i] = f.logit[g, e] + unvisited
            continue
        child = f.child[g, e]
        out[i] = f.logit[g, e] + scale * (f.total[g, child, seat] / n)
        if f.proof[g, child] >= 0:
            out[i] += _DECIDED if f.proof[g, child] == seat else -_DECIDED


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
def next_root_edge(f: Forest, w: Work, g: int) -> int:
    """The root edge of the next simulation: the best of those whose turn it is by the schedule.

    Once the root is won it is the win, whose turn it always is.
    """
    write_scores(f, g, ROOT, w.score)
    won = f.proof[g, 0] == f.seat[g, 0]
    wanted = f.schedule[g, f.spent[g]]
    best = -1
    best_score = -np.inf
    for e in range(int64(f.choices[g, 0])):
        if won or visits_of(f, g, e) == wanted:
            score = f.noise[g, e] + w.score[e]
            if score > best_score:
                best = e
                best_score = score
    assert best >= 0
    return best


@kernel
def rank_of(f: Forest, g: int, edge: int) -> int:
    """Of a root edge: 2 a proven win, 1 open, 0 a proven loss."""
    child = f.child[g, edge]
    if child < 0 or f.proof[g, child] < 0:
        return 1
    return 2 if f.proof[g, child] == f.seat[g, 0] else 0


@kernel
def winning_root_edge(f: Forest, w: Work, g: int) -> int:
    """The edge that sequential halving ends with: the best of the most visited.

    A proven win is taken before them, and a proven loss only when nothing else is left.
    """
    write_scores(f, g, ROOT, w.score)
    best, best_rank, most = 0, -1, 0
    best_score = -np.inf
    for e in range(int64(f.choices[g, 0])):
        rank = rank_of(f, g, e)
        n = visits_of(f, g, e)
        score = f.noise[g, e] + w.score[e]
        if rank < best_rank or (rank == best_rank and n < most):
            continue
        if rank > best_rank or n > most or score > best_score:
            best, best_rank, most, best_score = e, rank, n, score
    return best


@kernel
def next_edge(f: Forest, w: Work, g: int, node: int) -> int:
    """The edge below the root whose visits lag its improved policy most (equation 14)."""
    n = int64(f.choices[g, node])
    write_scores(f, g, node, w.score)
    softmax(w.score, n)
    first = int64(f.first[g, node])
    # The first visit of a node evaluates it; the others went through its edges.
    share = 1.0 / f.visits[g, node]
    best = first
    best_score = -np.inf
    for i in range(n):
        score = w.score[i] - visits_of(f, g, first + i) * share
        if score > best_score:
            best = first + i
            best_score = score
    return best
