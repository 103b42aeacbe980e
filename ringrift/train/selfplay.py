"""The driver of selfplay: plays a job's games, cuts them into shards, says how far it is.

Every `games_per_shard` games that have finished make a shard. A run that is asked to stop writes
the finished rest as one shard more, and its unfinished games into the job's carry file, with which
a later run, also one with another network, goes on.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.carry import CarryError, read_carry, remove_carry, write_carry
from ringrift.train.generation import Budgets, Generation, Variety
from ringrift.train.pace import Pace
from ringrift.train.records import GameRecord, ShardHeader, write_shard
from ringrift.train.search.search import Budget, Evaluates
from ringrift.train.world import World
from ringrift.wire.job import Finished, SelfplayDone, SelfplayJob, ShardWritten

_LOG = logging.getLogger(__name__)
_UNTRAINED = "untrained"


@dataclass(slots=True)
class ShardCutter:
    """Keeps finished games until those of a whole shard are there."""

    per_shard: int
    _waiting: list[GameRecord] = field(default_factory=list[GameRecord])

    def add(self, game: GameRecord) -> list[GameRecord]:
        """The games of the shard that `game` completes; empty if none."""
        self._waiting.append(game)
        return self.rest() if len(self._waiting) >= self.per_shard else []

    def rest(self) -> list[GameRecord]:
        """All games still kept, which are consecutive; it keeps none of them any more."""
        games, self._waiting = self._waiting, []
        return games


def run_selfplay(job: SelfplayJob, evaluator: Evaluates, world: World) -> Finished:
    """Play the games of `job` and write them as shards, each told by a `ShardWritten` line.

    Asked to stop, it writes the games that have finished and returns a partial result. A game
    depends on the run that opened it and its number there, on the job's switches and on the
    evaluator. Raises ValueError, one sentence, when the job's opponent is none or a file cannot be
    written.
    """
    started = world.clock()
    play = Generation(
        tables_for(Config.parse(job.config)),
        evaluator,
        _budgets(job),
        _variety(job),
        run_id=job.run_id,
        source=_source(job),
        games=job.games,
        slots=job.parallel_games,
    )
    for carried in () if job.carry is None else (job.carry, *job.adopt):
        _take_up(Path(carried), job.config, play)
    cutter = ShardCutter(job.games_per_shard)
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
    rest = cutter.rest()
    if rest:
        world.emit(_write(job, rest))
    result = SelfplayDone(
        games=done,
        decisions=decisions,
        seconds=world.clock() - started,
        carried=_hand_on(job, play),
    )
    return Finished(result=result, partial=not play.over)


def _take_up(path: Path, config: str, play: Generation) -> None:
    try:
        # Whoever renames it has it, so that no two runs play the same games on.
        taken = path.replace(path.with_name(path.name + ".taken"))
    except FileNotFoundError:
        return
    try:
        play.take_up(read_carry(taken, config))
    except CarryError as error:
        aside = taken.replace(path.with_name(path.name + ".damaged"))
        _LOG.warning("Unfinished games are set aside as %s: %s", aside, error)
        return
    remove_carry(taken)


def _hand_on(job: SelfplayJob, play: Generation) -> int:
    # How many unfinished games the carry file now holds.
    if job.carry is None:
        return 0
    games = play.unfinished()
    if games:
        write_carry(Path(job.carry), job.config, games)
    return len(games)


def _source(job: SelfplayJob) -> str:
    return _UNTRAINED if job.weights is None else job.weights.sha256


def _budgets(job: SelfplayJob) -> Budgets:
    return Budgets(
        full=Budget(job.full_simulations, job.full_considered),
        cheap=Budget(job.cheap_simulations, job.cheap_considered),
        full_fraction=job.full_fraction,
    )


def _variety(job: SelfplayJob) -> Variety:
    if (job.opponent is None) != (job.opponent_share == 0):
        raise ValueError(
            f"opponent is {job.opponent!r} and opponent_share {job.opponent_share:g}; "
            "give a baseline and a share above 0, or neither."
        )
    return Variety(
        random_openings=job.random_openings,
        opening_turns=job.opening_turns,
        sampled_turns=job.sampled_turns,
        temperature=job.temperature,
        opponent=job.opponent,
        opponent_share=job.opponent_share,
    )


def _write(job: SelfplayJob, games: list[GameRecord]) -> ShardWritten:
    header = ShardHeader(
        config=job.config,
        run_id=job.run_id,
        first_game=games[0].number,
        games=len(games),
        source=_source(job),
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
