"""Whole clusters under faults: no rule is broken, enough happens, and a seed decides everything."""

import os
import subprocess
import sys
from unittest import mock

import pytest

from ringrift.node.consensus.host import Host
from ringrift.node.sim.agenda import Agenda
from ringrift.node.sim.campaign import Summary, play, play_one
from ringrift.node.sim.story import Tier
from ringrift.node.sim.trace import Detail

JOBS = 2
CHECKSUMS = """
from ringrift.node.sim.core_tier import Run
from ringrift.node.sim.driver_tier import play
print(*(Run(seed, size).play().checksum for seed, size in [(1, 5), (2, 5), (3, 5), (4, 7)]))
print(*(play(seed, size).checksum for seed, size in [(1, 5), (2, 5)]))
"""


@pytest.mark.parametrize(
    ("tier", "seeds", "size"), [("core", 150, 5), ("core", 10, 7), ("driver", 20, 5)]
)
def test_no_seed_breaks_a_rule_and_enough_happens(tier: Tier, seeds: int, size: int) -> None:
    summary = Summary()
    for played in play(tier, range(seeds), size, JOBS):
        summary.add(played)
    broken = [
        f"ringrift sim --replay {o.seed} --nodes {size} --tier {tier}: {o.violation}"
        for o in summary.broken
    ]
    assert broken == []
    assert summary.missing() == []
    print(f"{tier}: {seeds} seeds, {size} nodes, {summary.pace:.0f} times real time a core")
    print("\n".join(summary.counts()))


def _checksums_under(hash_seed: int) -> str:
    return subprocess.run(
        [sys.executable, "-c", CHECKSUMS],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_seed_gives_the_same_run_in_any_process() -> None:
    one = _checksums_under(1)
    assert len(set(one.split())) == 6
    assert one == _checksums_under(2)


@pytest.mark.parametrize("tier", ["core", "driver"])
def test_reading_along_changes_nothing(tier: Tier) -> None:
    details: tuple[Detail, ...] = ("none", "plain", "verbose")
    silent, plain, verbose = (play_one(tier, 5, 3, detail) for detail in details)
    assert silent.checksum == plain.checksum == verbose.checksum
    assert (len(silent.trace) == 0) and (100 < len(plain.trace) < len(verbose.trace))


@pytest.mark.parametrize("tier", ["core", "driver"])
def test_whatever_production_code_raises_is_held_against_the_seed(tier: Tier) -> None:
    receive, calls = Host.receive, 0

    def stumbles(host: Host, *arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 100:
            raise AssertionError("the log is upside down")
        receive(host, *arguments)  # type: ignore[arg-type]

    with mock.patch.object(Host, "receive", stumbles):
        outcome = play_one(tier, 1, 3, "plain")
    violation = outcome.violation
    assert violation is not None
    assert violation.rule == "nothing unexpected is raised"
    assert violation.node in ("a", "b", "c")
    assert violation.text == "AssertionError: the log is upside down"
    assert str(violation) in outcome.trace[-1]
    assert any("in stumbles" in line for line in outcome.trace)


def test_a_cluster_that_talks_in_circles_is_stopped() -> None:
    agenda = Agenda()

    def again() -> None:
        agenda.after(0.0, again)

    again()
    with (
        mock.patch("ringrift.node.sim.agenda.MOST_ACTIONS", 1_000),
        pytest.raises(AssertionError, match="more than 1000 actions"),
    ):
        agenda.run(1.0)
