"""From what a cluster had decided to the state with which its next incarnation begins. Pure."""

from dataclasses import dataclass

from msgspec.structs import replace

from ringrift.node.cluster.audit import AuditLine
from ringrift.node.cluster.commands import ChangeVoters, encode_command
from ringrift.node.cluster.members import MACHINES, MAX_MEMBERS, Member
from ringrift.node.cluster.results import Refused
from ringrift.node.cluster.state import ClusterState
from ringrift.wire.log import NO_SESSION, Entry

INDEX_GAP = 1_000_000_000
"""Entries that the old incarnation may have decided without this log knowing of them.

Claims, sessions and promotions are fenced by the index that granted them, so none of the new
incarnation may have an index that the old one gave to something else.
"""


class RecoveryError(ValueError):
    """Why there is nothing to found a new incarnation from; one sentence."""


@dataclass(frozen=True, slots=True)
class Founder:
    """The node that alone decides at first: its id, name, the sha256 of its key if it has one, and
    whether the operator showed the cluster's root key, so that it need not be known."""

    node: str
    name: str
    key: str | None
    vouched: bool = False


def found_anew(
    state: ClusterState, founder: Founder, old: str, new: str, how: str, now_ms: int
) -> None:
    """Turn the state of incarnation `old` into the one that `new` begins with; `how` for the audit.

    Raises RecoveryError when the founder cannot be this cluster's voter; the state is spoilt then.
    """
    if state.index == 0:
        raise RecoveryError("There is no decided entry here to go on from.")
    result = f"incarnation {new} goes on from entry {state.index} of {old}"
    state.index += INDEX_GAP
    state.voters = (founder.node,)
    _enter(state, founder)
    # A token names the incarnation that it lets in to, so none of them opens a door any more.
    for token in list(state.tokens.rows):
        del state.tokens.rows[token]
    for key, agreed in list(state.charter.rows.items()):
        state.charter.rows[key] = replace(agreed, transfer=None)
    state.audit.record(state.index, AuditLine(now_ms, founder.node, how, result, refused=False))


def founding_entry(state: ClusterState, founder: Founder, term: int, now_ms: int) -> Entry:
    """The first entry after the state: it names the only voter, in a term above all known ones."""
    command = encode_command(ChangeVoters())
    voters = (founder.node,)
    return Entry(state.index + 1, term, now_ms, NO_SESSION, 0, command, voters)


def _enter(state: ClusterState, founder: Founder) -> None:
    """See to it that the founder is a member that may vote, known by its key."""
    members, row = state.members, state.members.rows.get(founder.node)
    if row is None:
        _admit(state, founder)
    elif row.revoked is not None or row.role not in MACHINES:
        raise RecoveryError(f"{founder.node} is no node of this cluster (any more).")
    elif row.key != founder.key:
        raise RecoveryError(f"The cluster knows {founder.node} by another key than is here.")
    elif row.role != "voter":
        members.change_role(founder.node, "voter")


def _admit(state: ClusterState, founder: Founder) -> None:
    members = state.members
    if founder.key is not None and founder.vouched:
        result = members.admit(founder.node, founder.name, "voter", founder.key).result
        if isinstance(result, Refused):
            raise RecoveryError(result.reason)
    elif founder.key is None and members.is_open and len(members.rows) < MAX_MEMBERS:
        members.rows[founder.node] = Member(id=founder.node, name=founder.name, role="voter")
    else:
        raise RecoveryError(
            f"The cluster does not know {founder.node}: restore on a node that it knows, or into "
            "an empty directory with --root and the root key that `ringrift init` wrote."
        )
