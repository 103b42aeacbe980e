"""What operators ask for: desired state, who belongs to the cluster, and what all agree on."""

from typing import Annotated, Literal

import msgspec

from ringrift.node.cluster.charter import Timing
from ringrift.node.cluster.command import Format, Index, NodeId, Operation
from ringrift.node.cluster.members import Role
from ringrift.wire.job import ConfigName, Sha256

Seconds = Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]


class SetNodeMode(Operation, frozen=True, tag="set_node_mode"):
    """Desired mode of a node: draining claims nothing more and hands in.

    With a deadline what runs may go on for so many seconds, counted by the node from when it sees
    this; without one it is handed in at once.
    """

    node: NodeId
    mode: Literal["active", "draining"]
    deadline_s: Seconds | None = None


class RestartNode(Operation, frozen=True, tag="restart_node"):
    """Raise the node's restart generation; the node ends when it sees one above its own."""

    node: NodeId


class ResetCircuits(Operation, frozen=True, tag="reset_circuits"):
    """Raise the node's circuit generation; it closes its circuit breakers when it sees that."""

    node: NodeId


class SetConfigMode(Operation, frozen=True, tag="set_config_mode"):
    """Desired mode of a configuration, which is added to the state when it is new."""

    config: ConfigName
    mode: Literal["active", "paused"]


class CancelWork(Operation, frozen=True, tag="cancel_work"):
    """Cancel an item, pending or claimed, and with it what waits for it.

    The claiming node sees it and stops its child.
    """

    item: Index


class RetryWork(Operation, frozen=True, tag="retry_work"):
    """Queue a failed or cancelled item anew, with all its attempts. Answers `Queued`.

    What the item waited for, or whom it was meant for, is not asked again. Refused while an earlier
    retry of it is open, and for whatever `AddWork` would refuse.
    """

    item: Index


class CreateToken(Operation, frozen=True, tag="create_token"):
    """Let one newcomer in, as `role`, who shows the secret whose sha256 is `token`.

    Good for `lifetime_s`, which the leader judges. With `member` it is for that id alone, and may
    then give a key to a member that has none.
    """

    token: Sha256
    role: Role
    lifetime_s: Seconds
    member: NodeId | None = None


class RevokeMember(Operation, frozen=True, tag="revoke_member"):
    """Turn a member away for good: its sessions end, its claims go back unhurt.

    Refused for one that decides, for the last voter, and for the last operator.
    """

    member: NodeId


class ChangeRole(Operation, frozen=True, tag="change_role"):
    """Make a node voter-eligible or not, or an operator a viewer, or the reverse.

    A voter that becomes a node leaves the voters soon after, by the leader's autopilot. Refused
    from machine to person, for the last voter, and for the last operator.
    """

    member: NodeId
    role: Role


class SetTiming(Operation, frozen=True, tag="set_timing"):
    """Choose the profile of time from which every node derives its timeouts."""

    timing: Timing


class TransferLeadership(Operation, frozen=True, tag="transfer_leadership"):
    """Have the leader of `term` hand over, to the voter `to` or to any other that can.

    Refused for one that is no voter, and where there is no other. Without effect when another term
    has begun: whatever led to the wish is over then.
    """

    term: Index
    to: NodeId | None = None


class RaiseFormat(Operation, frozen=True, tag="raise_format"):
    """Let the state use what format `format` brought.

    Refused unless every voter and every node that is not revoked says that it supports it.
    """

    format: Format


class ExpireToken(Operation, frozen=True, tag="expire_token"):
    """Forget a token: its time has come, or an operator thinks better of it."""

    token: Sha256


class AdmitMember(Operation, frozen=True, tag="admit_member"):
    """Let `member` in by a token, and bind its id to the key (sha256 of its SPKI) it showed.

    `by` is the node at whose door it knocked. Uses the token up; the same again is answered as at
    first, another id or key is refused.
    """

    token: Sha256
    member: NodeId
    name: NodeId
    key: Sha256
