"""Evaluators without a network, and an independent search to compare the kernels with."""

import hashlib
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.config import Config
from ringrift.engine.kernels import action_index, new_scratch, ranking, write_planes
from ringrift.engine.rng import below, seed_rng
from ringrift.engine.rules import Tables, tables_for
from ringrift.engine.state import SEAT, WINNER, Row, new_state
from ringrift.train.play import Referee, play_random_turns
from ringrift.train.search.schedule import considered_visits
from ringrift.train.search.search import Budget, Decision, Search


def spread(seed: int, n: int) -> NDArray[np.float64]:
    """n numbers in [0, 1) by integer hashing (splitmix64 finaliser)."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2.0**24


class HashEvaluator:
    """Opinions that depend on every bit of a position's planes, and on nothing else."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def evaluate(self, planes):
        answers = [self.one(p) for p in planes]
        return np.stack([a[0] for a in answers]), np.stack([a[1] for a in answers])

    def one(self, planes):
        digest = hashlib.blake2b(planes.tobytes(), digest_size=8).digest()
        numbers = spread(int.from_bytes(digest, "big"), self.tables.actions + self.tables.players)
        weights = numbers[self.tables.actions :] + 0.05
        logits = 4 * numbers[: self.tables.actions] - 2
        return logits.astype(np.float32), (weights / weights.sum()).astype(np.float32)


class ConstantEvaluator:
    """The same opinion of every position: no preference, the given values relative to the mover."""

    def __init__(self, tables: Tables, values) -> None:
        self.tables = tables
        self.values = np.array(values, dtype=np.float32)

    def evaluate(self, planes):
        n = len(planes)
        return np.zeros((n, self.tables.actions), np.float32), np.tile(self.values, (n, 1))


def decisions(config: str, seed: int) -> tuple[Tables, list[Row]]:
    """Every decision of a game played at random."""
    tables = tables_for(Config.parse(config))
    referee, rng = Referee(tables), seed_rng(seed)
    state = new_state(tables)
    legal, _ = referee.settle(state)
    found = []
    while len(legal) > 0:
        found.append(state.copy())
        legal, _ = referee.play(state, int(legal[below(rng, len(legal))]))
    return tables, found


def run(search: Search, slot: int, state, budget: Budget, rng=None, *, salt: int = 0) -> Decision:
    search.begin(slot, state, budget, rng, salt=salt)
    while slot not in search.step():
        pass
    return search.result(slot)


def same(a: Decision, b: Decision) -> bool:
    return a.winner == b.winner and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("moves", "actions", "policy", "visits", "root_value", "raw_value")
    )


def position(config: str, seed: int, turns: int) -> tuple[Tables, Row]:
    """A decision after `turns` random turns, or at most that many: never a finished game."""
    tables = tables_for(Config.parse(config))
    referee = Referee(tables)
    for shorter in range(turns, -1, -1):
        state = new_state(tables)
        legal, _ = play_random_turns(referee, state, shorter, seed_rng(seed))
        if len(legal) > 0:
            return tables, state
    raise AssertionError("a new game is over")


@dataclass
class Node:
    state: Row
    moves: list[int]
    seat: int
    own: list[float] = field(default_factory=list)
    logits: list[float] = field(default_factory=list)
    children: dict[int, "Node"] = field(default_factory=dict)
    visits: int = 0

    def proven(self) -> int | None:
        """With two seats: who wins, as far as the ends reached so far tell."""
        if len(self.own) != 2:
            return None
        if self.seat < 0:
            return int(self.state[WINNER])
        winners = [child.proven() for child in self.children.values()]
        if self.seat in winners:
            return self.seat
        if len(winners) == len(self.moves) and None not in winners:
            return 1 - self.seat
        return None

    def mean(self, seat: int) -> float:
        return self.total(seat) / self.visits

    def total(self, seat: int) -> float:
        if (winner := self.proven()) is not None:
            return float(self.visits * (winner == seat))
        if self.seat < 0:
            return self.visits * self.own[seat]
        return self.own[seat] + sum(child.total(seat) for child in self.children.values())


