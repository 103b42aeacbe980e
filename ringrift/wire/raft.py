"""What voters say to each other: Raft's messages (Ongaro's thesis, chapters 3, 4, 6 and 9).

Every message carries the sender's term, except that a pre-vote request carries the term its sender
would campaign in, and a granted pre-vote repeats it.
"""

from typing import Annotated

import msgspec

from ringrift.wire.log import Entry

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
NodeId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]

MAX_APPEND_ENTRIES = 256
"""Most entries of one append."""
MAX_APPEND_BYTES = 512 * 1024
"""An append closes with the entry whose command reaches this many bytes."""
MAX_SNAPSHOT_CHUNK_BYTES = 256 * 1024


class _Message(msgspec.Struct, frozen=True, gc=False, tag_field="raft", forbid_unknown_fields=True):
    pass


class RequestVote(_Message, frozen=True, gc=False, tag="request_vote"):
    """Ask for a vote in `term`, for a log that ends at (`last_index`, `last_term`).

    `pre` asks whether it would be given, and binds nobody. `forced` follows a leader's own
    `TimeoutNow`: it need not wait until the leader has fallen silent.
    """

    term: Number
    last_index: Number
    last_term: Number
    pre: bool = False
    forced: bool = False


class VoteReply(_Message, frozen=True, gc=False, tag="vote_reply"):
    """The answer to a `RequestVote` with the same `pre`."""

    term: Number
    granted: bool
    pre: bool = False


class Append(_Message, frozen=True, tag="append"):
    """Entries that follow (`prev_index`, `prev_term`) in the leader's log; none is a heartbeat.

    `commit` is the leader's commit index. `round` numbers the leader's broadcasts of a term: who
    answers it has followed the leader since the round began.
    """

    term: Number
    prev_index: Number
    prev_term: Number
    commit: Number
    round: Number
    entries: Annotated[tuple[Entry, ...], msgspec.Meta(max_length=MAX_APPEND_ENTRIES)] = ()


class AppendReply(_Message, frozen=True, gc=False, tag="append_reply"):
    """The answer to an `Append`, with its `prev_index` and `round`.

    Accepted: the follower's log equals the leader's up to `index`, durably. Refused: `prev_index`
    does not fit; they can agree at `index` (of term `hint_term`) at the most.
    """

    term: Number
    accepted: bool
    prev_index: Number
    round: Number
    index: Number
    hint_term: Number = 0


class SnapshotChunk(_Message, frozen=True, tag="snapshot_chunk"):
    """Part `number` (from 0) of the leader's snapshot up to entry `index`; `final` is the last."""

    term: Number
    index: Number
    number: Number
    final: bool
    data: Annotated[bytes, msgspec.Meta(max_length=MAX_SNAPSHOT_CHUNK_BYTES)]


class SnapshotAck(_Message, frozen=True, gc=False, tag="snapshot_ack"):
    """All parts below `number` of the snapshot that ends at entry `index` have come."""

    term: Number
    index: Number
    number: Number


class TimeoutNow(_Message, frozen=True, gc=False, tag="timeout_now"):
    """The leader hands over: campaign at once."""

    term: Number


RaftMessage = (
    RequestVote | VoteReply | Append | AppendReply | SnapshotChunk | SnapshotAck | TimeoutNow
)


def follows(append: Append) -> bool:
    """Whether an append's entries follow its `prev_index` and each other, in index and in term."""
    index, term = append.prev_index, append.prev_term
    for entry in append.entries:
        if entry.index != index + 1 or not term <= entry.term <= append.term:
            return False
        index, term = entry.index, entry.term
    return True
