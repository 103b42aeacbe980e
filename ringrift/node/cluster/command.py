"""What every command shares: its base, the bounded types of its fields, and who asked for it."""

from typing import Annotated

import msgspec

NodeId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Index = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
Version = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Format = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]

Actor = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""Who wants something: the id of an operator, of the node whose own socket was used, or the name of
the leader's controller. Whoever proposes has made sure of it; apply turns away the revoked."""


class CommandBase(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"
):
    """Base of every command."""


class Operation(CommandBase, frozen=True):
    """Base of what an operator may ask for: each leaves a line in the audit."""

    by: Actor
