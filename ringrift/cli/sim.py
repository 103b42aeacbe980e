"""`ringrift sim`: whole clusters in virtual time, with faults from a seed."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts

from ringrift.cli.place import AsJson, fail

if TYPE_CHECKING:
    from ringrift.node.sim.campaign import Summary
    from ringrift.node.sim.story import Tier

_SECONDS_BETWEEN_LINES = 5.0


def sim(
    *,
    seeds: Annotated[
        int,
        cyclopts.Parameter(
            help="How many seeds.", validator=cyclopts.validators.Number(gte=1, lte=1_000_000)
        ),
    ] = 100,
    first: Annotated[
        int,
        cyclopts.Parameter(help="The first seed.", validator=cyclopts.validators.Number(gte=0)),
    ] = 0,
    nodes: Annotated[
        int,
        cyclopts.Parameter(
            help="Voters of each cluster.", validator=cyclopts.validators.Number(gte=3, lte=7)
        ),
    ] = 5,
    tier: Annotated[
        Literal["core", "driver"],
        cyclopts.Parameter(
            help="How much of a node is real: core is all that decides, driver also what drives it."
        ),
    ] = "core",
    jobs: Annotated[
        int | None,
        cyclopts.Parameter(
            help="Processes; one for each core when not given.",
            validator=cyclopts.validators.Number(gte=1, lte=1_024),
        ),
    ] = None,
    as_json: AsJson = False,
    replay: Annotated[
        int | None,
        cyclopts.Parameter(
            help="Play this one seed and tell what happens in it.",
            validator=cyclopts.validators.Number(gte=0),
        ),
    ] = None,
    verbose: Annotated[
        bool,
        cyclopts.Parameter(
            negative="", help="With --replay: tell of every message and every wish too."
        ),
    ] = False,
) -> None:
    """Play seeds, and say what happened in them and which rules were broken."""
    from ringrift.node.machine import cores

    if replay is not None:
        if as_json:
            fail("--json tells of many seeds; leave it out with --replay.", 2)
        _replay(tier, replay, nodes, verbose=verbose)
    if verbose:
        fail("--verbose needs the one seed that it is to tell of: --replay SEED.", 2)
    began = time.monotonic()
    summary = _play(tier, range(first, first + seeds), nodes, jobs or cores())
    seconds = time.monotonic() - began
    if as_json:
        sys.stdout.write(_json(summary, nodes, tier, seconds) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(summary, nodes, tier, seconds)) + "\n")
    raise SystemExit(1 if summary.broken or summary.missing() else 0)


def _replay(tier: "Tier", seed: int, nodes: int, *, verbose: bool) -> None:
    from ringrift.node.sim.campaign import play_one

    outcome = play_one(tier, seed, nodes, "verbose" if verbose else "plain")
    sys.stdout.write("\n".join(outcome.trace) + "\n")
    if outcome.violation is None:
        sys.stdout.write(f"Seed {seed} with {nodes} nodes breaks no rule.\n")
    raise SystemExit(0 if outcome.violation is None else 1)


def _play(tier: "Tier", seeds: range, nodes: int, jobs: int) -> "Summary":
    from concurrent.futures.process import BrokenProcessPool

    from ringrift.node.sim.campaign import Summary, play

    summary = Summary()
    told = time.monotonic()
    try:
        for played in play(tier, seeds, nodes, jobs):
            summary.add(played)
            if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                done, broken = len(summary.tallies), len(summary.broken)
                print(f"  {done} of {len(seeds)} seeds, {broken} broken", file=sys.stderr)
    except BrokenProcessPool:
        fail("One of the processes was killed, maybe for want of memory; try fewer --jobs.", 1)
    return summary


def _lines(summary: "Summary", nodes: int, tier: str, seconds: float) -> list[str]:
    head = (
        f"{len(summary.tallies)} seeds of the {tier} tier with {nodes} nodes in {seconds:.1f} s, "
        f"{summary.pace:.0f} times real time a core: {len(summary.broken) or 'none'} broke a rule"
    )
    lines = [
        head,
        *(f"  {line}" for line in summary.counts()),
        *(f"Too little happened: {sentence}" for sentence in summary.missing()),
    ]
    lines += [f"Seed {outcome.seed}: {outcome.violation}" for outcome in summary.broken]
    if summary.broken:
        seed = summary.broken[0].seed
        which = "" if tier == "core" else f" --tier {tier}"
        lines.append(
            f"Replay the first with `ringrift sim --replay {seed} --nodes {nodes}{which}`."
        )
    return lines


def _json(summary: "Summary", nodes: int, tier: str, seconds: float) -> str:
    import msgspec

    broken = [
        {"seed": o.seed, "rule": v.rule, "node": v.node, "at_s": v.at, "text": v.text}
        for o in summary.broken
        if (v := o.violation) is not None
    ]
    facts = {
        "tier": tier,
        "nodes": nodes,
        "seeds": len(summary.tallies),
        "seconds": round(seconds, 3),
        "pace": round(summary.pace, 1),
        "counts": summary.totals(),
        "missing": summary.missing(),
        "broken": broken,
    }
    return msgspec.json.encode(facts).decode()
