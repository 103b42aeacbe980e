"""Membership in virtual time: how soon joins and deaths are seen, and how many deaths are false.

    .venv/bin/python benchmarks/membership.py seen     [--trials 200]
    .venv/bin/python benchmarks/membership.py false    [--hours 3000]
    .venv/bin/python benchmarks/membership.py starved  [--trials 40]
    .venv/bin/python benchmarks/membership.py all --json

30 nodes, five of them voters. In the set-up "open" all accept connections; in "nat" twelve do, and
18 are reached through three anchors. 5 % of all messages are lost.

`seen`: seconds until all living nodes see a join (its member row reaches each within 0.5 s); until
all believe the death of a machine that lost its power ("dark"); and until all voters and nodes that
accept connections, then all, believe the death of a killed process. `false`: node-hours in which
nobody dies. `starved`: ten minutes in which one observer runs for up to 0.3 s and stands still for
up to 4 s in turn, with local health and without.
"""

import argparse
import json
import math
import multiprocessing
import statistics
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from fleet import Fleet

from ringrift.node.consensus.raft.timing import TIMINGS, Profile
from ringrift.node.gossip.places import Place
from ringrift.node.gossip.timing import GossipTiming, gossip_timing
from ringrift.node.sim.network import Weather

SIZE, VOTERS, LOST = 30, 5, 0.05
INBOUND = {"open": SIZE, "nat": 12}
DELAYS: dict[Profile, tuple[float, float]] = {
    "local": (0.0001, 0.001),
    "lan": (0.0005, 0.01),
    "wan": (0.02, 0.15),
}
WARM_UP_S = 40.0
RUN_S = 1200.0
STARVED_S = 600.0


def table(setup: str) -> dict[str, Place]:
    inbound = INBOUND[setup]
    return {
        f"n{i:02}": Place(votes=i < VOTERS)
        if i < inbound
        else Place(
            inbound=False,
            anchors=frozenset({f"n{i % VOTERS:02}", f"n{(i + 1) % VOTERS:02}", f"n{5 + i % 7:02}"}),
        )
        for i in range(SIZE)
    }


def fleet(seed: int, setup: str, profile: Profile, timing: GossipTiming | None = None) -> Fleet:
    fastest, slowest = DELAYS[profile]
    weather = Weather(lost=LOST, fastest=fastest, slowest=slowest)
    timing = timing or gossip_timing(TIMINGS[profile])
    return Fleet(seed, table(setup), timing, weather)


def until(here: Fleet, seen: Callable[[], bool], limit: float = 120.0) -> float:
    """Seconds from now until it is seen, to 10 ms."""
    began = here.agenda.now
    while not seen() and here.agenda.now < began + limit:
        here.agenda.run(here.agenda.now + 0.01)
    return here.agenda.now - began


def believed(here: Fleet, who: Iterable[str], of: str, status: str) -> bool:
    now = here.agenda.now
    for name in who:
        standing = here.nodes[name].core.standings(now).get(of)
        if standing is None or standing.status != status:
            return False
    return True


def one_seen(profile: Profile, setup: str, seed: int) -> dict[str, float]:
    """A join, a power cut, and a kill, of different nodes."""
    here = fleet(seed, setup, profile)
    whole = dict(here.table)
    joins, dark, killed = here.rng.sample(sorted(whole), 3)
    if not whole[joins].inbound or all(joins not in p.anchors for p in whole.values()):
        here.table = {name: place for name, place in whole.items() if name != joins}
    for name in here.table:
        here.start(name)
    here.agenda.run(WARM_UP_S)
    found: dict[str, float] = {}
    if joins not in here.table:
        here.table = whole
        here.start(joins, lambda: 0.5 * here.rng.random())
        others = [name for name in here.nodes if name != joins]
        found["join"] = until(here, lambda: believed(here, others, joins, "alive"))
    here.agenda.run(here.agenda.now + 10)
    here.cut_power(dark)
    found["dark"] = until(here, lambda: believed(here, here.nodes, dark, "dead"))
    here.agenda.run(here.agenda.now + 10)
    here.kill(killed)
    witnesses = [name for name in here.nodes if whole[name].witness]
    found["killed"] = until(here, lambda: believed(here, witnesses, killed, "dead"))
    found["killed_all"] = found["killed"] + until(
        here, lambda: believed(here, here.nodes, killed, "dead")
    )
    return found


