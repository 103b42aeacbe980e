"""Matches of fixed length between a network and others, for figures that are stated somewhere.

Each match is played in parts, one core a part, by the children that evaluate for a node; the parts
are joined in order of their openings, so that the result does not depend on the number of cores.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
import trio

from ringrift.learn.children import COMMAND, LIMITS, LearnError, nothing
from ringrift.node.runtime.clock import Clock
from ringrift.node.worker.child import Child
from ringrift.wire.job import (
    EvaluationDone,
    EvaluationJob,
    Failed,
    JobLine,
    Progress,
    Weights,
)

_PART = 20  # openings; a job has no fewer


@dataclass(frozen=True, slots=True)
class Plan:
    """A match to play: `candidate` against `opponent` from `openings` openings.

    The candidate sits alone against copies of the opponent, or with `reverse` the other way round.
    """

    config: str
    candidate: Weights
    opponent: Weights | str
    openings: int
    simulations: int
    seed: str
    judge: Weights | None = None
    reverse: bool = False

    def parts(self) -> list[EvaluationJob]:
        """Jobs of about `_PART` openings that together are the match."""
        count = max(1, self.openings // _PART)
        edges = [self.openings * i // count for i in range(count + 1)]
        return [
            EvaluationJob(
                config=self.config,
                run_id="0" * 32,
                out_dir=".",
                candidate=self.candidate,
                opponent=self.opponent,
                openings=high - low,
                first_opening=low,
                simulations=self.simulations,
                seed=self.seed,
                judge=self.judge,
                reverse=self.reverse,
            )
            for low, high in itertools.pairwise(edges)
        ]


@dataclass(slots=True)
class Matches:
    """Plays plans on `cores` cores in `directory`.

    `told` hears (plan number, games finished), `ended` (plan number, result) when a match is over.
    """

    directory: Path
    cores: int
    clock: Clock
    told: Callable[[int, int], object]
    ended: Callable[[int, EvaluationDone], object]
    _games: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])

    async def play(self, plans: Sequence[Plan]) -> None:
        """Play all plans in order; raises LearnError when a child fails."""
        results: list[dict[int, EvaluationDone]] = [{} for _ in plans]
        waiting = [
            (number, place, job)
            for number, plan in enumerate(plans)
            for place, job in enumerate(plan.parts())
        ][::-1]

        async def work() -> None:
            while waiting:
                number, place, job = waiting.pop()
                parts = results[number]
                parts[place] = await self._part(number, place, job)
                if len(parts) == len(plans[number].parts()):
                    self.ended(number, joined([parts[place] for place in sorted(parts)]))

        async with trio.open_nursery() as nursery:
            for _ in range(self.cores):
                nursery.start_soon(work)

    async def _part(self, number: int, place: int, job: EvaluationJob) -> EvaluationDone:
        self.directory.mkdir(parents=True, exist_ok=True)
        child = Child(COMMAND, job, self.directory, LIMITS, self.clock)
        end = await child.run(nothing, partial(self._heard, number, place))
        if isinstance(end, Failed):
            raise LearnError(end.reason)
        if not isinstance(end.result, EvaluationDone):
            raise LearnError("the match was ended from outside; play it again.")
        return end.result

    async def _heard(self, number: int, place: int, line: JobLine) -> None:
        if isinstance(line, Progress) and line.unit == "games":
            self._games[number, place] = line.done
            self.told(number, sum(n for (m, _), n in self._games.items() if m == number))


def joined(parts: Sequence[EvaluationDone]) -> EvaluationDone:
    """One match of parts that follow each other; `seconds` are added up over cores."""
    openings = tuple(key for part in parts for key in part.openings)
    finals = tuple(games for part in parts for games in part.finals)
    return msgspec.structs.replace(
        parts[0],
        blocks=tuple(wins for part in parts for wins in part.blocks),
        openings=openings,
        finals=finals,
        distinct_openings=len(set(openings)),
        distinct_games=len({final for games in finals for final in games}),
        seconds=sum(part.seconds for part in parts),
    )
