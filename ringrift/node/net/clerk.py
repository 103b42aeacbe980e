"""Answers what peers ask of a leader, or sends them on to the one who leads."""

from collections.abc import Callable

import msgspec
import trio

from ringrift.node.cluster.commands import Command, CommandError, decode_command
from ringrift.node.consensus.replica import (
    NotLeaderError,
    OutcomeUnknownError,
    ReplicaStoppedError,
)
from ringrift.node.net.gateway import Here
from ringrift.node.net.link import Link
from ringrift.wire import peer as p

MAX_AT_WORK = 2_048
"""Questions answered at once; beyond that askers are told to ask again."""

_encode_result = msgspec.msgpack.Encoder().encode

Question = p.Propose | p.Barrier | p.Renew


class Clerk:
    """Answers questions in tasks of a nursery.

    `forbids(peer, session, command)` says why a peer may not propose a command, or None; it raises
    NotLeaderError or OutcomeUnknownError where that is not for this node to judge (yet).
    """

    def __init__(self, here: Here, forbids: Callable[[str, int, Command], str | None]) -> None:
        self._here, self._forbids = here, forbids
        self._at_work = 0

    def take(self, nursery: trio.Nursery, link: Link, question: Question) -> None:
        """Have a question answered on its link."""
        if isinstance(question, p.Renew):
            self._renew(link, question)
        elif self._at_work >= MAX_AT_WORK:
            link.say(p.NotProposed(question.request, "unknown"))
        else:
            self._at_work += 1
            nursery.start_soon(self._answer, link, question)

    def _renew(self, link: Link, question: p.Renew) -> None:
        try:
            stale = self._here.renew(link.peer, question.claims)
        except NotLeaderError as error:
            link.say(p.NotProposed(question.request, "not_leader", error.leader_id))
        else:
            link.say(p.Renewed(question.request, stale))

    async def _answer(self, link: Link, question: p.Propose | p.Barrier) -> None:
        number = question.request
        try:
            link.say(await self._answer_to(link.peer, question))
        except NotLeaderError as error:
            link.say(p.NotProposed(number, "not_leader", error.leader_id))
        except (OutcomeUnknownError, ReplicaStoppedError):
            link.say(p.NotProposed(number, "unknown"))
        except CommandError as error:
            link.say(p.NotProposed(number, "refused", None, str(error)[:500]))
        finally:
            self._at_work -= 1

    async def _answer_to(self, peer: str, question: p.Propose | p.Barrier) -> p.PeerMessage:
        if isinstance(question, p.Barrier):
            return p.Decided(question.request, await self._here.read_barrier())
        command = decode_command(question.command)
        forbidden = self._forbids(peer, question.session, command)
        if forbidden is not None:
            raise CommandError(forbidden)
        done = await self._here.propose(question.session, question.seq, command)
        return p.Proposed(question.request, done.index, _encode_result(done.result))
