"""The compiled steps of a search: begin, walk, encode, absorb, read.

Those that go over many slots or rows go over a range of them, so that threads can share the work.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import int64, kernel
from ringrift.engine.kernels import write_planes
from ringrift.engine.rng import Rng, uniform
from ringrift.engine.rules import Tables
from ringrift.engine.state import Row
from ringrift.train.search.forest import DONE, ROOT, SEARCHING, WAITING, Forest, Work
from ringrift.train.search.images import Images, read_logits, turn_leaf
from ringrift.train.search.policy import (
    mixed_value,
    next_edge,
    next_root_edge,
    softmax,
    visits_of,
    winning_root_edge,
    write_scores,
)
from ringrift.train.search.proof import back_up
from ringrift.train.search.seats import absolute_values
from ringrift.train.search.tree import expand, find, keep, plant


@kernel
def begin(
    f: Forest,
    t: Tables,
    w: Work,
    g: int,
    state: Row,
    simulations: int,
    reuse: bool,
    noisy: bool,
    rng: Rng,
) -> int:
    """Make `state` the root of slot `g`; returns its number of legal choices.

    If that exceeds the slot's edges nothing is done: make room and call again. With `reuse` the
    evaluations that the slot's last tree holds of what lies below `state` are kept. With `noisy`,
    one Gumbel variate a choice is drawn from `rng`; otherwise `rng` is left alone.
    """
    kept = find(f, g, state) if reuse else -1
    if kept >= 0:
        keep(f, w, g, kept, f.state.shape[1] - simulations)
        legal = int64(f.choices[g, 0])
    else:
        legal = plant(f, t, w, g, state)
        if legal > f.move.shape[1]:
            return legal
    for e in range(legal):
        f.noise[g, e] = 0.0
        if noisy:
            f.noise[g, e] = -math.log(-math.log(max(uniform(rng), 1e-15)))
    f.budget[g] = simulations
    f.spent[g] = 0
    f.status[g] = SEARCHING
    return legal


@kernel
def _descend(f: Forest, t: Tables, w: Work, g: int) -> int:
    # Simulates until a leaf awaits the network or the budget is spent. Returns edges wanted, or 0.
    node = ROOT
    while f.spent[g] < f.budget[g]:
        if not f.judged[g, node]:
            f.leaf[g] = node
            f.status[g] = WAITING
            return 0
        ends = f.seat[g, node] < 0 or (node > 0 and f.proof[g, node] >= 0)
        if ends or f.visits[g, node] == 0:
            back_up(f, g, node)
            node = ROOT
            continue
        edge = next_root_edge(f, w, g) if node == 0 else next_edge(f, w, g, node)
        if f.child[g, edge] < 0:
            wanted = expand(f, t, w, g, node, edge)
            if wanted > 0:
                return wanted
        node = int64(f.child[g, edge])
    f.status[g] = DONE
    return 0


@kernel
def walk(f: Forest, t: Tables, w: Work, low: int, high: int) -> int:
    """Take every searching slot of low..high-1 to its next leaf; returns edges wanted, or 0.

    When edges are wanted, make room and call again: slots that wait already are left alone.
    """
    for g in range(low, high):
        if f.status[g] == SEARCHING:
            wanted = _descend(f, t, w, g)
            if wanted > 0:
                return wanted
    return 0


@kernel
def encode(
    f: Forest,
    t: Tables,
    m: Images,
    w: Work,
    slots: NDArray[np.int64],
    planes: NDArray[np.float32],
    low: int,
    high: int,
) -> None:
    """Write planes[r] of the leaf that slots[r] waits for, for each row r of low..high-1."""
    for r in range(low, high):
        g = slots[r]
        turn_leaf(f, t, m, w, g)
        row = f.image[g] if f.turned[g] > 0 else f.state[g, f.leaf[g]]
        write_planes(t, row, planes[r], w.scratch)


@kernel
def absorb(
    f: Forest,
    t: Tables,
    m: Images,
    w: Work,
    slots: NDArray[np.int64],
    logits: NDArray[np.float32],
    values: NDArray[np.float32],
    low: int,
    high: int,
) -> None:
    """Give the leaves of rows low..high-1 their evaluation and back it up.

    logits[row, action], values[row, players] relative to the mover.
    """
    for r in range(low, high):
        g = slots[r]
        node = int64(f.leaf[g])
        first = int64(f.first[g, node])
        count = int64(f.choices[g, node])
        read_logits(f, t, m, w, g, logits[r])
        for i in range(count):
            w.score[i] = f.logit[g, first + i]
        softmax(w.score, count)
        for i in range(count):
            f.prior[g, first + i] = w.score[i]
        absolute_values(values[r], int64(f.seat[g, node]), f.own[g, node])
        f.judged[g, node] = True
        back_up(f, g, node)
        f.status[g] = DONE if f.spent[g] >= f.budget[g] else SEARCHING


@kernel
def read_root(
    f: Forest,
    w: Work,
    g: int,
    policy: NDArray[np.float64],
    visits: NDArray[np.int32],
    value: NDArray[np.float64],
) -> int:
    """Write the root's improved policy, visits and value of each seat; returns the winning edge.

    The value of a seat is the mean of completed Q under the improved policy: what the position is
    worth if the mover plays by it.
    """
    winner = winning_root_edge(f, w, g)
    write_scores(f, g, ROOT, policy)
    count = int64(f.choices[g, 0])
    softmax(policy, count)
    for e in range(count):
        visits[e] = visits_of(f, g, e)
    for seat in range(value.shape[0]):
        unvisited = mixed_value(f, g, ROOT, seat)
        value[seat] = 0.0
        for e in range(count):
            q = unvisited
            if visits[e] > 0:
                q = f.total[g, f.child[g, e], seat] / visits[e]
            value[seat] += policy[e] * q
    return winner
