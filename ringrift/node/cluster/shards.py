"""The shard index: which games exist, by (run id, n), and how many each configuration has.

A run id is minted for every start of a selfplay child, its games are numbered from 0, and no two
shards may hold the same (run id, n): however shards are cut, sent twice or handed in late, no game
counts twice.
"""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Annotated

import msgspec

from ringrift.node.cluster.results import Effect, Refused, ShardKept
from ringrift.node.cluster.table import Table
from ringrift.node.cluster.work import MAX_TRAINING_SHARDS, Count
from ringrift.wire.events import ShardRegistered
from ringrift.wire.job import ConfigName, Positive, RunId, Sha256

MAX_SHARDS = 60_000
"""Most shards in the index."""


class ShardFacts(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    array_like=True,
    gc=False,
):
    """A shard as its maker describes it: games `first_game` … `first_game + games - 1` of a run.

    `source` is the sha256 of the weights that played, or "untrained". `full_rows` are the decisions
    with a policy target, `steps` counts all moves.
    """

    sha256: Sha256
    bytes: Count
    config: ConfigName
    run_id: RunId
    first_game: Count
    games: Positive
    decisions: Count
    full_rows: Count
    steps: Count
    source: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64}|untrained)$")]


class Shard(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A shard in the index: its facts, the entry that put it there, what it was made for.

    `maker` is the node that registered it, and so had its file then.
    """

    facts: ShardFacts
    index: int
    at_ms: int
    item: int
    late: bool
    maker: str


class Totals(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Sums over the shards of one configuration."""

    shards: int = 0
    games: int = 0
    decisions: int = 0
    full_rows: int = 0
    steps: int = 0
    bytes: int = 0


class Shards:
    """Shards by sha256, and their totals by configuration."""

    def __init__(self) -> None:
        self.rows: Table[str, Shard] = Table("shards")
        self.totals: Table[str, Totals] = Table("totals")
        self._runs: dict[str, tuple[tuple[int, int, str], ...]] = {}
        self._counted: dict[str, Totals] = {}

    def of(self, config: str) -> Totals:
        """Totals of a configuration, zeros when it has no shard."""
        return self.totals.get(config, Totals())

    def newest(self, config: str, full_rows: int) -> list[Shard]:
        """The newest shards of a config that hold at least `full_rows`, oldest first.

        All of them when they hold fewer; at most MAX_TRAINING_SHARDS.
        """
        own = [row for row in self.rows.values() if row.facts.config == config]
        own.sort(key=_age, reverse=True)
        chosen: list[Shard] = []
        rows = 0
        for shard in own[:MAX_TRAINING_SHARDS]:
            if rows >= full_rows:
                break
            chosen.append(shard)
            rows += shard.facts.full_rows
        return chosen[::-1]

    def register(self, shard: Shard) -> Effect:
        """Put a shard into the index unless any game of it is there already."""
        facts = shard.facts
        known = self.rows.get(facts.sha256)
        if known is not None:
            if known.facts != facts:
                return Effect(Refused(f"Shard {facts.sha256[:12]} is known with other contents."))
            return Effect(ShardKept(facts.sha256, known.late))
        if len(self.rows) >= MAX_SHARDS:
            return Effect(Refused(f"The index holds {MAX_SHARDS} shards, the most."))
        other = self._overlap(facts)
        if other is not None:
            return Effect(
                Refused(
                    f"Games {facts.first_game} to {facts.first_game + facts.games - 1} of run "
                    f"{facts.run_id[:12]} overlap shard {other[:12]}."
                )
            )
        self.rows[facts.sha256] = shard
        self.entered(facts)
        total = self.totals[facts.config] = self._counted[facts.config]
        event = ShardRegistered(
            config=facts.config, shard=facts.sha256, games=facts.games, total=total.games
        )
        return Effect(ShardKept(facts.sha256, shard.late), (event,))

    def entered(self, facts: ShardFacts) -> None:
        """Take note of a row that came in: its games, and what it adds to the sums."""
        own = (facts.first_game, facts.first_game + facts.games, facts.sha256)
        self._runs[facts.run_id] = tuple(sorted((*self._runs.get(facts.run_id, ()), own)))
        before = self._counted.get(facts.config, Totals())
        self._counted[facts.config] = Totals(
            shards=before.shards + 1,
            games=before.games + facts.games,
            decisions=before.decisions + facts.decisions,
            full_rows=before.full_rows + facts.full_rows,
            steps=before.steps + facts.steps,
            bytes=before.bytes + facts.bytes,
        )

    def check_row(self, row: Shard) -> None:
        """Assert that no game of a shard is in another one, too."""
        ranges = self._runs[row.facts.run_id]
        place = bisect_left(ranges, (row.facts.first_game,))
        near = ranges[max(0, place - 1) : place + 2]
        assert all(a[1] <= b[0] for a, b in pairwise(near)), near

    def check_totals(self) -> None:
        """Assert that the totals are the sums over the shards."""
        assert dict(self.totals) == self._counted
        assert len(self.rows) <= MAX_SHARDS

    def _overlap(self, facts: ShardFacts) -> str | None:
        ranges = self._runs.get(facts.run_id, ())
        place = bisect_right(ranges, (facts.first_game,))
        for first, end, sha256 in ranges[max(0, place - 1) : place + 1]:
            if facts.first_game < end and first < facts.first_game + facts.games:
                return sha256
        return None


def _age(shard: Shard) -> int:
    return shard.index
