"""The next life starts with the vote and the timing that the cluster agreed on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from cluster_support import INCARNATION, Ledger, joins
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.consensus import storage
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.runtime.paths import NodePaths
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.standing import as_agreed, stand, standing
from ringrift.wire.log import Entry
from tests.node.virtual_clock import VirtualClock


@pytest.fixture
def ledger() -> Ledger:
    made = Ledger.founded()
    made.do(joins("m"))
    return made


def who(node: str, *, votes: bool) -> Identity:
    return Identity(node, INCARNATION, 3, votes=votes, timing="lan")


def test_nothing_changes_as_long_as_nothing_is_agreed(ledger: Ledger) -> None:
    for identity in (who("n", votes=True), who("m", votes=False), who("newcomer", votes=True)):
        assert as_agreed(identity, ledger.state) == identity


def test_the_timing_follows_the_charter(ledger: Ledger) -> None:
    ledger.do(c.SetTiming(timing="wan", by="n"))
    assert as_agreed(who("m", votes=False), ledger.state).timing == "wan"


def test_a_vote_comes_with_the_role_and_goes_when_others_decide_without_it(ledger: Ledger) -> None:
    ledger.do(c.ChangeRole(member="m", role="voter", by="n"))
    assert as_agreed(who("m", votes=False), ledger.state).votes
    named = c.encode_command(c.ChangeVoters())
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, named, ("m", "n")))
    ledger.do(c.ChangeRole(member="m", role="node", by="n"))
    assert as_agreed(who("m", votes=True), ledger.state).votes
    ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 0, 0, named, ("n",)))
    assert not as_agreed(who("m", votes=True), ledger.state).votes


async def begun(
    identity: Identity, ledger: Ledger, decided: Callable[[], bool]
) -> list[tuple[bool, str]]:
    """What the next lives were to start with, in an hour."""
    wishes: list[tuple[bool, str]] = []

    async def catch_up() -> bool:
        return decided()

    async def begin_anew(agreed: Identity) -> None:
        wishes.append((agreed.votes, agreed.timing))
        await trio.sleep_forever()

    clock = VirtualClock()
    body = standing(identity, lambda: ledger.state, Wakeup(), catch_up, begin_anew, "")
    with trio.move_on_after(3600):
        await body(Pulse(LoopRecord(), clock, lambda: None))
    return wishes


async def test_a_new_voter_keeps_its_vote_while_its_log_tells_what_it_was_once(
    ledger: Ledger, autojump_clock: MockClock
) -> None:
    # Up to here its log says that it is a node, and that all go by another timing.
    ledger.do(c.SetTiming(timing="wan", by="n"))
    me = who("m", votes=True)
    assert await begun(me, ledger, lambda: False) == []

    def rest() -> bool:
        ledger.do(c.ChangeRole(member="m", role="voter", by="n"))
        ledger.do(c.SetTiming(timing="lan", by="n"))
        return True

    assert await begun(me, ledger, rest) == []
    ledger.do(c.ChangeRole(member="m", role="node", by="n"))
    assert await begun(me, ledger, lambda: True) == [(False, "lan")]


async def test_a_vote_that_is_missing_is_taken_up_whether_or_not_anybody_leads(
    ledger: Ledger, autojump_clock: MockClock
) -> None:
    ledger.do(c.ChangeRole(member="m", role="voter", by="n"))
    assert await begun(who("m", votes=False), ledger, lambda: False) == [(True, "lan")]


async def test_a_node_takes_up_no_vote_that_it_had_once(
    ledger: Ledger, autojump_clock: MockClock
) -> None:
    ledger.do(c.ChangeRole(member="m", role="voter", by="n"))

    def rest() -> bool:
        ledger.do(c.ChangeRole(member="m", role="node", by="n"))
        return True

    assert await begun(who("m", votes=False), ledger, rest) == []


def test_a_voter_finds_a_log_to_begin_with_and_keeps_the_one_it_has(tmp_path: Path) -> None:
    paths = NodePaths(tmp_path)
    stand(paths, who("m", votes=False))
    assert not paths.log.exists()
    stand(paths, who("m", votes=True))
    assert storage.founded(RealDisk(paths.log))
    before = sorted(path.read_bytes() for path in paths.log.iterdir())
    stand(paths, who("m", votes=True))
    assert sorted(path.read_bytes() for path in paths.log.iterdir()) == before


async def test_a_voter_whose_log_is_damaged_says_so_and_how_it_is_mended(
    ledger: Ledger, autojump_clock: MockClock
) -> None:
    async def never() -> bool:
        raise AssertionError

    async def begin_anew(agreed: Identity) -> None:
        raise AssertionError

    record, clock = LoopRecord(), VirtualClock()
    me = who("n", votes=True)
    ledger.do(c.ChangeRole(member="n", role="voter", by="n"))
    body = standing(me, lambda: ledger.state, Wakeup(), never, begin_anew, "Record 7 is damaged.")
    with trio.move_on_after(5):
        await body(Pulse(record, clock, lambda: None))
    assert not record.well
    assert "Record 7 is damaged" in record.reason and "make n a node" in record.reason
