"""A client's side of a session: numbers its commands so that each runs once at most.

Used by whatever proposes: the worker, the controllers, the operators' actions. One session per user
of it and process; it keeps within the 64 numbers that the state remembers.
"""

import trio

from ringrift.node.cluster.commands import Command, OpenSession
from ringrift.node.cluster.results import SessionLost, SessionOpened
from ringrift.node.cluster.sessions import WINDOW
from ringrift.node.consensus.replica import Proposed, Proposes, ReplicaError
from ringrift.wire.log import NO_SESSION


class SessionLostError(ReplicaError):
    """The session has ended (expired, or its node started anew); the command did not run now."""


class Session:
    """An open session of `owner` in its life `boot`."""

    def __init__(self, replica: Proposes, number: int) -> None:
        self._replica = replica
        self.number = number
        self._last = 0
        self._outstanding: set[int] = set()
        self._room = trio.lowlevel.ParkingLot()

    @staticmethod
    async def open(replica: Proposes, owner: str, boot: int) -> "Session":
        """Open one; raises SessionLostError when a later life of the owner has one already."""
        command = OpenSession(owner=owner, boot=boot)
        opened = (await replica.propose(NO_SESSION, 0, command)).result
        if not isinstance(opened, SessionOpened):
            raise SessionLostError(f"No session for {owner}: {opened}.")
        return Session(replica, opened.session)

    async def propose(self, command: Command) -> Proposed:
        """Have a command decided (see `Replica.propose`); raises SessionLostError besides."""
        while self._outstanding and self._last + 1 - min(self._outstanding) >= WINDOW:
            await self._room.park()
        self._last += 1
        seq = self._last
        self._outstanding.add(seq)
        try:
            proposed = await self._replica.propose(self.number, seq, command)
        finally:
            self._outstanding.discard(seq)
            self._room.unpark_all()
        if isinstance(proposed.result, SessionLost):
            raise SessionLostError(proposed.result.reason)
        return proposed
