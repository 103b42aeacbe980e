"""Many games of selfplay at once, each of which depends on nothing but its own number.

Of every decision a fair coin with `full_fraction` decides whether it is searched fully, with root
noise, as a target for the policy, or cheaply and without noise, only to move on (KataGo's playout
cap randomisation). In the first turns moves are sampled from the improved policy, so that games
differ; afterwards the choice that sequential halving ended with is played, which under noise is
itself a sample of an improved policy (Danihelka et al. 2022). One game in eight opens with random
turns and shows the network positions that it would not walk into by itself.
"""

from dataclasses import dataclass

import numpy as np

from ringrift.engine.kernels import ranking
from ringrift.engine.rng import Rng, below, seed_rng, uniform
from ringrift.engine.rules import Tables
from ringrift.engine.state import TURN, Moves, Row, new_state
from ringrift.train.play import Referee, play_random_turns, winner_of
from ringrift.train.records import DecisionRow, GameRecord
from ringrift.train.search.search import Budget, Decision, Evaluates, Search
from ringrift.train.seeds import seed_of

# Turns of each seat in which moves are sampled; a hex8_2p game has about 18 a seat.
SAMPLED_TURNS = 5

RANDOM_OPENINGS = 1 / 8
_MOST_RANDOM_TURNS = 2


@dataclass(frozen=True, slots=True)
class Budgets:
    """The two searches of selfplay and the share of decisions that gets the full one."""

    full: Budget
    cheap: Budget
    full_fraction: float


@dataclass(slots=True)
class _Game:
    number: int
    rng: Rng
    state: Row
    moves: list[int]
    rows: list[DecisionRow]
    full: bool = False


class Generation:
    """Plays games `0 .. games - 1` of a run, up to `slots` at once.

    A finished game's slot is refilled at once, and every game that was started is played to its
    end, so that long games are as likely to be kept as short ones.
    """

    def __init__(
        self,
        tables: Tables,
        evaluator: Evaluates,
        budgets: Budgets,
        *,
        run_id: str,
        games: int,
        slots: int,
    ) -> None:
        self._tables = tables
        self._budgets = budgets
        self._run_id = run_id
        self._games = games
        self._next = 0
        self._referee = Referee(tables)
        most = max(budgets.full.simulations, budgets.cheap.simulations)
        self._search = Search(tables, evaluator, slots=min(slots, games), simulations=most)
        self._running: list[_Game | None] = [None] * self._search.slots
        self.decisions = 0

    @property
    def evaluations(self) -> int:
        """Positions the evaluator has judged so far."""
        return self._search.evaluations

    @property
    def over(self) -> bool:
        """Whether every game has been handed out."""
        return self._next == self._games and all(game is None for game in self._running)

    def step(self) -> list[GameRecord]:
        """One evaluator call for all running games; returns the games it finished."""
        finished: list[GameRecord] = []
        for slot, game in enumerate(self._running):
            if game is None:
                self._fill(slot, finished)
        for slot in self._search.step():
            game = self._running[slot]
            assert game is not None
            if self._decide(game, self._search.result(slot)):
                self._begin_search(slot, game)
            else:
                finished.append(self._record(game))
                self._running[slot] = None
        return finished

    def _fill(self, slot: int, finished: list[GameRecord]) -> None:
        while self._next < self._games:
            game, legal = self._open(self._next)
            self._next += 1
            if len(legal) > 0:
                self._running[slot] = game
                self._begin_search(slot, game)
                return
            finished.append(self._record(game))

    def _open(self, number: int) -> tuple[_Game, Moves]:
        rng = seed_rng(seed_of(self._run_id, number))
        state = new_state(self._tables)
        turns = 0
        if uniform(rng) < RANDOM_OPENINGS:
            turns = (1 + below(rng, _MOST_RANDOM_TURNS)) * self._tables.players
        legal, steps = play_random_turns(self._referee, state, turns, rng)
        return _Game(number, rng, state, steps, []), legal

    def _begin_search(self, slot: int, game: _Game) -> None:
        game.full = uniform(game.rng) < self._budgets.full_fraction
        budget = self._budgets.full if game.full else self._budgets.cheap
        self._search.begin(slot, game.state, budget, game.rng if game.full else None)

    def _decide(self, game: _Game, found: Decision) -> bool:
        # Plays the move; whether the game goes on.
        self.decisions += 1
        game.rows.append(_row(len(game.moves), game.full, found))
        chosen = found.winner
        if game.state[TURN] <= SAMPLED_TURNS * self._tables.players:
            chosen = _sample(found, game.rng)
        legal, played = self._referee.play(game.state, int(found.moves[chosen]))
        game.moves.extend(played)
        return len(legal) > 0

    def _record(self, game: _Game) -> GameRecord:
        texts, final = self._referee.texts(new_state(self._tables), game.moves)
        if not np.array_equal(final, game.state):
            raise AssertionError(f"game {game.number} does not replay to its own final position.")
        ranks = np.zeros(self._tables.players, dtype=np.int64)
        ranking(self._tables, final, ranks)
        return GameRecord(
            number=game.number,
            moves=texts,
            winner=winner_of(final),
            ranking=tuple(ranks.tolist()),
            rows=tuple(game.rows),
        )


def _sample(found: Decision, rng: Rng) -> int:
    at = int(np.searchsorted(np.cumsum(found.policy), uniform(rng), side="right"))
    return min(at, len(found.policy) - 1)


def _row(step: int, full: bool, found: Decision) -> DecisionRow:
    # Cheap searches are no targets for the policy: theirs is not kept.
    kept = len(found.moves) if full else 0
    return DecisionRow(
        step=step,
        full=full,
        actions=found.actions[:kept],
        policy=found.policy[:kept].astype(np.float16),
        visits=found.visits[:kept],
        root_value=found.root_value.astype(np.float32),
        raw_value=found.raw_value.astype(np.float32),
        simulations=found.simulations,
    )
