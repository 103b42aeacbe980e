"""One decided command as it stands in the log and travels between nodes, and its bounds."""

import msgspec

MAX_COMMAND_BYTES = 128 * 1024
"""Longest encoded command; with it every row of the state, and every record, is bounded."""

NO_SESSION = 0
"""Session of the commands that need none: opening a session, and a leader's blank entry."""

MAX_VOTERS = 7
"""Most voters of a cluster."""

Voters = tuple[str, ...]
"""Ids of the nodes whose majority decides: sorted, distinct, 1 to `MAX_VOTERS`."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry of the replicated log.

    `at_ms` is the proposer's wall clock (Unix milliseconds): for display and archiving, never for a
    decision of apply. `session` is the log index that opened the session, `seq` the number the
    session's owner gave to the command (from 1); both are 0 on an entry outside any session.
    `command` is a msgpack `ringrift.node.cluster.commands.Command`. `voters`, on an entry that
    changes them, are those who decide from this entry on: as soon as it is in a log, not when it is
    committed.
    """

    index: int
    term: int
    at_ms: int
    session: int
    seq: int
    command: bytes
    voters: Voters | None = None
