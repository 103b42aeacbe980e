"""New certificates for members: `POST /renew` at the door of a voter that may sign.

The certificate that is shown says who asks, the signing request proves the same key once more. So
nobody becomes anybody by it, and a key that was let in stays the one the member is known by.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringrift.node.cluster.members import MACHINES
from ringrift.node.cluster.state import ClusterState
from ringrift.node.net import pki
from ringrift.node.net.admittance import RENEW, turned_away
from ringrift.node.net.credentials import Credentials
from ringrift.node.net.guard import RequestError, json_response
from ringrift.wire.join import RenewReply, RenewRequest

log: structlog.stdlib.BoundLogger = structlog.get_logger("credentials")


@dataclass(frozen=True, slots=True)
class Reissuer:
    """What is needed to renew a certificate: this node's id, its state, its signer, the time."""

    node: str
    state: Callable[[], ClusterState]
    credentials: Callable[[], Credentials]
    now: Callable[[], dt.datetime]

    def renew(self, subject: pki.Subject, wish: RenewRequest) -> RenewReply:
        """The next certificate of a member; raises RequestError with the status and sentence."""
        away = turned_away(self.state(), subject)
        if away is not None:
            raise RequestError(403, away)
        signer = self.credentials().signer
        if signer is None:
            raise RequestError(503, f"{self.node} cannot sign certificates; ask another voter")
        try:
            key = pki.requested(wish.request.encode())
        except pki.CertificateError as error:
            raise RequestError(400, f"request: {error}") from error
        if pki.fingerprint(key) != subject.fingerprint:
            raise RequestError(403, f"the request is not signed with the key of {subject.node}")
        serves = self.state().members.rows[subject.node].role in MACHINES
        certificate = pki.issue_node(signer, subject.node, key, self.now(), serves=serves)
        log.info("a certificate was renewed", member=subject.node)
        return RenewReply(pki.pem_of(certificate, signer.certificate).decode())


def renew_route(reissuer: Reissuer) -> Route:
    """Where members ask; behind `Admittance`, so that there is a subject."""

    async def renew(request: Request) -> Response:
        try:
            wish = msgspec.json.decode(await request.body(), type=RenewRequest)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:300]
            raise RequestError(400, f"the body is no renewal: {reason}") from error
        return json_response(reissuer.renew(request.state.subject, wish))

    return Route(RENEW, renew, methods=["POST"])
