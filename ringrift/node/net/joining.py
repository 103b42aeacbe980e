"""The one thing that is done for who has no certificate: letting newcomers in by a token.

`POST /join` at the peers' port. The token's hash is used up by the very command that admits the
key, so a token lets one key in; the same key may ask again, and gets another certificate.
"""

import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringrift.node.cluster.commands import AdmitMember, Command
from ringrift.node.cluster.members import MACHINES
from ringrift.node.cluster.results import Refused
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.replica import Proposed, ReplicaError
from ringrift.node.net import pki
from ringrift.node.net.credentials import Credentials
from ringrift.node.net.guard import RequestError, error_response, json_response
from ringrift.wire.join import MAX_JOIN_BYTES, JoinReply, JoinRequest, Place

MOST_AT_ONCE = 4
MOST_A_MINUTE = 60
"""Attempts that are looked at; guessing 32 random bytes is hopeless, but each costs a signature."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("join")


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """What is needed to let somebody in: this node's id, its cluster, its state, its signer."""

    node: str
    incarnation: str
    state: Callable[[], ClusterState]
    propose: Callable[[Command], Awaitable[Proposed]]
    credentials: Callable[[], Credentials]
    now: Callable[[], dt.datetime]

    async def admit(self, wish: JoinRequest) -> JoinReply:
        """Let a newcomer in; raises RequestError with the status and the sentence it is told."""
        credentials = self.credentials()
        if credentials.signer is None:
            raise RequestError(503, f"{self.node} cannot sign certificates; ask another voter")
        try:
            key = pki.requested(wish.request.encode())
        except pki.CertificateError as error:
            raise RequestError(400, f"request: {error}") from error
        seen = pki.fingerprint(key)
        member = f"{wish.name}-{seen[:6]}"
        secret = hashlib.sha256(bytes.fromhex(wish.secret)).hexdigest()
        command = AdmitMember(by=self.node, token=secret, member=member, name=wish.name, key=seen)
        try:
            result = (await self.propose(command)).result
        except ReplicaError as error:
            raise RequestError(503, f"nothing can be decided now: {error}") from error
        if isinstance(result, Refused):
            log.warning("a newcomer was refused", name=wish.name, reason=result.reason)
            raise RequestError(403, result.reason)
        row = self.state().members.rows[member]
        serves = row.role in MACHINES
        certificate = pki.issue_node(credentials.signer, member, key, self.now(), serves=serves)
        chain = pki.pem_of(certificate, credentials.signer.certificate).decode()
        log.info("a newcomer was let in", member=member, role=row.role)
        state = self.state()
        timing = state.charter.agreed.timing
        return JoinReply(member, row.role, self.incarnation, timing, chain, places_of(state))


def places_of(state: ClusterState) -> dict[str, tuple[Place, ...]]:
    """Where the voters accept streams, as far as they have said."""
    places: dict[str, tuple[Place, ...]] = {}
    for voter in state.voters:
        row = state.members.rows.get(voter)
        if row is not None and row.life is not None and row.life.reach.addresses:
            places[voter] = tuple(Place(at.host, at.port) for at in row.life.reach.addresses)
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


def join_app(doorkeeper: Doorkeeper, now: Callable[[], float]) -> Starlette:
    """What is answered over HTTPS to those without a certificate."""
    rate = Rate(now)
    at_work = 0

    async def join(request: Request) -> Response:
        nonlocal at_work
        if at_work >= MOST_AT_ONCE or not rate.allows():
            return error_response(429, "too many are at the door; try again in a minute")
        at_work += 1
        try:
            reply = await doorkeeper.admit(await _wish(request))
        except RequestError as error:
            return error_response(error.status, str(error))
        finally:
            at_work -= 1
        return json_response(reply)

    return Starlette(routes=[Route("/join", join, methods=["POST"])])


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
    try:
        return msgspec.json.decode(body, type=JoinRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise RequestError(400, f"the body is no join request: {reason}") from error
