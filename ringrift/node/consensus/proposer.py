"""Proposing for all who live in this process: one session, opened when needed, or when lost."""

import trio

from ringrift.node.cluster.commands import Command
from ringrift.node.consensus.replica import Proposed, Proposes
from ringrift.node.consensus.session import Session, SessionLostError


class Proposer:
    """The session of `owner` in its life `boot`; use it from any number of tasks."""

    def __init__(self, replica: Proposes, owner: str, boot: int) -> None:
        self._replica = replica
        self._owner = owner
        self._boot = boot
        self._session: Session | None = None
        self._opening = trio.Lock()

    async def propose(self, command: Command) -> Proposed:
        """Have a command decided; raises what `Replica.propose` does.

        A lost session (an idle one expires) means that the command did not run, so it may be
        proposed in a new one. A session lost twice is an error: a later life of the owner is here.
        """
        session = await self._open()
        try:
            return await session.propose(command)
        except SessionLostError:
            if self._session is session:
                self._session = None
        return await (await self._open()).propose(command)

    async def _open(self) -> Session:
        async with self._opening:
            if self._session is None:
                self._session = await Session.open(self._replica, self._owner, self._boot)
            return self._session