class ReferenceSearch:
    """The search written from the paper once more, with objects and lists, for one game."""

    def __init__(self, tables: Tables, evaluator, c_scale: float) -> None:
        self.t, self.evaluator, self.c_scale = tables, evaluator, c_scale
        self.referee, self.scratch = Referee(tables), new_scratch(tables)

    def run(self, state: Row, simulations: int, considered: int, noise: list[float] | None = None):
        root = self.grow(state.copy())
        root.visits = 1
        self.noise = noise or [0.0] * len(root.moves)
        for wanted in considered_visits(min(considered, len(root.moves)), simulations):
            self.simulate(root, wanted)
        return root, self.best(root), self.improved(root)

    def grow(self, state: Row) -> Node:
        legal, _ = self.referee.settle(state)
        if len(legal) == 0:
            return Node(state, [], -1, own=utilities(self.t, state))
        planes = np.zeros((self.t.planes, self.t.height, self.t.width), np.float32)
        write_planes(self.t, state, planes, self.scratch)
        logits, values = self.evaluator.evaluate(planes[None])
        seat = int(state[SEAT])
        own = self.absolute([float(v) for v in values[0]], seat)
        at = [float(logits[0][action_index(self.t, state, m)]) for m in legal]
        return Node(state, [int(m) for m in legal], seat, own, at)

    def absolute(self, values: list[float], seat: int) -> list[float]:
        """Values of each seat, from those relative to `seat`, the mover."""
        n = len(values)
        return [values[(absolute - seat) % n] for absolute in range(n)]

    def worth(self, node: Node, child: Node) -> float:
        """What a child is worth to the mover of a node."""
        return child.mean(node.seat)

    def prior(self, node: Node) -> list[float]:
        return softmax(node.logits)

    def verdict(self, node: Node, i: int) -> int:
        """1 when choice i is proven to win for the mover, -1 to lose, else 0."""
        winner = node.children[i].proven() if i in node.children else None
        return 0 if winner is None else 1 if winner == node.seat else -1

    def scores(self, node: Node) -> list[float]:
        most = max((c.visits for c in node.children.values()), default=0)
        prior = self.prior(node)
        seen = sum(c.visits for c in node.children.values())
        mixed = node.own[node.seat]
        if node.children:
            mass = sum(prior[i] for i in node.children)
            mean = sum(prior[i] * self.worth(node, c) for i, c in node.children.items()) / mass
            mixed = (mixed + seen * mean) / (1 + seen)
        q = [
            self.worth(node, node.children[i]) if i in node.children else mixed
            for i in range(len(node.moves))
        ]
        return [
            x + (50 + most) * self.c_scale * v + 1e6 * self.verdict(node, i)
            for i, (x, v) in enumerate(zip(node.logits, q, strict=True))
        ]

    def improved(self, node: Node) -> list[float]:
        return softmax(self.scores(node))

    def visits(self, node: Node, i: int) -> int:
        return node.children[i].visits if i in node.children else 0

    def best(self, root: Node) -> int:
        scores = self.scores(root)
        return max(
            range(len(root.moves)),
            key=lambda i: (
                self.verdict(root, i),
                self.visits(root, i),
                self.noise[i] + scores[i],
                -i,
            ),
        )

    def at_root(self, root: Node, wanted: int) -> int:
        scores = self.scores(root)
        won = root.proven() == root.seat
        able = [i for i in range(len(root.moves)) if won or self.visits(root, i) == wanted]
        return max(able, key=lambda i: (self.noise[i] + scores[i], -i))

    def below(self, node: Node) -> int:
        policy = self.improved(node)
        seen = sum(c.visits for c in node.children.values())
        lag = [p - self.visits(node, i) / (1 + seen) for i, p in enumerate(policy)]
        return max(range(len(lag)), key=lambda i: (lag[i], -i))

    def simulate(self, root: Node, wanted: int) -> None:
        path, edge = [root], self.at_root(root, wanted)
        while edge in path[-1].children:
            path.append(path[-1].children[edge])
            if path[-1].seat < 0 or path[-1].proven() is not None:
                break
            edge = self.below(path[-1])
        else:
            parent = path[-1]
            state = parent.state.copy()
            self.referee.play(state, parent.moves[edge])
            parent.children[edge] = self.grow(state)
            path.append(parent.children[edge])
        for node in path:
            node.visits += 1


def utilities(tables: Tables, state: Row) -> list[float]:
    """Of each seat at an end: 0.8 for the win, 0.2 for the seats left behind, ties halved."""
    n = tables.players
    ranks = np.zeros(n, np.int64)
    ranking(tables, state, ranks)
    behind = [sum((r > own) + (r == own) / 2 for r in ranks) - 0.5 for own in ranks]
    return [0.8 * (own == 1) + 0.2 * b / (n - 1) for own, b in zip(ranks, behind, strict=True)]


class FlipsSigns(ReferenceSearch):
    """A planted bug: taking it for granted that the other seat decides next."""

    def worth(self, node: Node, child: Node) -> float:
        if child.seat < 0:
            return child.mean(node.seat)
        return 1.0 - child.mean(child.seat)


class CountsSeatsBackwards(ReferenceSearch):
    """A planted bug: the values after the mover's are taken to be of the seats before it."""

    def absolute(self, values: list[float], seat: int) -> list[float]:
        n = len(values)
        return [values[(seat - absolute) % n] for absolute in range(n)]


def softmax(x: list[float]) -> list[float]:
    top = max(x)
    e = [math.exp(v - top) for v in x]
    return [v / sum(e) for v in e]
