"""Moments at which a process is best ended: it has just said, or begun, what it must not forget."""

from collections.abc import Iterator
from typing import Literal, get_args

from ringrift.node.consensus.chores import Store, Write
from ringrift.node.consensus.host import Step
from ringrift.wire.raft import VoteReply

Moment = Literal["leadership", "vote", "decision", "answer", "truncation", "change", "snapshot"]
"""It came to lead, granted a vote, applied something decided, answered a client; or it truncates
its log, has new voters in it, or has the last part of a leader's snapshot."""

_OFTEN: tuple[Moment, ...] = ("vote", "leadership", "truncation", "snapshot")
MOMENTS: tuple[Moment, ...] = (*get_args(Moment), *_OFTEN, *_OFTEN)
"""As often as they are waited for: what is rarer, or worse to forget, more often."""


def moments_of(step: Step) -> Iterator[Moment]:
    """The moments that a step brings; of leaderships it knows nothing."""
    if step.applied:
        yield "decision"
    if step.answers:
        yield "answer"
    for envelope in step.send:
        match envelope.message:
            case VoteReply(granted=True, pre=False):
                yield "vote"
            case _:
                pass
    for chore in step.chores:
        match chore:
            case Write(ready=ready):
                if ready.truncate_after is not None:
                    yield "truncation"
                if any(entry.voters is not None for entry in ready.entries):
                    yield "change"
            case Store(received=True, final=True):
                yield "snapshot"
            case _:
                pass
