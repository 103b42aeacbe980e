"""Actions become commands on what exists; the log's refusals become sentences."""

import pytest
from cluster_support import SELFPLAY_DONE, Ledger, joins

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.commands import Command
from ringrift.node.consensus.replica import NotLeaderError, Proposed
from ringrift.node.net.actions import Operators, command_of
from ringrift.node.net.guard import RequestError
from ringrift.wire.actions import (
    ActionRequest,
    CancelWork,
    RestartNode,
    RetryWork,
    SetConfigMode,
    SetNodeMode,
)


def operators(ledger: Ledger) -> Operators:
    async def propose(command: Command) -> Proposed:
        result = ledger.do(command)
        return Proposed(ledger.state.index, result)

    return Operators(lambda: ledger.state, propose, "n")


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
        await Operators(lambda: ledger().state, propose, "n").act(RestartNode(node="n"))
    assert caught.value.status == 503
