"""This node's way to the leader: its own voter if that leads, the leader's link if not.

Who leads is known from the own replica, once it has one that hears of it; before that, any linked
peer is asked, and says whom to ask.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

import msgspec

from ringrift.node.cluster.commands import Command, CommandError, encode_command
from ringrift.node.cluster.results import Result
from ringrift.node.consensus.replica import (
    NotLeaderError,
    OutcomeUnknownError,
    Proposed,
    Proposes,
    Replica,
)
from ringrift.node.control.leases import ClaimKey
from ringrift.node.net.asking import Answer, Asking
from ringrift.node.net.link import Link
from ringrift.wire import peer as p

_decode_result = msgspec.msgpack.Decoder[Result](Result).decode


class Here(Protocol):
    """What a leader does for others; asked of this process while its own voter leads."""

    @property
    def leader_id(self) -> str | None: ...

    async def propose(self, session: int, seq: int, command: Command) -> Proposed: ...

    async def read_barrier(self) -> int: ...

    def renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]:
        """Renew a node's leases; returns its stale claims. Raises NotLeaderError."""
        ...


class Everywhere(Proposes):
    """Proposes to whoever leads, and returns once it is applied here as well."""

    def __init__(self, gateway: Callable[[], "Gateway"], replica: Replica) -> None:
        self._gateway, self._replica = gateway, replica

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`."""
        done = await self._gateway().propose(session, seq, command)
        await self._replica.feed(done.index - 1).more()
        return done


class Gateway:
    """Asks whoever leads; `leader` is whom the own replica follows, `here` is its own voter."""

    def __init__(
        self,
        node: str,
        leader: Callable[[], str | None],
        links: Mapping[str, Link],
        asking: Asking,
        here: Here | None = None,
    ) -> None:
        self._node, self._leader, self._here = node, leader, here
        self._links, self._asking = links, asking
        self._hint: str | None = None
        self._asked = 0

    async def propose(self, session: int, seq: int, command: Command) -> Proposed:
        """See `Replica.propose`."""
        if self._here is not None and self._leader() == self._node:
            return await self._here.propose(session, seq, command)
        data = encode_command(command)
        answer = await self._ask(lambda number: p.Propose(number, session, seq, data))
        if not isinstance(answer, p.Proposed):
            raise OutcomeUnknownError
        return Proposed(answer.index, _decode_result(answer.result))

    async def barrier(self) -> int:
        """The index up to which all is decided now; raises NotLeaderError, OutcomeUnknownError."""
        if self._here is not None and self._leader() == self._node:
            return await self._here.read_barrier()
        answer = await self._ask(p.Barrier)
        if not isinstance(answer, p.Decided):
            raise OutcomeUnknownError
        return answer.index

    async def renew(self, claims: tuple[ClaimKey, ...]) -> tuple[ClaimKey, ...]:
        """Renew this node's leases; returns the claims that are not its own (any more).

        Raises NotLeaderError or OutcomeUnknownError: nothing is known of any of them then.
        """
        if self._here is not None and self._leader() == self._node:
            return self._here.renew(self._node, claims)
        stale: tuple[ClaimKey, ...] = ()
        for first in range(0, max(1, len(claims)), p.MAX_CLAIMS):
            some = claims[first : first + p.MAX_CLAIMS]
            answer = await self._ask(partial(p.Renew, claims=some))
            if not isinstance(answer, p.Renewed):
                raise OutcomeUnknownError
            stale += answer.stale
        return stale

    async def _ask(self, question: Callable[[int], p.PeerMessage]) -> Answer:
        link = self._link()
        # One that stopped without hanging up answers nothing; whoever leads now does.
        overtaken = lambda: self._leader() not in (None, link.peer)  # noqa: E731
        answer = await self._asking.ask(link, question, overtaken)
        if not isinstance(answer, p.NotProposed):
            return answer
        match answer.why:
            case "not_leader":
                self._hint = answer.leader
                raise NotLeaderError(answer.leader)
            case "unknown":
                raise OutcomeUnknownError
            case "refused":
                raise CommandError(answer.text)

    def _link(self) -> Link:
        """The leader's link; with no leader known, that of whoever was named or of anybody."""
        leader = self._leader()
        if leader is None:
            leader, self._hint = self._hint, None
        if leader is not None:
            link = self._links.get(leader)
            if link is None:
                raise NotLeaderError(leader)
            return link
        links = [self._links[peer] for peer in sorted(self._links)]
        if not links:
            raise NotLeaderError(None)
        self._asked += 1
        return links[self._asked % len(links)]
