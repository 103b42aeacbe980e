"""What an operator may ask of a node: bodies of POST /actions on its Unix socket.

Every action becomes a command in the replicated log (desired state): the node concerned sees it in
its own copy of the state and acts, so an action works through any node and survives restarts.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.job import ConfigName, Sha256

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=30 * 86_400)]
Role = Literal["node", "voter", "operator", "viewer"]


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


class ResetCircuits(
    msgspec.Struct,
    frozen=True,
    tag="reset_circuits",
    tag_field="action",
    forbid_unknown_fields=True,
):
    """Have a node close its circuit breakers."""

    node: Name


class CreateToken(
    msgspec.Struct, frozen=True, tag="create_token", tag_field="action", forbid_unknown_fields=True
):
    """Let one newcomer in who shows the secret of which `token` is the sha256; see `ChangeRole`.

    Whoever asks draws the secret and keeps it: it never reaches a node before it is used.
    """

    token: Sha256
    role: Role
    lifetime_s: Seconds
    member: Name | None = None


class ExpireToken(
    msgspec.Struct, frozen=True, tag="expire_token", tag_field="action", forbid_unknown_fields=True
):
    """Withdraw a join token."""

    token: Sha256


class RevokeMember(
    msgspec.Struct, frozen=True, tag="revoke_member", tag_field="action", forbid_unknown_fields=True
):
    """Turn a member away for good."""

    member: Name


class ChangeRole(
    msgspec.Struct, frozen=True, tag="change_role", tag_field="action", forbid_unknown_fields=True
):
    """Make a node voter-eligible or not, or an operator a viewer, or the reverse."""

    member: Name
    role: Role


class SetTiming(
    msgspec.Struct, frozen=True, tag="set_timing", tag_field="action", forbid_unknown_fields=True
):
    """Choose the profile of time from which every node derives its timeouts."""

    timing: Literal["local", "lan", "wan"]


class RaiseFormat(
    msgspec.Struct, frozen=True, tag="raise_format", tag_field="action", forbid_unknown_fields=True
):
    """Let the state use what a newer format brought, once every node supports it."""

    format: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


ActionRequest = (
    SetNodeMode
    | RestartNode
    | ResetCircuits
    | SetConfigMode
    | CancelWork
    | RetryWork
    | CreateToken
    | ExpireToken
    | RevokeMember
    | ChangeRole
    | SetTiming
    | RaiseFormat
)


class ActionReply(msgspec.Struct, frozen=True):
    """The log index at which the action was decided, and what it did in one sentence."""

    index: int
    text: str
