"""What the sentinel decides, as a table: exits and silence in, stop or start out."""

import random

import pytest

from ringrift.node.keeper import SILENT_S, STARTING_S, Keeper, Start, Stop, exit_text
from ringrift.node.runtime.loop import RestartPolicy


def keeper() -> Keeper:
    subject = Keeper(RestartPolicy(jitter=0.0), random.Random(1))
    subject.started(100.0)
    return subject


@pytest.mark.parametrize(
    ("code", "stopping", "decision"),
    [
        (0, False, Stop(0)),
        (2, False, Stop(2)),
        (75, False, Start(0.0)),
        (1, False, Start(1.0)),
        (-9, False, Start(1.0)),
        (-15, True, Stop(0)),
        (75, True, Stop(0)),
        (2, True, Stop(2)),
    ],
)
def test_an_exit_is_answered_by_its_code(code: int, stopping: bool, decision: object) -> None:
    assert keeper().ended(code, 101.0, stopping=stopping) == decision


def test_pauses_grow_from_crash_to_crash_and_a_good_minute_forgives() -> None:
    subject, now, pauses = keeper(), 100.0, []
    for _ in range(4):
        decision = subject.ended(1, now + 5, stopping=False)
        assert isinstance(decision, Start)
        pauses.append(decision.pause_s)
        subject.started(now)
    assert pauses == [1.0, 1.5, 2.25, 3.375]
    subject.answered(now + 1)
    assert subject.ended(1, now + 61, stopping=False) == Start(1.0)


def test_a_node_that_never_answered_is_not_forgiven_for_having_lived_long() -> None:
    subject = keeper()
    subject.ended(1, 101.0, stopping=False)
    subject.started(101.0)
    assert subject.ended(1, 101.0 + STARTING_S, stopping=False) == Start(1.5)


def test_silence_is_judged_by_whether_it_ever_spoke() -> None:
    subject = keeper()
    assert not subject.is_hung(100 + STARTING_S - 1)
    assert subject.is_hung(100 + STARTING_S)
    subject.answered(200.0)
    assert not subject.is_hung(200 + SILENT_S - 1)
    assert subject.is_hung(200 + SILENT_S)
    subject.started(300.0)
    assert not subject.is_hung(301.0)


def test_restarts_are_counted_with_their_reason() -> None:
    subject = keeper()
    assert (subject.restarts, subject.last_exit, subject.last_restart_at) == (0, None, None)
    subject.ended(-9, 110.0, stopping=False)
    subject.started(111.0)
    assert (subject.restarts, subject.last_exit) == (1, "killed by SIGKILL")
    assert subject.last_restart_at == 111.0


def test_exits_are_told_in_words() -> None:
    assert exit_text(3) == "failed with exit code 3"
    assert exit_text(75) == "asked to be started anew"
