"""What happened in a run: a run in which nothing went wrong has proven nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median_low

FULL_RUN = 2_000
"""Seeds for which the floors of sums are meant; with fewer they shrink in proportion."""


@dataclass(slots=True)
class Tally:
    """Counts of one seed."""

    acknowledged: int = 0
    leader_changes: int = 0
    snapshot_installs: int = 0
    truncations: int = 0
    changes_in_partition: int = 0
    torn_tails: int = 0
    lease_expiries: int = 0
    retries_across_failover: int = 0
    full_disk_recoveries: int = 0


@dataclass(frozen=True, slots=True)
class _Count:
    """One count, and its floor: in the median seed, or in the sum over `FULL_RUN` seeds."""

    name: str
    of: Callable[[Tally], int]
    floor: int
    in_median: bool = False


_COUNTS = (
    _Count("acknowledged commands", lambda t: t.acknowledged, 200, in_median=True),
    _Count("leader changes", lambda t: t.leader_changes, 2, in_median=True),
    _Count("snapshot installs", lambda t: t.snapshot_installs, 100),
    _Count("truncations by conflict", lambda t: t.truncations, 100),
    _Count("membership changes in a partition", lambda t: t.changes_in_partition, 100),
    _Count("torn tails", lambda t: t.torn_tails, 100),
    _Count("lease expiries", lambda t: t.lease_expiries, 100),
    _Count("retries answered across failover", lambda t: t.retries_across_failover, 100),
    _Count("full-disk recoveries", lambda t: t.full_disk_recoveries, 100),
)


def floors(seeds: Sequence[Tally]) -> list[str]:
    """A sentence for each count that is too low for the run to mean what it should."""
    missing: list[str] = []
    for count in _COUNTS:
        total, middle = _sum(seeds, count), _median(seeds, count)
        least = count.floor if count.in_median else _scaled(count.floor, len(seeds))
        are = "is" if least == 1 else "are"
        if count.in_median and middle < least:
            missing.append(f"{count.name}: {middle} in the median seed, {least} {are} the least.")
        elif not count.in_median and total < least:
            over = f"{len(seeds)} seed{'' if len(seeds) == 1 else 's'}"
            missing.append(f"{count.name}: {total} over {over}, {least} {are} the least.")
    return missing


def report(seeds: Sequence[Tally]) -> list[str]:
    """A line for each count: its sum and the median over the seeds."""
    return [
        f"{count.name:34}{_sum(seeds, count):>10}   median {_median(seeds, count)}"
        for count in _COUNTS
    ]


def _sum(seeds: Sequence[Tally], count: _Count) -> int:
    return sum(count.of(tally) for tally in seeds)


def _median(seeds: Sequence[Tally], count: _Count) -> int:
    return median_low([count.of(tally) for tally in seeds]) if seeds else 0


def _scaled(floor: int, seeds: int) -> int:
    """`floor` in proportion to the seeds that ran, rounded up, at least 1 and at most itself."""
    return max(1, min(floor, -(-floor * seeds // FULL_RUN)))
