"""What a match leaves behind for others to compute again."""

from dataclasses import replace
from pathlib import Path

from ringrift.cli.match import directions, keep
from ringrift.learn.match import Plan
from ringrift.train.results import read_raw
from ringrift.wire.job import EvaluationDone, Weights

ONE, OTHER = Weights("1" * 64, "one"), Weights("2" * 64, "other")


def plan(config: str, opponent: Weights | str) -> Plan:
    return Plan(config, ONE, opponent, 20, 64, "s")


def done(plan: Plan, rotations: int) -> EvaluationDone:
    names = [f"{n:016x}" for n in range(20)]
    return EvaluationDone(
        opponent=plan.opponent if isinstance(plan.opponent, str) else plan.opponent.sha256,
        blocks=(1,) * 20,
        rotations=rotations,
        distinct_openings=20,
        distinct_games=20 * rotations,
        seconds=1.0,
        reverse=plan.reverse,
        openings=tuple(names),
        finals=tuple(tuple(f"{r:08x}{n[8:]}" for r in range(rotations)) for n in names),
    )


def test_more_than_two_networks_meet_both_ways() -> None:
    assert directions(plan("hex8_2p", OTHER)) == [plan("hex8_2p", OTHER)]
    assert directions(plan("hex8_3p", "random-1")) == [plan("hex8_3p", "random-1")]
    there, back = directions(plan("hex8_3p", OTHER))
    assert back == replace(there, reverse=True)
    assert all(job.reverse for job in back.parts())


def test_a_result_says_who_sat_alone(tmp_path: Path) -> None:
    for each in directions(plan("hex8_3p", OTHER)):
        keep(tmp_path, each, done(each, 3))
    there, back = read_raw(tmp_path / "matches.jsonl")
    assert (there.lone, there.others) == (back.others, back.lone)
    assert "1" * 64 in there.lone


def test_a_network_without_search_is_another_player(tmp_path: Path) -> None:
    searching = plan("hex8_2p", "random-1")
    for each in (searching, replace(searching, simulations=0)):
        keep(tmp_path, each, done(each, 2))
    one, other = read_raw(tmp_path / "matches.jsonl")
    assert one.lone != other.lone
    assert list(other.searches.values()) == [{"simulations": 0, "considered": 1}]
