"""`ringrift sim`: what it prints and how it exits."""

import json
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest

from ringrift.cli import sim as verb
from ringrift.node.consensus.raft.leading import Leading
from ringrift.node.sim import campaign
from ringrift.node.sim.checkers.tally import Tally
from ringrift.node.sim.checkers.violation import Violation
from ringrift.node.sim.core_tier import Run


def exits(*, code: int, **options: object) -> None:
    with pytest.raises(SystemExit) as done:
        verb.sim(**options)  # type: ignore[arg-type]
    assert done.value.code == code


def test_seeds_that_break_nothing_are_reported_with_what_happened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exits(code=0, seeds=2, nodes=3, jobs=1)
    said = capsys.readouterr().out
    assert said.startswith("2 seeds of the core tier with 3 nodes in ")
    assert "none broke a rule" in said
    assert "acknowledged commands" in said


def test_json_is_one_line_with_the_same_facts(capsys: pytest.CaptureFixture[str]) -> None:
    exits(code=0, seeds=2, first=7, nodes=3, jobs=2, as_json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["tier"], facts["nodes"], facts["seeds"], facts["broken"]) == ("core", 3, 2, [])
    assert facts["counts"]["acknowledged"] > 0
    assert facts["pace"] > 1


def _half(leading: Leading, durable: int) -> int:
    """A leader believes everything decided that it has itself."""
    return durable


def test_a_broken_rule_is_told_with_the_command_that_replays_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Leading, "decided", _half)
    exits(code=1, seeds=10, nodes=3, jobs=1)
    said = capsys.readouterr().out.splitlines()
    command = next(line for line in said if line.startswith("Replay the first with "))
    seed = int(command.split("--replay ")[1].split()[0])
    assert command.endswith(f"`ringrift sim --replay {seed} --nodes 3`.")
    told = next(line for line in said if line.startswith(f"Seed {seed}: "))
    exits(code=1, replay=seed, nodes=3)
    trace = capsys.readouterr().out.splitlines()
    assert trace[-1].endswith(told.removeprefix(f"Seed {seed}: "))


def _killed(*_: object) -> None:
    raise BrokenProcessPool


def test_floors_count_from_twenty_seeds_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = replace(Run(0, 3).play(), tally=Tally())
    monkeypatch.setattr(campaign, "_play", lambda task: campaign.Played(outcome, 0.1))
    exits(code=0, seeds=19, nodes=3, jobs=1)
    capsys.readouterr()
    exits(code=1, seeds=20, nodes=3, jobs=1)
    assert "Too little happened: torn tails: 0 over 20 seeds" in capsys.readouterr().out


def test_a_process_that_was_killed_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "play", _killed)
    exits(code=1, seeds=3)
    assert capsys.readouterr().err.endswith("try fewer --jobs.\n")


def test_a_replay_without_a_finding_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    exits(code=0, replay=1, nodes=3)
    plain = capsys.readouterr().out
    assert plain.endswith("Seed 1 with 3 nodes breaks no rule.\n")
    assert "is leader in term" in plain and " asks " not in plain
    exits(code=0, replay=1, nodes=3, verbose=True)
    assert " asks " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [({"verbose": True}, "--replay SEED"), ({"replay": 1, "as_json": True}, "leave it out")],
)
def test_options_that_do_not_go_together_are_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], options: dict[str, object], words: str
) -> None:
    exits(code=2, **options)
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert words in told.err


def test_violations_survive_the_way_from_a_worker_process() -> None:
    import pickle

    outcome = replace(Run(0, 3).play(), violation=Violation("operations end", "a", 1.5, "Stuck."))
    back = pickle.loads(pickle.dumps(outcome))
    assert str(back.violation) == str(outcome.violation)
