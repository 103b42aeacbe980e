"""What nodes tell each other of who lives, and of how each of them is: membership and soft state.

A `Talk` begins with the speaker's own `Statement`, and carries news besides.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.raft import NodeId, Number

MAX_MEMBERS = 1_000
MAX_NEWS = 16
MAX_NEWS_SOFT = 8
MAX_FILL_SOFT = 24
MAX_GPUS = MAX_SICK = 16
"""With these, the largest message is well below the largest frame."""

Status = Literal["alive", "suspect", "dead"]
MemoryTier = Literal["NORMAL", "CAUTION", "WARNING", "CRITICAL", "EMERGENCY"]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Statement(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """What `by` says of a member in its life `boot`.

    `incarnation` counts within a life how often the member denied that it was suspect or dead.
    """

    about: NodeId
    boot: Number
    incarnation: Number
    status: Status
    by: NodeId


class _Struct(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    pass


class Gpu(_Struct, frozen=True, gc=False):
    """One card now."""

    busy_percent: Percent
    memory_used_bytes: Number
    memory_bytes: Number


class SoftState(_Struct, frozen=True, gc=False, omit_defaults=True):
    """How a node is, as it saw itself last; None is what it has not measured (yet).

    `sick_loops` are the names of the loops that are not healthy, if not too many. `mark` is the
    last entry at which all compare their copies of the state, and the digest of the node's own.
    """

    cpu_percent: Percent | None = None
    memory_percent: Percent | None = None
    memory_tier: MemoryTier | None = None
    disk_free_bytes: Number | None = None
    loop_lag_ms: Annotated[float, msgspec.Meta(ge=0, le=2**53)] | None = None
    slots: Number | None = None
    slots_busy: Number | None = None
    gpus: Annotated[tuple[Gpu, ...], msgspec.Meta(max_length=MAX_GPUS)] = ()
    sick_loops: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_SICK)] | None = None
    mark: tuple[Number, Digest] | None = None


class Soft(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """A node's soft state; a larger (`boot`, `version`) replaces a smaller one.

    `age_ms` is how long ago the node said it, as far as the sender knows.
    """

    node: NodeId
    boot: Number
    version: Number
    age_ms: Number
    state: SoftState


class _Said(msgspec.Struct, frozen=True, gc=False, tag_field="say", forbid_unknown_fields=True):
    pass


class Ping(_Said, frozen=True, gc=False, tag="ping"):
    """Answer with an `Ack` of the same number."""

    probe: Number


class Ack(_Said, frozen=True, gc=False, tag="ack"):
    """The sender, or the member that it was asked to ping, answers."""

    probe: Number


class PingFor(_Said, frozen=True, gc=False, tag="ping_for"):
    """Ping `target` and pass its `Ack` on; say `Nack` while `patience_ms` is not yet over."""

    probe: Number
    target: NodeId
    patience_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)]


class Nack(_Said, frozen=True, gc=False, tag="nack"):
    """The sender lives, but had no answer of the member that it was asked to ping."""

    probe: Number


Word = Ping | Ack | PingFor | Nack


class Talk(_Said, frozen=True, gc=False, tag="talk"):
    """A word of probing, or none, and news."""

    word: Word | None
    statements: Annotated[tuple[Statement, ...], msgspec.Meta(max_length=MAX_NEWS)]
    soft: Annotated[tuple[Soft, ...], msgspec.Meta(max_length=MAX_NEWS_SOFT)] = ()


class Compare(_Said, frozen=True, gc=False, tag="compare"):
    """All that the sender believes, and which soft states it has; answered by a `Fill`."""

    statements: Annotated[tuple[Statement, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    versions: Annotated[
        tuple[tuple[NodeId, Number, Number], ...], msgspec.Meta(max_length=MAX_MEMBERS)
    ]


class Fill(_Said, frozen=True, gc=False, tag="fill"):
    """What the receiver lacked; the soft states that it is to send back are of `wants`."""

    statements: Annotated[tuple[Statement, ...], msgspec.Meta(max_length=MAX_MEMBERS)]
    soft: Annotated[tuple[Soft, ...], msgspec.Meta(max_length=MAX_FILL_SOFT)] = ()
    wants: Annotated[tuple[NodeId, ...], msgspec.Meta(max_length=MAX_FILL_SOFT)] = ()


GossipMessage = Talk | Compare | Fill
