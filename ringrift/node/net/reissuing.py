"""New certificates for members: `POST /renew` at the door of a voter that may sign.

The certificate that is shown says who asks, the signing request proves the same key once more. So
nobody becomes anybody by it, and a key that was let in stays the one the member is known by.
"""

from collections.abc import Callable

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringrift.node.cluster.state import ClusterState
from ringrift.node.net import pki
from ringrift.node.net.admittance import RENEW, turned_away
from ringrift.node.net.guard import RequestError, decoded, json_response
from ringrift.node.net.signing import Signing, key_in
from ringrift.wire.join import RenewReply, RenewRequest

_decoder = msgspec.json.Decoder(RenewRequest)
log: structlog.stdlib.BoundLogger = structlog.get_logger("credentials")


def renew_route(signing: Signing, state: Callable[[], ClusterState]) -> Route:
    """Where members ask; behind `Admittance`, so that there is a subject."""

    async def renew(request: Request) -> Response:
        wish = decoded(_decoder, await request.body(), "renewal")
        subject: pki.Subject = request.state.subject
        away = turned_away(state(), subject)
        if away is not None:
            raise RequestError(403, away)
        signing.require()
        key = key_in(wish.request)
        if pki.fingerprint(key) != subject.fingerprint:
            raise RequestError(403, f"the request is not signed with the key of {subject.node}")
        chain = signing.chain(subject.node, key, state().members.rows[subject.node].role)
        log.info("a certificate was renewed", member=subject.node)
        return json_response(RenewReply(chain))

    return Route(RENEW, renew, methods=["POST"])
