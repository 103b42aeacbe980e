"""The driver of the kernels: slots in, one evaluator call a step, decisions out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.kernels import Scratch, new_scratch
from ringrift.engine.rng import Rng, seed_rng
from ringrift.engine.rules import Tables
from ringrift.engine.state import Row
from ringrift.train.search import kernels
from ringrift.train.search.forest import DONE, IDLE, Forest, new_forest, with_room
from ringrift.train.search.schedule import considered_visits

# Weight of values against priors (`policy.write_scores`). Measured on hex8_2p with a young network,
# 60 openings of two games at 32 simulations: 1.0 scored .617 ± .085 against 0.3 and .583 ± .085
# against 0.1, 0.3 scored .583 ± .085 against 0.1 (95 %).
C_SCALE = 1.0


class Evaluates(Protocol):
    """Whatever judges positions: a network, or a hash in tests."""

    def evaluate(
        self, planes: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(logits[B, actions], values[B, players]) of planes[B, P, H, W].

        Values are probabilities relative to the mover: index 0 is the seat to move, the others
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
    own) give each absolute seat's probability to win.
    """

    moves: NDArray[np.int64]
    actions: NDArray[np.int32]
    policy: NDArray[np.float64]
    visits: NDArray[np.int32]
    winner: int
    root_value: NDArray[np.float64]
    raw_value: NDArray[np.float64]
    simulations: int


class Search:
    """Searches of up to `slots` games of one config, each of up to `simulations`.

    What a slot finds depends on its position, budget, noise and the evaluator only, never on the
    other slots, as far as the evaluator's answers do not depend on the rest of its batch.
    """

    def __init__(
        self,
        tables: Tables,
        evaluator: Evaluates,
        *,
        slots: int,
        simulations: int,
        c_scale: float = C_SCALE,
    ) -> None:
        self._tables = tables
        self._evaluator = evaluator
        self._scratch: Scratch = new_scratch(tables)
        self._forest: Forest = new_forest(
            tables, slots=slots, simulations=simulations, c_scale=c_scale
        )
        shape = (slots, tables.planes, tables.height, tables.width)
        self._planes = np.zeros(shape, dtype=np.float32)
        self._slot_of_row = np.zeros(slots, dtype=np.int32)
        self._no_rng = seed_rng(0)
        self.evaluations = 0

    @property
    def slots(self) -> int:
        """How many games are searched at once."""
        return self._forest.status.shape[0]

    def begin(self, slot: int, state: Row, budget: Budget, rng: Rng | None) -> None:
        """Start a search of `state`, a decision, in `slot`.

        With `rng` the root gets Gumbel noise drawn from it; None means noiseless.
        Raises ValueError when the budget exceeds the search's or the state is no decision.
        """
        f = self._forest
        if budget.simulations > f.schedule.shape[1]:
            raise ValueError(
                f"simulations is {budget.simulations}; this search was made for at most "
                f"{f.schedule.shape[1]}."
            )
        noisy, source = (False, self._no_rng) if rng is None else (True, rng)
        legal = self._plant(slot, state, budget, noisy, source)
        if legal > f.move.shape[1]:
            self._forest = with_room(f, legal)
            legal = self._plant(slot, state, budget, noisy, source)
        if legal < 2:
            self._forest.status[slot] = IDLE
            raise ValueError("state is no decision: it has fewer than two legal choices.")
        schedule = considered_visits(min(budget.considered, legal), budget.simulations)
        self._forest.schedule[slot, : budget.simulations] = schedule

    def _plant(self, slot: int, state: Row, budget: Budget, noisy: bool, rng: Rng) -> int:
        return kernels.begin(
            self._forest,
            self._tables,
            self._scratch,
            slot,
            state,
            budget.simulations,
            noisy,
            rng,
        )

    def step(self) -> list[int]:
        """Take every busy slot one evaluation further; returns the slots whose search is done."""
        rows = self._select()
        if rows > 0:
            logits, values = self._evaluator.evaluate(self._planes[:rows])
            kernels.absorb(
                self._forest,
                np.ascontiguousarray(logits, dtype=np.float32),
                np.ascontiguousarray(values, dtype=np.float32),
                self._slot_of_row,
                rows,
            )
            self.evaluations += rows
        return np.flatnonzero(self._forest.status == DONE).tolist()

    def _select(self) -> int:
        rows, wanted = 0, 1
        while wanted > 0:
            rows, wanted = kernels.select(
                self._forest, self._tables, self._scratch, self._planes, self._slot_of_row, rows
            )
            if wanted > 0:
                self._forest = with_room(self._forest, wanted)
        return rows

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
        winner = kernels.read_root(f, slot, policy, visits, value)
        f.status[slot] = IDLE
        return Decision(
            moves=f.move[slot, :n].copy(),
            actions=f.action[slot, :n].copy(),
            policy=policy,
            visits=visits,
            winner=int(winner),
            root_value=value,
            raw_value=f.own[slot, 0].copy(),
            simulations=int(f.budget[slot]),
        )
