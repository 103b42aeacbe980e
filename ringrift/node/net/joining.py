"""The one thing that is done for who has no certificate: letting newcomers in by a token.

`POST /join` at the peers' port. The token's hash is used up by the very command that admits the
key, so a token lets one key in; the same key may ask again, and gets another certificate.
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringrift.node.cluster.commands import AdmitMember, Command
from ringrift.node.cluster.results import Refused
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.replica import Proposed, ReplicaError
from ringrift.node.net import pki
from ringrift.node.net.admittance import JOIN
from ringrift.node.net.guard import RequestError, decoded, json_response
from ringrift.node.net.signing import Signing, key_in
from ringrift.wire.join import MAX_JOIN_BYTES, JoinReply, JoinRequest, Place

MOST_AT_ONCE = 4
MOST_A_MINUTE = 60
"""Attempts that are looked at; guessing 32 random bytes is hopeless, but each costs a signature."""

_decoder = msgspec.json.Decoder(JoinRequest)
log: structlog.stdlib.BoundLogger = structlog.get_logger("join")


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What is needed to let somebody in: the right to sign, the cluster, its state."""

    signing: Signing
    incarnation: str
    state: Callable[[], ClusterState]
    propose: Callable[[Command], Awaitable[Proposed]]

    async def admit(self, wish: JoinRequest) -> JoinReply:
        """Let a newcomer in; raises RequestError with the status and the sentence it is told."""
        self.signing.require()
        key = key_in(wish.request)
        seen = pki.fingerprint(key)
        member = f"{wish.name}-{seen[:6]}"
        secret = hashlib.sha256(bytes.fromhex(wish.secret)).hexdigest()
        me = self.signing.node
        command = AdmitMember(by=me, token=secret, member=member, name=wish.name, key=seen)
        try:
            result = (await self.propose(command)).result
        except ReplicaError as error:
            raise RequestError(503, f"nothing can be decided now: {error}") from error
        if isinstance(result, Refused):
            log.warning("a newcomer was refused", name=wish.name, reason=result.reason)
            raise RequestError(403, result.reason)
        state = self.state()
        role, timing = state.members.rows[member].role, state.charter.agreed.timing
        chain = self.signing.chain(member, key, role)
        log.info("a newcomer was let in", member=member, role=role)
        return JoinReply(member, role, self.incarnation, timing, chain, places_of(state))


def places_of(state: ClusterState) -> dict[str, tuple[Place, ...]]:
    """Where the voters accept streams, as far as they have said."""
    places: dict[str, tuple[Place, ...]] = {}
    for voter in state.voters:
        row = state.members.rows.get(voter)
        if row is not None and row.reach.addresses:
            places[voter] = row.reach.addresses
    return places


class Rate:
    """At most so many a minute, by the clock that is handed in."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since, self._count = now(), 0

    def allows(self) -> bool:
        """Whether one more is within the rate; counts it."""
        if self._now() - self._since >= 60.0:
            self._since, self._count = self._now(), 0
        self._count += 1
        return self._count <= MOST_A_MINUTE


def join_route(doorkeeper: Doorkeeper, now: Callable[[], float]) -> Route:
    """Where those without a certificate ask."""
    rate = Rate(now)
    at_work = 0

    async def join(request: Request) -> Response:
        nonlocal at_work
        if at_work >= MOST_AT_ONCE or not rate.allows():
            raise RequestError(429, "too many are at the door; try again in a minute")
        at_work += 1
        try:
            return json_response(await doorkeeper.admit(await _wish(request)))
        finally:
            at_work -= 1

    return Route(JOIN, join, methods=["POST"])


async def _wish(request: Request) -> JoinRequest:
    too_long = RequestError(413, f"the body is longer than {MAX_JOIN_BYTES} bytes")
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said[:20]) > MAX_JOIN_BYTES:
        raise too_long
    body = b""
    async with aclosing(request.stream()) as parts:
        async for part in parts:
            body += part
            if len(body) > MAX_JOIN_BYTES:
                raise too_long
    return decoded(_decoder, body, "join request")
