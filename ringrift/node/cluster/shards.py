"""The shard index: which games exist, by (run id, n), and how many each configuration has.

A run id is minted for every start of a selfplay child, its games are numbered from 0, and no two
shards may hold the same (run id, n): however shards are cut, sent twice or handed in late, no game
counts twice.
"""

from typing import Annotated

import msgspec

from ringrift.node.cluster.work import Count
from ringrift.wire.job import ConfigName, Positive, RunId, Sha256

MAX_SHARDS = 60_000
"""Most shards in the index."""


class ShardFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """A shard in the index: its facts, the entry that put it there, who made it."""

    facts: ShardFacts
    index: int
    at_ms: int
    item: int
    late: bool


class Totals(msgspec.Struct, frozen=True):
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
        self.rows: dict[str, Shard] = {}
        self.totals: dict[str, Totals] = {}

    def of(self, config: str) -> Totals:
        """Totals of a configuration, zeros when it has no shard."""
        return self.totals.get(config, Totals())
