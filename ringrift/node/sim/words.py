"""What Raft's machines say and want, in short lines for people who read a trace.

An entry is written `index/term`, a run of them `first..last`.
"""

from collections.abc import Iterator, Sequence

from ringrift.node.consensus.raft.core import Raft
from ringrift.node.consensus.raft.ready import HardState, Read, Ready
from ringrift.wire.log import Entry
from ringrift.wire.raft import (
    Append,
    AppendReply,
    RaftMessage,
    RequestVote,
    SnapshotAck,
    SnapshotChunk,
    TimeoutNow,
    VoteReply,
)

MOST_TOLD = 4
"""Most applied entries of which the trace tells what they say."""


def message_words(message: RaftMessage) -> str:
    """One message, without who sends it to whom."""
    match message:
        case RequestVote():
            kind = "pre " if message.pre else "forced " if message.forced else ""
            log = f"{message.last_index}/{message.last_term}"
            return f"RequestVote {kind}term {message.term} log {log}"
        case VoteReply():
            pre = "pre " if message.pre else ""
            return f"VoteReply {pre}term {message.term} {_verdict(message.granted)}"
        case Append():
            return (
                f"Append term {message.term} prev {message.prev_index}/{message.prev_term} "
                f"{entries_words(message.entries)}commit {message.commit} round {message.round}"
            )
        case AppendReply():
            return _append_reply_words(message)
        case SnapshotChunk():
            final = " (the last)" if message.final else ""
            return (
                f"Snapshot term {message.term} up to {message.index} part {message.number}{final}"
            )
        case SnapshotAck():
            return f"SnapshotAck term {message.term} up to {message.index} wants {message.number}"
        case TimeoutNow():
            return f"TimeoutNow term {message.term}"


def _verdict(granted: bool) -> str:
    return "granted" if granted else "refused"


def _append_reply_words(reply: AppendReply) -> str:
    result = (
        f"has all up to {reply.index}"
        if reply.accepted
        else f"refused, may agree at {reply.index}/{reply.hint_term}"
    )
    return f"AppendReply term {reply.term} prev {reply.prev_index} {result} round {reply.round}"


def entries_words(entries: Sequence[Entry]) -> str:
    """A run of entries with a space behind it, nothing for none."""
    if not entries:
        return ""
    first, last = entries[0], entries[-1]
    if first is last:
        return f"entry {first.index}/{first.term} "
    return f"entries {first.index}/{first.term}..{last.index}/{last.term} "


def command_words(entry: Entry) -> str:
    """What an entry says."""
    if entry.voters is not None:
        return "voters " + " ".join(entry.voters)
    return entry.command.decode() or "blank"


def applied_words(entries: Sequence[Entry]) -> str:
    """Entries that are applied: what a few of them say, or how far many reach."""
    if len(entries) > MOST_TOLD:
        return entries_words(entries).rstrip()
    return ", ".join(f"{e.index}/{e.term} {command_words(e)}" for e in entries)


def write_words(ready: Ready) -> Iterator[str]:
    """What a `Ready` wants on disk, a line for each kind of write."""
    if ready.hard_state is not None:
        yield f"writes {vote_words(ready.hard_state)}"
    if ready.restart is not None:
        yield f"begins its log anew after {ready.restart.index}/{ready.restart.term}"
    if ready.truncate_after is not None:
        yield f"cuts its log after {ready.truncate_after}"
    if ready.entries:
        yield f"writes {entries_words(ready.entries)}".rstrip()


def vote_words(hard_state: HardState) -> str:
    """A term and the vote given in it."""
    vote = f" vote {hard_state.voted_for}" if hard_state.voted_for else ""
    return f"term {hard_state.term}{vote}"


def read_words(read: Read) -> str:
    """The answer to a read."""
    return f"read {read.token} {'lost' if read.index is None else f'holds at {read.index}'}"


def role_words(raft: Raft) -> str:
    """Role, term and leader."""
    following = f" of {raft.leader}" if raft.role == "follower" and raft.leader else ""
    return f"{raft.role}{following} term {raft.term}"


def machine_words(raft: Raft) -> str:
    """All that counts about a machine; its log begins after the entry in brackets."""
    tail = raft.tail
    log = " ".join(f"{e.index}/{e.term}" for e in tail.between(tail.origin.index, tail.last_index))
    origin = f"({tail.origin.index}/{tail.origin.term})" if tail.origin.index else ""
    vote = f" voted {raft.voted_for}" if raft.voted_for else ""
    return (
        f"{role_words(raft)}{vote}, log {' '.join(filter(None, [origin, log])) or 'empty'}, "
        f"commit {tail.commit} applied {tail.applied} durable {raft.durable_index}, "
        f"voters {' '.join(tail.voters) or 'unknown'}"
    )
