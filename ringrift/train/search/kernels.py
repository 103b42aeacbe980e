"""The compiled steps of a search: begin, select, absorb, read."""

import math

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.jit import kernel
from ringrift.engine.kernels import (
    Scratch,
    action_index,
    choose,
    list_choices,
    settle,
    write_planes,
)
from ringrift.engine.rng import Rng, uniform
from ringrift.engine.rules import Tables
from ringrift.engine.state import SEAT, WINNER
from ringrift.train.search.forest import DONE, SEARCHING, WAITING, Forest
from ringrift.train.search.policy import (
    mixed_value,
    next_edge,
    next_root_edge,
    softmax,
    winning_root_edge,
    write_scores,
)
from ringrift.train.search.seats import absolute_values


@kernel
def _add_node(f: Forest, t: Tables, g: int, parent: int, legal: int) -> None:
    # The node's state is in place and its `legal` choices are listed in f.legal.
    node = f.nodes[g]
    row = f.state[g, node]
    first = f.edges[g]
    f.nodes[g] = node + 1
    f.edges[g] = first + legal
    f.parent[g, node] = parent
    f.first[g, node] = first
    f.choices[g, node] = legal
    f.visits[g, node] = 0
    f.seat[g, node] = row[SEAT] if legal > 0 else -1
    f.own[g, node, :] = 0.0
    f.total[g, node, :] = 0.0
    if legal == 0:
        f.own[g, node, row[WINNER]] = 1.0
    for i in range(legal):
        e = first + i
        f.move[g, e] = f.legal[i]
        f.action[g, e] = action_index(t, row, f.legal[i])
        f.child[g, e] = -1


@kernel
def begin(
    f: Forest,
    t: Tables,
    scratch: Scratch,
    g: int,
    state: NDArray[np.int16],
    simulations: int,
    noisy: bool,
    rng: Rng,
) -> int:
    """Plant `state` as the root of slot `g`; returns its number of legal choices.

    If that exceeds the slot's edges nothing is done: make room and call again. With `noisy`,
    one Gumbel variate a choice is drawn from `rng`; otherwise `rng` is left alone.
    """
    legal = list_choices(t, state, f.legal, scratch)
    if legal > f.move.shape[1]:
        return legal
    f.state[g, 0, :] = state
    f.nodes[g] = 0
    f.edges[g] = 0
    _add_node(f, t, g, -1, legal)
    for e in range(legal):
        f.noise[g, e] = 0.0
        if noisy:
            f.noise[g, e] = -math.log(-math.log(max(uniform(rng), 1e-15)))
    f.budget[g] = simulations
    f.spent[g] = 0
    f.status[g] = SEARCHING
    return legal


@kernel
def _back_up(f: Forest, g: int, leaf: int) -> None:
    node = leaf
    while node >= 0:
        f.visits[g, node] += 1
        for i in range(f.own.shape[2]):
            f.total[g, node, i] += f.own[g, leaf, i]
        node = f.parent[g, node]
    if leaf > 0:
        f.spent[g] += 1


@kernel
def _expand(f: Forest, t: Tables, scratch: Scratch, g: int, node: int, edge: int) -> int:
    # Returns the edges wanted when there is no room for them (then nothing changed), else 0.
    new = f.nodes[g]
    row = f.state[g, new]
    row[:] = f.state[g, node]
    choose(t, row, f.move[g, edge], scratch)
    legal = settle(t, row, f.legal, scratch.log, scratch)[0]
    while legal == 1:  # more forced steps than the log holds
        legal = settle(t, row, f.legal, scratch.log, scratch)[0]
    if f.edges[g] + legal > f.move.shape[1]:
        return f.edges[g] + legal
    f.child[g, edge] = new
    _add_node(f, t, g, node, legal)
    return 0


@kernel
def _descend(f: Forest, t: Tables, scratch: Scratch, g: int, planes: NDArray[np.float32]) -> int:
    # Simulates until a leaf awaits the network or the budget is spent. Returns edges wanted, or 0.
    node = 0
    while f.spent[g] < f.budget[g]:
        if f.visits[g, node] == 0 and f.seat[g, node] >= 0:
            write_planes(t, f.state[g, node], planes, scratch)
            f.leaf[g] = node
            f.status[g] = WAITING
            return 0
        if f.seat[g, node] < 0:
            _back_up(f, g, node)
            node = 0
            continue
        edge = next_root_edge(f, g) if node == 0 else next_edge(f, g, node)
        if f.child[g, edge] < 0:
            wanted = _expand(f, t, scratch, g, node, edge)
            if wanted > 0:
                return wanted
        node = f.child[g, edge]
    f.status[g] = DONE
    return 0


@kernel
def select(
    f: Forest,
    t: Tables,
    scratch: Scratch,
    planes: NDArray[np.float32],
    slot_of_row: NDArray[np.int32],
    rows: int,
) -> tuple[int, int]:
    """Walk every searching slot to its next leaf; returns (rows, edges wanted).

    Planes of the leaves follow the `rows` already there, their slots stand in `slot_of_row`. When
    edges are wanted, make room and call again with the rows returned: the rest is untouched.
    """
    for g in range(f.status.shape[0]):
        if f.status[g] != SEARCHING:
            continue
        wanted = _descend(f, t, scratch, g, planes[rows])
        if wanted > 0:
            return rows, wanted
        if f.status[g] == WAITING:
            slot_of_row[rows] = g
            rows += 1
    return rows, 0


@kernel
def absorb(
    f: Forest,
    logits: NDArray[np.float32],
    values: NDArray[np.float32],
    slot_of_row: NDArray[np.int32],
    rows: int,
) -> None:
    """Give each waiting leaf its evaluation and back it up.

    logits[row, action], values[row, players] relative to the mover.
    """
    for r in range(rows):
        g = int(slot_of_row[r])
        node = int(f.leaf[g])
        first = f.first[g, node]
        count = int(f.choices[g, node])
        for i in range(count):
            f.logit[g, first + i] = logits[r, f.action[g, first + i]]
            f.score[i] = f.logit[g, first + i]
        softmax(f.score, count)
        for i in range(count):
            f.prior[g, first + i] = f.score[i]
        absolute_values(values[r], int(f.seat[g, node]), f.own[g, node])
        _back_up(f, g, node)
        f.status[g] = DONE if f.spent[g] >= f.budget[g] else SEARCHING


@kernel
def read_root(
    f: Forest,
    g: int,
    policy: NDArray[np.float64],
    visits: NDArray[np.int32],
    value: NDArray[np.float64],
) -> int:
    """Write the root's improved policy, visits and value of each seat; returns the winning edge.

    The value of a seat is the mean of completed Q under the improved policy: what the position is
    worth if the mover plays by it.
    """
    winner = winning_root_edge(f, g)
    write_scores(f, g, 0, policy)
    count = f.choices[g, 0]
    softmax(policy, count)
    for seat in range(value.shape[0]):
        unvisited = mixed_value(f, g, 0, seat)
        value[seat] = 0.0
        for e in range(count):
            child = f.child[g, e]
            q = unvisited
            if child >= 0:
                q = f.total[g, child, seat] / f.visits[g, child]
            value[seat] += policy[e] * q
    for e in range(count):
        child = f.child[g, e]
        visits[e] = f.visits[g, child] if child >= 0 else 0
    return winner
