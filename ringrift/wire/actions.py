"""What an operator may ask of a node: bodies of POST /actions.

They are for whoever may open its Unix socket, and for operators at the peers' port.

Every action becomes a command in the replicated log (desired state): the node concerned sees it in
its own copy of the state and acts, so an action works through any node and survives restarts.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.job import ConfigName
from ringrift.wire.join import Role, Timing

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]


class SetNodeMode(
    msgspec.Struct, frozen=True, tag="set_node_mode", tag_field="action", forbid_unknown_fields=True
):
    """Drain a node (it claims nothing more, and its children hand in what they have) or undrain it.

    With a deadline its children may go on for so many seconds before they hand in.
    """

    node: Name
    mode: Literal["active", "draining"]
    deadline_s: Seconds | None = None


class RestartNode(
    msgspec.Struct, frozen=True, tag="restart_node", tag_field="action", forbid_unknown_fields=True
):
    """Have a node end cleanly and its sentinel start it anew."""

    node: Name


class SetConfigMode(
    msgspec.Struct,
    frozen=True,
    tag="set_config_mode",
    tag_field="action",
    forbid_unknown_fields=True,
):
    """Pause a configuration (no new work for it) or resume it."""

    config: ConfigName
    mode: Literal["active", "paused"]


class CancelWork(
    msgspec.Struct, frozen=True, tag="cancel_work", tag_field="action", forbid_unknown_fields=True
):
    """Cancel one work item, pending or claimed."""

    item: Annotated[int, msgspec.Meta(ge=1)]


class RetryWork(
    msgspec.Struct, frozen=True, tag="retry_work", tag_field="action", forbid_unknown_fields=True
):
    """Queue a failed or cancelled work item anew."""

    item: Annotated[int, msgspec.Meta(ge=1)]


class AddSelfplay(
    msgspec.Struct, frozen=True, tag="add_selfplay", tag_field="action", forbid_unknown_fields=True
):
    """Queue one item of selfplay, played by whoever is the generator when it is claimed."""

    config: ConfigName
    games: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    priority: Annotated[int, msgspec.Meta(ge=0, le=1_000)] | None = None
    node: Name | None = None


class CreateToken(
    msgspec.Struct, frozen=True, tag="create_token", tag_field="action", forbid_unknown_fields=True
):
    """Make a token by which one newcomer may join; the reply has it, and it is nowhere else."""

    role: Role
    lifetime_s: Seconds


class ChangeRole(
    msgspec.Struct, frozen=True, tag="change_role", tag_field="action", forbid_unknown_fields=True
):
    """Make a node voter-eligible (autopilot lets it vote soon after) or not, an operator a viewer,
    or the reverse."""

    member: Name
    role: Role


class RevokeMember(
    msgspec.Struct, frozen=True, tag="revoke_member", tag_field="action", forbid_unknown_fields=True
):
    """Turn a member away for good."""

    member: Name


class SetTiming(
    msgspec.Struct, frozen=True, tag="set_timing", tag_field="action", forbid_unknown_fields=True
):
    """Choose the profile of time; every node starts anew with it."""

    timing: Timing


class TransferLeadership(
    msgspec.Struct, frozen=True, tag="transfer", tag_field="action", forbid_unknown_fields=True
):
    """Have another voter lead: the one named, or any that can."""

    to: Name | None = None


ActionRequest = (
    SetNodeMode
    | RestartNode
    | SetConfigMode
    | CancelWork
    | RetryWork
    | AddSelfplay
    | CreateToken
    | ChangeRole
    | RevokeMember
    | SetTiming
    | TransferLeadership
)


class ActionReply(msgspec.Struct, frozen=True):
    """The log index at which the action was decided, and what it did in one sentence; `token` is
    what `CreateToken` made."""

    index: int
    text: str
    token: str | None = None
