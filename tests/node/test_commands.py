"""Every command has somebody who proposes it; none can be decided that nobody would ask for."""

import typing
from pathlib import Path

import pytest

import ringrift.node
from ringrift.node.cluster import commands as c
from ringrift.node.cluster.transitions.every import TRANSITIONS

NODE = Path(ringrift.node.__file__).parent

TABLE: dict[type[c.Command], str] = {
    c.Blank: "consensus/host.py",
    c.ChangeVoters: "consensus/voter.py",
    c.OpenSession: "consensus/session.py",
    c.ExpireSession: "control/leases.py",
    c.JoinMember: "app.py",
    c.ExpireToken: "control/tokens.py",
    c.AdmitMember: "net/joining.py",
    c.SetNodeMode: "net/actions.py",
    c.RestartNode: "net/actions.py",
    c.CreateToken: "net/actions.py",
    c.RevokeMember: "net/actions.py",
    c.ChangeRole: "net/actions.py",
    c.SetTiming: "net/actions.py",
    c.TransferLeadership: "net/actions.py",
    c.SetConfigMode: "net/actions.py",
    c.AddWork: "control/populator.py",
    c.ClaimWork: "worker/worker.py",
    c.CompleteWork: "worker/worker.py",
    c.ReturnWork: "worker/worker.py",
    c.FailWork: "worker/worker.py",
    c.ExpireClaim: "control/leases.py",
    c.ReapClaim: "control/leases.py",
    c.ReleaseWork: "control/leases.py",
    c.CancelWork: "net/actions.py",
    c.RetryWork: "net/actions.py",
    c.EvictWork: "control/eviction.py",
    c.RegisterShard: "worker/worker.py",
    c.SetGenerator: "control/promotion.py",
    c.Promote: "control/promotion.py",
    c.Reject: "control/promotion.py",
}
"""Command: a module of the node that proposes it."""

AWAITED: tuple[type[c.Command], ...] = (
    c.RaiseFormat,
    c.ResetCircuits,
)
"""What no operator can ask for yet: a node that has no breakers to close would only say that it
did, and there is but one format."""


def test_the_table_and_the_transitions_name_every_command() -> None:
    assert {*TABLE, *AWAITED} == TRANSITIONS.keys() == set(typing.get_args(c.Command))


@pytest.mark.parametrize("command", AWAITED)
def test_what_is_awaited_is_asked_for_nowhere(command: type[c.Command]) -> None:
    for surface in ("net/actions.py", "../wire/actions.py"):
        assert command.__name__ not in (NODE / surface).read_text()


@pytest.mark.parametrize("command", TABLE)
def test_every_command_is_proposed_where_the_table_says(command: type[c.Command]) -> None:
    assert f"{command.__name__}(" in (NODE / TABLE[command]).read_text()
