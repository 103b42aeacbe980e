"""What two nodes say to each other on their stream, by class of urgency.

A stream begins with one `Hello` each way. After it, both sides may say anything of any class,
whoever dialled. Requests carry a number of the asker's choice, which the answer repeats.
"""

from typing import Annotated, Literal

import msgspec

from ringrift.wire.gossip import GossipMessage
from ringrift.wire.log import Entry
from ringrift.wire.raft import NodeId, Number, RaftMessage

Text = Annotated[str, msgspec.Meta(max_length=500)]
MAX_CLAIMS = 256
MAX_FEED_ENTRIES = 256
FEED_AHEAD = 16
"""Messages of a feed that may be under way: the feeding node waits for `Taken` beyond that."""


class _Peer(msgspec.Struct, frozen=True, gc=False, tag_field="say", forbid_unknown_fields=True):
    pass


class Hello(_Peer, frozen=True, gc=False, tag="hello"):
    """Who is here, in which of its lives (`boot`); `version` is for people, `format` the newest
    form of this protocol that it speaks."""

    node: NodeId
    boot: Number
    version: Text
    format: Number


class Alive(_Peer, frozen=True, gc=False, tag="alive"):
    """Nothing but that the sender lives; said when there was nothing else to say for a while."""


class Consensus(_Peer, frozen=True, gc=False, tag="consensus"):
    """A message of Raft."""

    message: RaftMessage


class Gossip(_Peer, frozen=True, gc=False, tag="gossip"):
    """Who lives, and how each node is."""

    message: GossipMessage


class Propose(_Peer, frozen=True, gc=False, tag="propose"):
    """Have a command decided, as `Replica.propose` says; answered by `Proposed` or `NotProposed`.

    `result` there is the msgpack of a `cluster.results.Result`.
    """

    request: Number
    session: Number
    seq: Number
    command: Annotated[bytes, msgspec.Meta(max_length=128 * 1024)]


class Proposed(_Peer, frozen=True, gc=False, tag="proposed"):
    """The command was decided, and first took effect at `index`."""

    request: Number
    index: Number
    result: bytes


class Barrier(_Peer, frozen=True, gc=False, tag="barrier"):
    """Ask up to which index all is decided now; answered by `Decided` or `NotProposed`."""

    request: Number


class Decided(_Peer, frozen=True, gc=False, tag="decided"):
    """Everything that was decided before the question is at or below `index`."""

    request: Number
    index: Number


class NotProposed(_Peer, frozen=True, gc=False, tag="not_proposed"):
    """No answer: this node does not lead (`leader` may), or whether it was done is `unknown`, or
    the command is `refused` for the reason in `text`."""

    request: Number
    why: Literal["not_leader", "unknown", "refused"]
    leader: NodeId | None = None
    text: Text = ""


class Renew(_Peer, frozen=True, gc=False, tag="renew"):
    """Renew the leases of the asking node's claims, as (item, claim); answered by `Renewed`."""

    request: Number
    claims: Annotated[tuple[tuple[Number, Number], ...], msgspec.Meta(max_length=MAX_CLAIMS)]


class Renewed(_Peer, frozen=True, gc=False, tag="renewed"):
    """Those of the claims that are not the asking node's (any more)."""

    request: Number
    stale: Annotated[tuple[tuple[Number, Number], ...], msgspec.Meta(max_length=MAX_CLAIMS)]


class Follow(_Peer, frozen=True, gc=False, tag="follow"):
    """Feed the asking node every applied entry after an index, until it asks anew or hangs up.

    The answer opens with a `Fed` that says so; what comes before that answers an earlier question.
    """

    after_index: Number


class Taken(_Peer, frozen=True, gc=False, tag="taken"):
    """So many messages of the feed, from the opening one on, have been taken in."""

    messages: Number


class Fed(_Peer, frozen=True, tag="fed"):
    """The next entries of the feed; `commit` and `term` are the feeding node's now.

    So is `leader`, but of a node that is fed itself: `age_ms` is how long ago a voter said so.
    """

    entries: Annotated[tuple[Entry, ...], msgspec.Meta(max_length=MAX_FEED_ENTRIES)]
    commit: Number
    term: Number
    leader: NodeId | None
    opening: bool = False
    age_ms: Number = 0


class FedSnapshot(_Peer, frozen=True, gc=False, tag="fed_snapshot"):
    """The next part of a snapshot, for a follower too far behind; entries follow the final one.

    Part 0 begins a snapshot, also one in place of another that was not finished.
    """

    final: bool
    data: Annotated[bytes, msgspec.Meta(max_length=256 * 1024)]
    number: Number = 0


PeerMessage = (
    Hello
    | Alive
    | Consensus
    | Gossip
    | Propose
    | Proposed
    | Barrier
    | Decided
    | NotProposed
    | Renew
    | Renewed
    | Follow
    | Taken
    | Fed
    | FedSnapshot
)
