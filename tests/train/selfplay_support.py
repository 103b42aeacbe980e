"""Small selfplay jobs with an evaluator that needs no network."""

from collections import Counter
from pathlib import Path
from typing import Any

from search_support import HashEvaluator

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.generation import Budgets
from ringrift.train.records import GameRecord, read_shard
from ringrift.train.search.search import Budget, Evaluates
from ringrift.train.selfplay import run_selfplay
from ringrift.train.world import World
from ringrift.wire.job import Finished, JobLine, SelfplayJob, ShardWritten

RUN = "0123456789abcdef" * 2
SMALL = Budgets(full=Budget(6, 4), cheap=Budget(2, 2), full_fraction=0.5)


def job(out: Path, **fields: Any) -> SelfplayJob:
    """Five games, three at once, with the budgets of SMALL."""
    defaults: dict[str, Any] = {
        "config": "hex8_2p",
        "run_id": RUN,
        "games": 5,
        "out_dir": str(out),
        "parallel_games": 3,
        "games_per_shard": 2,
        "full_simulations": SMALL.full.simulations,
        "full_considered": SMALL.full.considered,
        "cheap_simulations": SMALL.cheap.simulations,
        "cheap_considered": SMALL.cheap.considered,
        "full_fraction": SMALL.full_fraction,
    }
    return SelfplayJob(**(defaults | fields))


def run(
    spec: SelfplayJob, steps: float = float("inf"), evaluator: Evaluates | None = None
) -> tuple[Finished, list[JobLine]]:
    """The run's last line and its other lines, stopped after so many looks at the stop flag."""
    lines: list[JobLine] = []
    looks, seconds = iter(range(10**9)), iter(range(10**9))
    world = World(lambda: next(seconds) * 0.3, lines.append, lambda: next(looks) >= steps)
    tables = tables_for(Config.parse(spec.config))
    return run_selfplay(spec, evaluator or HashEvaluator(tables), world), lines


def games_of(lines: list[JobLine]) -> list[GameRecord]:
    """All games of the shards that these lines tell of."""
    shards = [line for line in lines if isinstance(line, ShardWritten)]
    return [game for s in shards for game in read_shard(Path(s.path), s.sha256)[1]]


def as_plain(game: GameRecord) -> tuple[object, ...]:
    """Everything of a game but its number and its models, to be compared."""
    rows = [
        (r.step, r.part, r.full, r.simulations, *(a.tolist() for a in (r.actions, r.visits)))
        for r in game.rows
    ]
    values = [(r.policy.tolist(), r.root_value.tolist(), r.raw_value.tolist()) for r in game.rows]
    return game.opened, game.opening_turns, game.moves, game.winner, game.ranking, rows, values


def lengths(games: list[GameRecord]) -> Counter[int]:
    """How many games have so many moves."""
    return Counter(len(game.moves) for game in games)
