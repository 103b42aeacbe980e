"""Actions become commands on what exists; the log's refusals become sentences."""

import pytest
import trio
from cluster_support import SELFPLAY_DONE, Ledger, joins
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.commands import Command
from ringrift.node.consensus.replica import NotLeaderError, Proposed
from ringrift.node.control.populator import selfplay
from ringrift.node.net.actions import Operators, command_of
from ringrift.node.net.guard import RequestError
from ringrift.node.runtime.settings import PipelineSettings
from ringrift.wire.actions import (
    ActionRequest,
    AddSelfplay,
    CancelWork,
    ChangeRole,
    CreateToken,
    RestartNode,
    RetryWork,
    RevokeMember,
    SetConfigMode,
    SetNodeMode,
    SetTiming,
    TransferLeadership,
)
from tests.node.virtual_clock import VirtualClock

PIPELINE = PipelineSettings()


def invite() -> tuple[str, str]:
    return "ab" * 32, "rr1.word"


def operators(ledger: Ledger) -> Operators:
    async def propose(command: Command) -> Proposed:
        result = ledger.do(command)
        return Proposed(ledger.state.index, result)

    return Operators(lambda: ledger.state, propose, "n", invite, PIPELINE, VirtualClock())


def ledger() -> Ledger:
    made = Ledger.founded()
    for node in ("x-1", "x-2"):
        made.do(joins(node, 1, name="x"))
    return made


@pytest.mark.parametrize(
    ("request_", "command"),
    [
        (
            SetNodeMode(node="x-2", mode="draining"),
            c.SetNodeMode(node="x-2", mode="draining", by="n"),
        ),
        (RestartNode(node="n"), c.RestartNode(node="n", by="n")),
        (
            SetConfigMode(config="hex8_2p", mode="paused"),
            c.SetConfigMode(config="hex8_2p", mode="paused", by="n"),
        ),
        (
            SetNodeMode(node="n", mode="draining", deadline_s=60),
            c.SetNodeMode(node="n", mode="draining", deadline_s=60, by="n"),
        ),
        (
            ChangeRole(member="x-1", role="voter"),
            c.ChangeRole(member="x-1", role="voter", by="n"),
        ),
        (RevokeMember(member="x-1"), c.RevokeMember(member="x-1", by="n")),
        (SetTiming(timing="wan"), c.SetTiming(timing="wan", by="n")),
        (TransferLeadership(), c.TransferLeadership(term=1, by="n")),
        (TransferLeadership(to="x-2"), c.TransferLeadership(term=1, to="x-2", by="n")),
    ],
)
def test_an_action_becomes_its_command(request_: ActionRequest, command: Command) -> None:
    assert command_of(request_, ledger().state, "n") == command


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (SetNodeMode(node="y", mode="active"), "node 'y' does not exist; give an id: n, x-1, x-2"),
        (RestartNode(node="x"), "node 'x' names several nodes"),
        (SetConfigMode(config="square8_2p", mode="paused"), "there are hex8_2p"),
        (CancelWork(item=99), "item 99 does not exist"),
        (RetryWork(item=99), "item 99 does not exist"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(request_: ActionRequest, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        command_of(request_, ledger().state, "n")
    assert caught.value.status == 404
    assert words in str(caught.value)


async def test_the_answer_is_index_and_sentence_and_a_refusal_is_a_conflict() -> None:
    made = ledger()
    item = made.add()
    subject = operators(made)
    reply = await subject.act(CancelWork(item=item))
    assert reply.index == made.state.index
    assert str(item) in reply.text
    retried = await subject.act(RetryWork(item=item))
    assert retried.text == f"#{retried.index} is queued"
    await subject.act(CancelWork(item=retried.index))
    item = made.add()
    made.do(c.CompleteWork(item=item, claim=made.claim().claim, outcome=SELFPLAY_DONE))
    with pytest.raises(RequestError) as caught:
        await subject.act(CancelWork(item=item))
    assert caught.value.status == 409
    assert made.state.work.rows[item].state == "completed"


async def test_without_a_leader_nothing_is_decided_and_it_is_said() -> None:
    async def propose(command: Command) -> Proposed:
        raise NotLeaderError(None)

    with pytest.raises(RequestError) as caught:
        lost = Operators(lambda: ledger().state, propose, "n", None, PIPELINE, VirtualClock())
        await lost.act(RestartNode(node="n"))
    assert caught.value.status == 503


async def test_a_token_is_in_the_reply_and_only_its_hash_in_the_state() -> None:
    made = ledger()
    reply = await operators(made).act(CreateToken(role="voter", lifetime_s=60))
    assert reply.token == "rr1.word"
    (token,) = made.state.tokens.rows.values()
    assert (token.role, token.lifetime_s) == ("voter", 60)
    assert list(made.state.tokens.rows) == ["ab" * 32]


async def test_a_cluster_of_one_says_how_others_could_join() -> None:
    async def propose(command: Command) -> Proposed:
        raise AssertionError("nothing is to be decided")

    with pytest.raises(RequestError, match="ringrift init") as caught:
        lone = Operators(lambda: ledger().state, propose, "n", None, PIPELINE, VirtualClock())
        await lone.act(CreateToken(role="node", lifetime_s=60))
    assert caught.value.status == 409


async def test_what_a_peer_may_not_is_forbidden() -> None:
    async def propose(command: Command) -> Proposed:
        raise c.CommandError("CreateToken is for voters; n is a node.")

    node = Operators(lambda: ledger().state, propose, "n", invite, PIPELINE, VirtualClock())
    with pytest.raises(RequestError, match="for voters") as caught:
        await node.act(CreateToken(role="node", lifetime_s=60))
    assert caught.value.status == 403


async def test_selfplay_is_queued_as_usual_but_for_what_was_asked() -> None:
    made = ledger()
    asked = AddSelfplay(config="hex8_2p", games=7, priority=9, node="x-1")
    reply = await operators(made).act(asked)
    item = made.state.work.rows[reply.index]
    usual = selfplay("hex8_2p", PIPELINE)
    assert (item.payload.games, item.priority, item.target) == (7, 9, "x-1")  # type: ignore[union-attr]
    assert item.timeout_s == usual.timeout_s
    with pytest.raises(RequestError, match="not trained here"):
        await operators(made).act(AddSelfplay(config="square8_2p", games=7))


async def test_where_nobody_leads_it_is_said_before_the_asker_gives_up(
    autojump_clock: MockClock,
) -> None:
    async def propose(command: Command) -> Proposed:
        await trio.sleep_forever()
        raise AssertionError

    lost = Operators(lambda: ledger().state, propose, "n", None, PIPELINE, VirtualClock())
    with pytest.raises(RequestError, match="no leader answers") as caught:
        await lost.act(RestartNode(node="n"))
    assert caught.value.status == 503
    assert trio.current_time() < 5
