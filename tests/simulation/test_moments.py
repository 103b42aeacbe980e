"""Machines are ended at the moments that count, for as long as an ambush lasts."""

from test_calamity import Stage

from ringrift.node.consensus.chores import Store, Write
from ringrift.node.consensus.host import Barrier, Step
from ringrift.node.consensus.raft.ready import Envelope, Ready
from ringrift.node.sim.faults import Fault
from ringrift.node.sim.moments import MOMENTS, Moment, moments_of
from ringrift.wire.log import Entry
from ringrift.wire.raft import VoteReply


def ambush(moment: Moment) -> Fault:
    return Fault("ambush", 0.0, 20.0, (MOMENTS.index(moment) + 0.5) / len(MOMENTS), 0.5)


def test_a_step_tells_which_moments_it_brings() -> None:
    entry = Entry(1, 1, 0, 0, 0, b"", ("a",))
    step = Step(
        send=[Envelope("b", VoteReply(2, True)), Envelope("b", VoteReply(2, False))],
        chores=[
            Write(Ready(1, truncate_after=3, entries=(entry,))),
            Store(5, 0, b"", final=True, received=True),
            Store(6, 0, b"", final=True, received=False),
        ],
        answers=[Barrier(1, 1)],
    )
    assert list(moments_of(step)) == ["answer", "vote", "truncation", "change", "snapshot"]
    granted = Envelope("b", VoteReply(2, True, pre=True))
    assert list(moments_of(Step(send=[granted]))) == []


def test_whoever_comes_to_lead_falls_until_the_ambush_ends() -> None:
    stage = Stage(ambush("leadership"))
    stage.agenda.run(19.9)
    fallen = [line for line in stage.trace.lines if "is killed" in line or "loses power" in line]
    assert len(fallen) >= 3
    stage.agenda.run(30.0)
    assert all(not machine.at_moment for machine in stage.machines.values())
    assert sum(machine.leads for machine in stage.machines.values()) == 1


def test_a_moment_that_does_not_come_ends_nobody() -> None:
    stage = Stage(ambush("snapshot"))
    stage.agenda.run(19.9)
    assert all(machine.life == 1 for machine in stage.machines.values())
