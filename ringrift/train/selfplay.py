"""The driver of selfplay: plays a job's games, cuts them into shards, says how far it is.

Shard k of a run covers games k * games_per_shard onwards, whatever order they end in. A run that is
asked to stop writes what has finished, in as many shards as there are gaps between game numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.generation import Budgets, Generation
from ringrift.train.pace import Pace
from ringrift.train.records import GameRecord, ShardHeader, write_shard
from ringrift.train.search.search import Budget, Evaluates
from ringrift.train.world import World
from ringrift.wire.job import Finished, SelfplayDone, SelfplayJob, ShardWritten


@dataclass(slots=True)
class ShardCutter:
    """Keeps finished games until those of a whole shard are there."""

    games: int
    per_shard: int
    _waiting: dict[int, GameRecord] = field(default_factory=dict[int, GameRecord])

    def add(self, game: GameRecord) -> list[GameRecord]:
        """The games of the shard that `game` completes, in order of number; empty if none."""
        self._waiting[game.number] = game
        first = game.number - game.number % self.per_shard
        numbers = range(first, min(first + self.per_shard, self.games))
        if any(n not in self._waiting for n in numbers):
            return []
        return [self._waiting.pop(n) for n in numbers]

    def rest(self) -> Iterator[list[GameRecord]]:
        """All games still kept, as runs of consecutive numbers within one shard's range."""
        run: list[GameRecord] = []
        for number in sorted(self._waiting):
            follows = run and number == run[-1].number + 1 and number % self.per_shard != 0
            if run and not follows:
                yield run
                run = []
            run.append(self._waiting[number])
        if run:
            yield run
        self._waiting.clear()


def run_selfplay(job: SelfplayJob, evaluator: Evaluates, world: World) -> Finished:
    """Play the games of `job` and write them as shards, each told by a `ShardWritten` line.

    Asked to stop, it writes the games that have finished and returns a partial result. The games
    depend on `job.run_id`, their numbers, the budgets and the evaluator.
    """
    started = world.clock()
    play = Generation(
        tables_for(Config.parse(job.config)),
        evaluator,
        _budgets(job),
        run_id=job.run_id,
        games=job.games,
        slots=job.parallel_games,
    )
    cutter = ShardCutter(job.games, job.games_per_shard)
    pace = Pace(world, unit="games", total=job.games)
    done, decisions = 0, 0
    while not play.over and not world.stopping():
        for game in play.step():
            done += 1
            decisions += len(game.rows)
            shard = cutter.add(game)
            if shard:
                world.emit(_write(job, shard))
        pace.tell(done, {"decisions": play.decisions, "evaluations": play.evaluations})
    for shard in cutter.rest():
        world.emit(_write(job, shard))
    result = SelfplayDone(games=done, decisions=decisions, seconds=world.clock() - started)
    return Finished(result=result, partial=not play.over)


def _budgets(job: SelfplayJob) -> Budgets:
    return Budgets(
        full=Budget(job.full_simulations, job.full_considered),
        cheap=Budget(job.cheap_simulations, job.cheap_considered),
        full_fraction=job.full_fraction,
    )


def _write(job: SelfplayJob, games: list[GameRecord]) -> ShardWritten:
    header = ShardHeader(
        config=job.config,
        run_id=job.run_id,
        first_game=games[0].number,
        games=len(games),
        source="untrained" if job.weights is None else job.weights.sha256,
        full_simulations=job.full_simulations,
        full_considered=job.full_considered,
        cheap_simulations=job.cheap_simulations,
        cheap_considered=job.cheap_considered,
        full_fraction=job.full_fraction,
    )
    shard = write_shard(Path(job.out_dir), header, games)
    return ShardWritten(
        path=str(shard.path),
        sha256=shard.sha256,
        bytes=shard.bytes,
        run_id=job.run_id,
        first_game=header.first_game,
        games=shard.games,
        decisions=shard.decisions,
        full_rows=shard.full_rows,
        steps=shard.steps,
    )
