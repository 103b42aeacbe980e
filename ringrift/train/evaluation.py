"""The evaluation job: a match between two players of a job, of fixed length or until shown."""

from dataclasses import replace
from pathlib import Path

from ringrift.engine.config import Config
from ringrift.engine.rules import tables_for
from ringrift.train.arena import Match, joined, play_match
from ringrift.train.evaluator import load_evaluator
from ringrift.train.openings import judge_by
from ringrift.train.pace import Pace
from ringrift.train.player import NetworkPlayer, Player, baseline, match_player
from ringrift.train.search.search import Evaluates
from ringrift.train.seeds import seed_of
from ringrift.train.sequential import SequentialTest, first_end
from ringrift.train.world import World
from ringrift.wire.job import EvaluationDone, EvaluationJob, Finished, Weights

# Positions judged in one batch: more gain nothing on a processor, and cost memory.
_MOST_SLOTS = 128
# Games played side by side between two questions whether a test has ended: fewer leave the network
# with small batches, more are played in vain beyond the end.
_GAMES_AT_ONCE = 64


def run_evaluation(job: EvaluationJob, world: World) -> Finished:
    """Play the match; partial and without result when asked to stop before its end.

    Raises ValueError with one sentence when weights or names do not fit, or openings are too few.
    """
    started = world.clock()
    arena = _Arena(job, world)
    if job.error is None:
        match, verdict = arena.part(0, job.openings), None
    else:
        match, verdict = _until_shown(arena, job.openings, SequentialTest(error=job.error))
    if match is None:
        return Finished(result=None, partial=True)
    done = EvaluationDone(
        opponent=job.opponent if isinstance(job.opponent, str) else job.opponent.sha256,
        blocks=match.blocks,
        rotations=match.rotations,
        distinct_openings=match.distinct_openings,
        distinct_games=match.distinct_games,
        seconds=world.clock() - started,
        reverse=job.reverse,
        first_opening=job.first_opening,
        openings=tuple(f"{key:016x}" for key in match.openings),
        finals=tuple(tuple(f"{final:016x}" for final in block) for block in match.finals),
        early=match.early,
        verdict=verdict,
    )
    return Finished(result=done)


class _Arena:
    """Plays parts of the match of one job, and tells how far it is."""

    def __init__(self, job: EvaluationJob, world: World) -> None:
        self.tables = tables_for(Config.parse(job.config))
        self._job, self._world = job, world
        self._networks: list[NetworkPlayer] = []
        candidate = self._network(job.candidate)
        opponent = (
            baseline(job.opponent, self.tables)
            if isinstance(job.opponent, str)
            else self._network(job.opponent)
        )
        self._lone: Player = opponent if job.reverse else candidate
        self._others: Player = candidate if job.reverse else opponent
        self._judge = (
            None if job.judge is None else judge_by(self.tables, _evaluator(job, job.judge))
        )
        self._pace = Pace(world, unit="games", total=job.openings * self.tables.players)
        self._games = self._decisions = 0

    def part(self, first: int, openings: int) -> Match | None:
        """Openings `first` to `first + openings - 1` of the job; None when asked to stop."""
        games = decisions = 0

        def progress(done: int, made: int) -> None:
            nonlocal games, decisions
            games, decisions = done, made
            counters = {
                "decisions": self._decisions + decisions,
                "evaluations": sum(player.evaluations for player in self._networks),
            }
            self._pace.tell(self._games + games, counters)

        match = play_match(
            self.tables,
            self._lone,
            self._others,
            seed=seed_of(self._job.seed or self._job.run_id, "match"),
            openings=openings,
            first_opening=self._job.first_opening + first,
            judge=self._judge,
            stopping=self._world.stopping,
            progress=progress,
        )
        self._games += games
        self._decisions += decisions
        return match

    def _network(self, who: Weights) -> NetworkPlayer:
        slots = min(self._job.openings * self.tables.players, _MOST_SLOTS)
        evaluator = _evaluator(self._job, who)
        player = match_player(self.tables, evaluator, self._job.simulations, slots=slots)
        self._networks.append(player)
        return player


def _evaluator(job: EvaluationJob, who: Weights) -> Evaluates:
    return load_evaluator(Config.parse(job.config), Path(who.path), seed=0, sha256=who.sha256)


def _until_shown(arena: _Arena, most: int, test: SequentialTest) -> tuple[Match | None, str]:
    """Play on until the test has ended or `most` openings are played: (match, how it stands)."""
    seats = arena.tables.players
    most = min(most, test.last_look(seats))
    parts: list[Match] = []
    played, verdict = 0, "continue"
    while verdict == "continue" and played < most:
        part = arena.part(played, min(max(1, _GAMES_AT_ONCE // seats), most - played))
        if part is None:
            return None, verdict
        parts.append(part)
        played += len(part.blocks)
        counted, seen = first_end(joined(parts).blocks, seats, test)
        verdict = seen.verdict
        if verdict != "continue":
            return replace(joined(parts).cut(counted), early=True), verdict
    return replace(joined(parts), early=True), verdict
