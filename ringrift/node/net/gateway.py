"""This node's way to the leader: its own voter if that leads, the leader's link if not."""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from ringrift.node.cluster.commands import Command, CommandError, encode_command
from ringrift.node.cluster.results import Result
from ringrift.node.consensus.replica import NotLeaderError, OutcomeUnknownError, Proposed
from ringrift.node.control.leases import ClaimKey
from ringrift.node.net.asking import Answer, Asking
from ringrift.node.net.link import Link
from ringrift.wire import peer as p

_decode_result = msgspec.msgpack.Decoder[Result](Result).decode


class Here(Protocol):
    """What a leader does for others; asked of this process while its own voter leads."""

    async def propose(self, session: int, seq: int, command: Command) -> Proposed: ...

    async def read_barrier(self) -> int: ...

    def renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]: ...


class Gateway:
    """Asks whoever leads; the leader is `here` when `leader` names this node."""

    def __init__(
        self,
        node: str,
        here: Here | None,
        leader: Callable[[], str | None],
        link_to: Callable[[str], Link | None],
        asking: Asking,
    ) -> None:
        self._node, self._here, self._leader = node, here, leader
        self._link_to, self._asking = link_to, asking

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
        answer = await self._ask(lambda number: p.Renew(number, claims))
        if not isinstance(answer, p.Renewed):
            raise OutcomeUnknownError
        return answer.stale

    async def _ask(self, question: Callable[[int], p.PeerMessage]) -> Answer:
        leader = self._leader()
        link = None if leader in (None, self._node) else self._link_to(leader)
        if link is None:
            raise NotLeaderError(leader)
        answer = await self._asking.ask(link, question)
        if isinstance(answer, p.NotProposed):
            match answer.why:
                case "not_leader":
                    raise NotLeaderError(answer.leader)
                case "unknown":
                    raise OutcomeUnknownError
                case "refused":
                    raise CommandError(answer.text)
        return answer
