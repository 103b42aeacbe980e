"""Proposing through elections: ask again until somebody leads and answers."""

from ringrift.node.cluster.commands import Command
from ringrift.node.consensus.replica import (
    NotLeaderError,
    OutcomeUnknownError,
    Proposed,
    Proposes,
)
from ringrift.node.runtime.clock import Clock

RETRY_S = 0.05
"""Between two tries; an election of the fastest profile takes some six of them."""


class Patient:
    """Repeats every proposal as long as there is no leader, or none that answers.

    A command in a session runs once however often it is repeated; an `OpenSession` that is repeated
    may leave a session that nobody uses, which expires.
    """

    def __init__(self, replica: Proposes, clock: Clock) -> None:
        self._replica = replica
        self._clock = clock

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`; raises CommandError and ReplicaStoppedError only."""
        while True:
            try:
                return await self._replica.propose(session, seq, command)
            except (NotLeaderError, OutcomeUnknownError):
                await self._clock.sleep(RETRY_S)
