"""Many games of selfplay at once, each of which depends on its own generator and nothing else.

Of every decision a fair coin with `full_fraction` decides whether it is searched fully, with root
noise, as a target for the policy, or cheaply and without noise, only to move on (KataGo's playout
cap randomisation). In the first turns moves are sampled from the improved policy, so that games
differ; afterwards the choice that sequential halving ended with is played, which under noise is
itself a sample of an improved policy (Danihelka et al. 2022). Some games open with random turns
and show the network positions that it would not walk into by itself.

Openings and samples count turns, simulations count decisions; nothing counts steps.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ringrift.engine.kernels import ranking
from ringrift.engine.rng import Rng, below, seed_rng, uniform
from ringrift.engine.rules import Tables
from ringrift.engine.state import PART, SEAT, TURN, Moves, Row, new_state
from ringrift.train.carry import CarryError, Opponent, Unfinished
from ringrift.train.play import Referee, play_random_turns, winner_of
from ringrift.train.player import Player, Position, baseline
from ringrift.train.records import DecisionRow, GameRecord
from ringrift.train.replay import Replayer
from ringrift.train.search.search import Budget, Decision, Evaluates, Search
from ringrift.train.seeds import seed_of

# What the rows of cheap searches hold instead of a policy.
_NO_ACTIONS = np.zeros(0, dtype=np.int32)
_NO_POLICY = np.zeros(0, dtype=np.float16)


@dataclass(frozen=True, slots=True)
class Budgets:
    """The two searches of selfplay and the share of decisions that gets the full one."""

    full: Budget
    cheap: Budget
    full_fraction: float


@dataclass(frozen=True, slots=True)
class Variety:
    """What makes games differ from each other; the defaults are those of `SelfplayJob`.

    A share `random_openings` of the games opens with 1 to `opening_turns` random turns of each
    seat. In the first `sampled_turns` turns of each seat moves are drawn from the improved policy
    of the choices that search went through, to the power 1 / `temperature`; 0 plays the winner of
    the search. In a share `opponent_share` of the games the baseline `opponent` plays one seat,
    whose decisions make no rows.
    """

    random_openings: float = 0.5
    opening_turns: int = 3
    sampled_turns: int = 2
    temperature: float = 1.0
    opponent: str | None = None
    opponent_share: float = 0.0


@dataclass(slots=True)
class _Game:
    opened: int
    seed: int
    rng: Rng
    state: Row
    moves: list[int]
    opening_turns: int
    opponent: Opponent | None
    rows: list[DecisionRow] = field(default_factory=list[DecisionRow])
    models: list[str] = field(default_factory=list[str])
    full: bool = False
    part: int = 0  # choices made of the move that is being chosen
    # State of the generator, number of rows and of models when the choice of that move began.
    before: tuple[int, int, int] = (0, 0, 0)


class Generation:
    """Plays `games` games, up to `slots` at once; a finished game's slot is refilled at once.

    Games are numbered from 0 as they finish. Those taken up from earlier runs come first and count
    among `games`; the others are opened here. A game that was opened is played to its end or handed
    out by `unfinished`, so that long games are as likely to be kept as short ones. It depends on
    (`run_id`, number of its opening), the budgets and the evaluator, however often it is carried
    over. `source` names the evaluator in records.
    """

    def __init__(
        self,
        tables: Tables,
        evaluator: Evaluates,
        budgets: Budgets,
        variety: Variety,
        *,
        run_id: str,
        source: str,
        games: int,
        slots: int,
    ) -> None:
        """Raises ValueError for an opponent that is no baseline."""
        self._tables = tables
        self._budgets = budgets
        self._variety = variety
        self._run_id = run_id
        self._source = source
        self._to_start = games
        self._opened = 0
        self._finished = 0
        self._referee = Referee(tables)
        self._baselines: dict[str, Player] = {}
        if variety.opponent is not None:
            self._baselines[variety.opponent] = baseline(variety.opponent, tables)
        self._carried: deque[_Game] = deque()
        most = max(budgets.full.simulations, budgets.cheap.simulations)
        self._search = Search(
            tables, evaluator, slots=min(slots, games), simulations=most, symmetric=True
        )
        self._running: list[_Game | None] = [None] * self._search.slots
        self.decisions = 0

    @property
    def evaluations(self) -> int:
        """Positions the evaluator has judged so far."""
        return self._search.evaluations

    @property
    def over(self) -> bool:
        """Whether every game has been handed out."""
        return self._to_start == 0 and all(game is None for game in self._running)

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

    def take_up(self, games: Sequence[Unfinished]) -> None:
        """Play these games on before any is opened.

        Raises CarryError, and takes up none, when one does not follow the rules.
        """
        replayer = Replayer(self._tables)
        self._carried.extend([self._revived(replayer, game) for game in games])

    def unfinished(self) -> list[Unfinished]:
        """Every game that is not over, as of its last whole move; searches under way are not kept.

        They stay here too: take them when no further step follows.
        """
        running = [game for game in self._running if game is not None]
        return [self._unfinished(game) for game in (*running, *self._carried)]

    def _fill(self, slot: int, finished: list[GameRecord]) -> None:
        while self._to_start > 0:
            self._to_start -= 1
            game = self._carried.popleft() if self._carried else self._open()
            if winner_of(game.state) < 0:
                self._running[slot] = game
                self._begin_search(slot, game)
                return
            finished.append(self._record(game))

    def _open(self) -> _Game:
        variety, players = self._variety, self._tables.players
        seed = seed_of(self._run_id, self._opened)
        rng = seed_rng(seed)
        state = new_state(self._tables)
        turns = 0
        if uniform(rng) < variety.random_openings:
            turns = (1 + below(rng, variety.opening_turns)) * players
        opponent = None
        if variety.opponent is not None and uniform(rng) < variety.opponent_share:
            opponent = Opponent(below(rng, players), variety.opponent)
        choices, moves = play_random_turns(self._referee, state, turns, rng)
        game = _Game(self._opened, seed, rng, state, moves, turns, opponent)
        self._opened += 1
        self._let_opponent_play(game, choices)
        return game

    def _begin_search(self, slot: int, game: _Game) -> None:
        if game.part == 0:
            game.before = (int(game.rng[0]), len(game.rows), len(game.models))
        game.full = uniform(game.rng) < self._budgets.full_fraction
        budget = self._budgets.full if game.full else self._budgets.cheap
        noise = game.rng if game.full else None
        self._search.begin(slot, game.state, budget, noise, salt=game.seed)

    def _decide(self, game: _Game, found: Decision) -> bool:
        # Plays what was found; whether the game goes on.
        self.decisions += 1
        game.rows.append(_row(game, _index(game.models, self._source), found))
        chosen = found.winner
        variety = self._variety
        sampled = variety.sampled_turns * self._tables.players
        if variety.temperature > 0 and game.state[TURN] <= sampled:
            searched = np.where(found.visits > 0, found.policy, 0.0)
            if searched.any():  # else all that was searched is proven lost, and all else not known
                chosen = _sample(searched, variety.temperature, game.rng)
        choices, played = self._referee.play(game.state, int(found.moves[chosen]))
        game.moves.extend(played)
        game.part = game.part + 1 if game.state[PART] != 0 else 0
        return self._let_opponent_play(game, choices)

    def _let_opponent_play(self, game: _Game, choices: Moves) -> bool:
        # Until a seat that is searched is to act; whether the game goes on.
        if game.opponent is None:
            return len(choices) > 0
        player = self._baselines[game.opponent.name]
        while len(choices) > 0 and game.state[SEAT] == game.opponent.seat:
            legal = self._referee.legal(game.state)
            [move] = player.choose([Position(game.state, legal, game.rng)])
            _index(game.models, game.opponent.name)
            choices, played = self._referee.play(game.state, move)
            game.moves.extend(played)
        return len(choices) > 0

    def _record(self, game: _Game) -> GameRecord:
        texts, final = self._referee.texts(new_state(self._tables), game.moves)
        if not np.array_equal(final, game.state):
            raise AssertionError(f"game {game.opened} does not replay to its own final position.")
        ranks = np.zeros(self._tables.players, dtype=np.int64)
        ranking(self._tables, final, ranks)
        number, self._finished = self._finished, self._finished + 1
        return GameRecord(
            number=number,
            moves=texts,
            winner=winner_of(final),
            ranking=tuple(ranks.tolist()),
            rows=tuple(game.rows),
            opened=game.opened,
            models=tuple(game.models),
            opening_turns=game.opening_turns,
        )

    def _unfinished(self, game: _Game) -> Unfinished:
        rng, rows, models = game.before
        return Unfinished(
            opened=game.opened,
            moves=self._referee.texts(new_state(self._tables), game.moves)[0],
            rows=tuple(game.rows[:rows]),
            models=tuple(game.models[:models]),
            opening_turns=game.opening_turns,
            opponent=game.opponent,
            seed=game.seed,
            rng=rng,
        )

    def _revived(self, replayer: Replayer, carried: Unfinished) -> _Game:
        opponent = carried.opponent
        try:
            state, moves = replayer.position(carried.moves)
            if opponent is not None and opponent.name not in self._baselines:
                self._baselines[opponent.name] = baseline(opponent.name, self._tables)
        except ValueError as error:
            raise CarryError(f"game {carried.opened}: {error}") from error
        choices, forced = self._referee.settle(state)
        if len(choices) == 0 or forced:
            raise CarryError(f"game {carried.opened} does not stand at a decision.")
        if opponent is not None and state[SEAT] == opponent.seat:
            raise CarryError(f"game {carried.opened} waits for the opponent, who never waits.")
        return _Game(
            opened=carried.opened,
            seed=carried.seed,
            rng=seed_rng(carried.rng),
            state=state,
            moves=moves,
            opening_turns=carried.opening_turns,
            opponent=opponent,
            rows=list(carried.rows),
            models=list(carried.models),
            before=(carried.rng, len(carried.rows), len(carried.models)),
        )


def _index(models: list[str], name: str) -> int:
    if name not in models:
        models.append(name)
    return models.index(name)


def _sample(policy: NDArray[np.float64], temperature: float, rng: Rng) -> int:
    # Relative to the largest, so that low temperatures leave something to draw from.
    weights: NDArray[np.float64] = np.power(policy / policy.max(), 1 / temperature)
    sums = np.cumsum(weights)
    at = int(np.searchsorted(sums, uniform(rng) * float(sums[-1]), side="right"))
    return min(at, len(policy) - 1)


def _row(game: _Game, model: int, found: Decision) -> DecisionRow:
    # Cheap searches are no targets for the policy: theirs is not kept.
    full = game.full
    return DecisionRow(
        step=len(game.moves),
        full=full,
        actions=found.actions if full else _NO_ACTIONS,
        policy=found.policy.astype(np.float16) if full else _NO_POLICY,
        visits=found.visits if full else _NO_ACTIONS,
        root_value=found.root_value.astype(np.float32),
        raw_value=found.raw_value.astype(np.float32),
        simulations=found.simulations,
        part=game.part,
        model=model,
        surprise=found.surprise,
    )