def one_calm(profile: Profile, setup: str, length: float, seed: int) -> tuple[int, int]:
    """Suspicions and deaths among nodes all of which live."""
    here = fleet(seed, setup, profile)
    for name in here.table:
        here.start(name)
    here.agenda.run(length)
    counters = [node.core.counters for node in here.nodes.values()]
    return sum(c.accused for c in counters), sum(c.declared for c in counters)


def one_starved(profile: Profile, setup: str, healthy: bool, seed: int) -> tuple[int, int]:
    """Accusations and deaths of nodes that are well, by the starved observer."""
    timing = gossip_timing(TIMINGS[profile])
    if not healthy:
        timing = replace(timing, worst=0, late=math.inf)
    here = fleet(seed, setup, profile, timing)
    for name in here.table:
        here.start(name)
    here.agenda.run(WARM_UP_S)
    here.starve("n03", 0.3, 4.0, WARM_UP_S + STARVED_S)
    here.agenda.run(WARM_UP_S + STARVED_S)
    counters = here.nodes["n03"].core.counters
    return counters.accused, counters.declared


def shares(values: list[float]) -> dict[str, float]:
    values = sorted(values)
    p99 = values[min(len(values) - 1, math.ceil(0.99 * len(values)) - 1)]
    return {
        "trials": len(values),
        "p50": round(statistics.median(values), 2),
        "p99": round(p99, 2),
        "max": round(values[-1], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["seen", "false", "starved", "all"])
    parser.add_argument("--profile", choices=list(TIMINGS), default="lan")
    parser.add_argument("--setup", choices=[*INBOUND, "both"], default="both")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--hours", type=float, default=3000.0, help="node-hours over all set-ups")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    setups = list(INBOUND) if options.setup == "both" else [options.setup]
    found: dict[str, object] = {"profile": options.profile, "nodes": SIZE, "lost": LOST}
    with multiprocessing.Pool(options.jobs) as pool:
        for setup in setups:
            if options.what in ("seen", "all"):
                one = partial(one_seen, options.profile, setup)
                trials = pool.map(one, range(options.trials), chunksize=4)
                for kind in ("join", "dark", "killed", "killed_all"):
                    found[f"{setup} {kind} s"] = shares([t[kind] for t in trials if kind in t])
            if options.what in ("starved", "all"):
                counts: dict[str, dict[str, int]] = {}
                for name, healthy in (("with local health", True), ("without", False)):
                    one = partial(one_starved, options.profile, setup, healthy)
                    pairs = pool.map(one, range(options.trials // 5), chunksize=1)
                    counts[name] = {
                        "accused": sum(a for a, _ in pairs),
                        "declared": sum(d for _, d in pairs),
                    }
                found[f"{setup} starved"] = counts
        if options.what in ("false", "all"):
            runs = math.ceil(options.hours * 3600 / (SIZE * RUN_S) / len(setups))
            accused = declared = 0
            for setup in setups:
                one = partial(one_calm, options.profile, setup, RUN_S)
                for a, d in pool.imap_unordered(one, range(runs), chunksize=2):
                    accused, declared = accused + a, declared + d
            hours = runs * len(setups) * SIZE * RUN_S / 3600
            # Without any death the 95 % bound is 3 in so many hours: the rule of three.
            bound = (
                3.0 / hours if declared == 0 else (declared + 2 * math.sqrt(declared) + 2) / hours
            )
            found["false"] = {
                "node_hours": round(hours),
                "suspicions": accused,
                "deaths": declared,
                "deaths_per_1000_node_hours_95_bound": round(1000 * bound, 2),
            }
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
