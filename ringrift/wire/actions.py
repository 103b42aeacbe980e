"""What an operator may ask of a node: bodies of POST /actions on its Unix socket.

Every action becomes a command in the replicated log (desired state): the node concerned sees it in
its own copy of the state and acts, so an action works through any node and survives restarts.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.job import ConfigName

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


ActionRequest = SetNodeMode | RestartNode | SetConfigMode | CancelWork | RetryWork


class ActionReply(msgspec.Struct, frozen=True):
    """The log index at which the action was decided, and what it did in one sentence."""

    index: int
    text: str
