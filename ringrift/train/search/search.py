"""The driver of the kernels: slots in, one evaluator call a step, decisions out."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.rng import Rng, seed_rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Row
from ringrift.train.search import kernels
from ringrift.train.search.forest import DONE, IDLE, WAITING, Work, new_forest, new_work, with_room
from ringrift.train.search.images import images_for
from ringrift.train.search.schedule import considered_visits

# Weight of values against priors (`policy.write_scores`). Measured on hex8_2p with a young network,
# 60 openings of two games at 32 simulations: 1.0 scored .617 ± .085 against 0.3 and .583 ± .085
# against 0.1, 0.3 scored .583 ± .085 against 0.1 (95 %).
C_SCALE = 1.0

_LEAST_CHANCE = 1e-6  # of a choice, where policies are compared
_SALT_BITS = 0xFFFF_FFFF_FFFF_FFFF

R = TypeVar("R")


class Evaluates(Protocol):
    """Whatever judges positions: a network, or a hash in tests."""

    def evaluate(
        self, planes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits[B, actions], utilities[B, players]) of planes[B, P, H, W].

        Utilities (`utility`) are relative to the mover: index 0 is the seat to move, the others
        follow in seat order.
        """
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """How hard to search: simulations, and how many choices the root starts from."""

    simulations: int
    considered: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a search found, one entry a legal choice unless said otherwise.

    `policy` is the improved policy, `winner` the index of the choice sequential halving ended
    with. `root_value` (mean completed Q under the improved policy) and `raw_value` (the evaluator's
    own) give each absolute seat's utility. `surprise` is KL(policy || the evaluator's prior) in
    nats.
    """

    moves: NDArray[np.int64]
    actions: NDArray[np.int32]
    policy: NDArray[np.float64]
    visits: NDArray[np.int32]
    winner: int
    root_value: NDArray[np.float64]
    raw_value: NDArray[np.float64]
    surprise: float
    simulations: int


class Search:
    """Searches of up to `slots` games of one config, each of up to `simulations`.

    What a slot finds depends on its position, budget, noise, salt and the evaluator only, never on
    the other slots, on `threads` or on what the slot searched before, as far as the evaluator's
    answers do not depend on the rest of its batch. With `symmetric` every leaf is judged under a
    random symmetry of the board.
    """

    def __init__(
        self,
        tables: Tables,
        evaluator: Evaluates,
        *,
        slots: int,
        simulations: int,
        c_scale: float = C_SCALE,
        symmetric: bool = False,
        threads: int = 1,
    ) -> None:
        self._tables = tables
        self._evaluator = evaluator
        self._forest = new_forest(tables, slots=slots, simulations=simulations, c_scale=c_scale)
        self._images = images_for(tables, symmetric)
        self._works = [new_work(tables, simulations) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        shape = (slots, tables.planes, tables.height, tables.width)
        self._planes = np.zeros(shape, dtype=np.float32)
        self._reusable = np.zeros(slots, dtype=np.bool_)  # slots that have searched before
        self._no_rng = seed_rng(0)
        self.evaluations = 0
        self.simulations = 0

    @property
    def slots(self) -> int:
        """How many games are searched at once."""
        return self._forest.status.shape[0]

    def begin(
        self, slot: int, state: Row, budget: Budget, rng: Rng | None, *, salt: int = 0
    ) -> None:
        """Start a search of `state`, a decision, in `slot`.

        With `rng` the root gets Gumbel noise drawn from it; None means noiseless. `salt`, one a
        game, varies the symmetries under which a game's positions are judged. Where `state` follows
        from what the slot searched last, judgements are reused; what is found stays the same.
        Raises ValueError when the budget exceeds the search's or the state is no decision.
        """
        f = self._forest
        if budget.simulations > f.schedule.shape[1]:
            raise ValueError(
                f"simulations is {budget.simulations}; this search was made for at most "
                f"{f.schedule.shape[1]}."
            )
        legal = self._plant(slot, state, budget, rng)
        if legal > f.move.shape[1]:
            self._forest = f = with_room(f, legal)
            legal = self._plant(slot, state, budget, rng)
        if legal < 2:
            f.status[slot] = IDLE
            raise ValueError("state is no decision: it has fewer than two legal choices.")
        f.salt[slot] = salt & _SALT_BITS
        schedule = considered_visits(min(budget.considered, legal), budget.simulations)
        f.schedule[slot, : budget.simulations] = schedule

    def _plant(self, slot: int, state: Row, budget: Budget, rng: Rng | None) -> int:
        reuse = bool(self._reusable[slot])
        self._reusable[slot] = True
        return kernels.begin(
            self._forest,
            self._tables,
            self._works[0],
            slot,
            state,
            budget.simulations,
            reuse,
            rng is not None,
            self._no_rng if rng is None else rng,
        )

    def step(self) -> list[int]:
        """Take every busy slot one evaluation further; returns the slots whose search is done."""
        self._walk()
        slots = np.flatnonzero(self._forest.status == WAITING)
        if len(slots) > 0:
            self._judge(slots)
            self.evaluations += len(slots)
        return np.flatnonzero(self._forest.status == DONE).tolist()

    def _walk(self) -> None:
        while (wanted := max(self._shared(self.slots, self._walk_range))) > 0:
            self._forest = with_room(self._forest, wanted)

    def _walk_range(self, w: Work, low: int, high: int) -> int:
        return kernels.walk(self._forest, self._tables, w, low, high)

    def _judge(self, slots: NDArray[np.int64]) -> None:
        f, t, m, planes, rows = self._forest, self._tables, self._images, self._planes, len(slots)
        self._shared(
            rows, lambda w, low, high: kernels.encode(f, t, m, w, slots, planes, low, high)
        )
        judged = self._evaluator.evaluate(planes[:rows])
        logits, values = (np.ascontiguousarray(a, dtype=np.float32) for a in judged)
        self._shared(
            rows, lambda w, low, high: kernels.absorb(f, t, m, w, slots, logits, values, low, high)
        )

    def _shared(self, count: int, part: Callable[[Work, int, int], R]) -> list[R]:
        """Call `part` for ranges that make up 0..count-1, one a thread."""
        if self._pool is None:
            return [part(self._works[0], 0, count)]
        edges = [count * i // len(self._works) for i in range(len(self._works) + 1)]
        return list(self._pool.map(part, self._works, edges[:-1], edges[1:]))

    def result(self, slot: int) -> Decision:
        """What the finished search in `slot` found; the slot is free again afterwards.

        Raises ValueError when no finished search is there.
        """
        f = self._forest
        if f.status[slot] != DONE:
            raise ValueError(f"slot {slot} holds no finished search.")
        n = int(f.choices[slot, 0])
        policy = np.zeros(n)
        visits = np.zeros(n, dtype=np.int32)
        value = np.zeros(self._tables.players)
        winner = kernels.read_root(f, self._works[0], slot, policy, visits, value)
        f.status[slot] = IDLE
        self.simulations += int(f.budget[slot])
        return Decision(
            moves=f.move[slot, :n].copy(),
            actions=f.action[slot, :n].copy(),
            policy=policy,
            visits=visits,
            winner=int(winner),
            root_value=value,
            raw_value=f.own[slot, 0].copy(),
            surprise=_divergence(policy, f.prior[slot, :n]),
            simulations=int(f.budget[slot]),
        )


def _divergence(improved: NDArray[np.float64], prior: NDArray[np.float32]) -> float:
    """KL(improved || prior) in nats; a choice that either all but excludes adds next to nothing."""
    p, q = (np.maximum(x.astype(np.float64), _LEAST_CHANCE) for x in (improved, prior))
    return max(0.0, float((p * np.log(p / q)).sum()))
