"""Who may ask what at the peers' port, by the member record alone."""

import pytest
from cluster_support import Ledger, joins
from msgspec.structs import replace

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.state import ClusterState
from ringrift.node.net.admittance import refusal
from ringrift.node.net.pki import Subject


def key(name: str) -> str:
    return f"{sum(map(ord, name)):064x}"


def subject(name: str, of: str | None = None) -> Subject:
    return Subject(name, key(of or name))


@pytest.fixture
def state() -> ClusterState:
    ledger = Ledger()
    ledger.enter(0, 0, c.OpenSession(owner="voter", boot=1))
    ledger.do(replace(joins("voter"), key=key("voter")))
    roles = {"node": "node", "op": "operator", "look": "viewer", "gone": "operator"}
    for name, role in roles.items():
        token = key("token" + name)
        made = c.CreateToken(token=token, role=role, lifetime_s=9, by="voter")  # type: ignore[arg-type]
        ledger.do(made)
        ledger.do(c.AdmitMember(token=token, member=name, name=name, key=key(name), by="voter"))
    ledger.do(c.RevokeMember(member="gone", by="op"))
    return ledger.state


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        (None, "POST", "/join", None),
        (None, "GET", "/status", 401),
        (None, "POST", "/renew", 401),
        (None, "POST", "/join/", 401),
        (subject("look"), "GET", "/events", None),
        (subject("node"), "HEAD", "/blobs/x", None),
        (subject("look"), "POST", "/renew", None),
        (subject("look"), "POST", "/actions", 403),
        (subject("node"), "POST", "/actions", 403),
        (subject("voter"), "POST", "/actions", 403),
        (subject("look"), "PATCH", "/whatever", 403),
        (subject("look"), "PUT", "/blobs/x", 403),
        (subject("look"), "GET", "/blobs/x", 403),
        (subject("node"), "PUT", "/blobs/x", None),
        (subject("node"), "PUT", "/actions", 403),
        (subject("op"), "POST", "/actions", None),
        (subject("op", of="look"), "GET", "/status", 403),
        (subject("gone"), "GET", "/status", 403),
        (subject("gone"), "POST", "/renew", 403),
        (subject("stranger"), "GET", "/status", 403),
    ],
)
def test_who_may_ask_what(
    state: ClusterState, who: Subject | None, method: str, path: str, status: int | None
) -> None:
    refused = refusal(state, who, method, path)
    assert (None if refused is None else refused.status) == status


def test_a_node_without_any_state_lets_nobody_look() -> None:
    refused = refusal(ClusterState(), subject("op"), "GET", "/status")
    assert refused is not None and refused.status == 503
