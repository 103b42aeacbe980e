"""Who may ask what at the peers' port, by the member record as it is at every moment.

Whoever has no certificate may ask to join; members may look and have their certificates renewed;
nodes may get and bring blobs; operators may act. The record is looked up before a request is
answered, and every second while it is: an answer under way (an event stream, a blob) breaks off
when its member is turned away.
"""

from collections import Counter
from collections.abc import Callable

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringrift.node.cluster.members import MACHINES
from ringrift.node.cluster.state import ClusterState
from ringrift.node.net.guard import RequestError, error_response
from ringrift.node.net.pki import Subject
from ringrift.node.runtime.clock import Clock

JOIN, RENEW, BLOBS = "/join", "/renew", "/blobs/"
LOOKING = ("GET", "HEAD")
MOST_AT_ONCE = 32
"""Requests of one member that are answered at once, event streams among them."""
LOOK_S = 1.0
BODY_S = 10.0
"""In which the whole body of a request must have come."""


def turned_away(state: ClusterState, subject: Subject) -> str | None:
    """Why the owner of a certificate is nobody in this cluster, None for a member."""
    row = state.members.rows.get(subject.node)
    if row is None:
        return f"{subject.node} is no member of this cluster (any more)"
    if row.revoked is not None:
        return (
            f"{subject.node} was revoked (log #{row.revoked}): nobody here talks to it again; what "
            "is to come back needs another data directory and a new token"
        )
    if row.key != subject.fingerprint:
        return f"{subject.node} is known here by another key than this certificate's"
    return None


def refusal(
    state: ClusterState, subject: Subject | None, method: str, path: str
) -> RequestError | None:
    """Why a request is not answered, None when it is."""
    if path == JOIN:
        return None
    if subject is None:
        return RequestError(
            401, "this is for members: show a certificate of this cluster (see `ringrift join`)"
        )
    if state.index == 0:
        return RequestError(503, "this node knows nothing of the cluster yet; ask again soon")
    away = turned_away(state, subject)
    if away is not None:
        return RequestError(403, away)
    role = state.members.rows[subject.node].role
    if path.startswith(BLOBS):
        if role in MACHINES:
            return None
        return RequestError(403, f"{subject.node} is a {role}, and blobs are for machines")
    if method in LOOKING or path == RENEW or role == "operator":
        return None
    return RequestError(403, f"{subject.node} is a {role}, and may look only: operators act")


class Admittance:
    """An app behind the door: ASGI with the `Door`'s `subject` and `hang_up` in its state."""

    def __init__(self, app: ASGIApp, state: Callable[[], ClusterState], clock: Clock) -> None:
        self.under_way: Counter[str] = Counter()
        self._app, self._state, self._clock = app, state, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        subject: Subject | None = scope["state"]["subject"]
        member = "" if subject is None else subject.node
        refused = self._refusal(scope)
        if refused is None and subject is not None and self.under_way[member] >= MOST_AT_ONCE:
            refused = RequestError(429, f"{MOST_AT_ONCE} requests of {member} are under way")
        if refused is not None:
            await error_response(refused.status, str(refused))(scope, receive, send)
            return
        self.under_way[member] += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, scope)
                await self._app(scope, self._in_time(scope, receive), send)
                nursery.cancel_scope.cancel()
        finally:
            self.under_way[member] -= 1
            self.under_way += Counter()  # forgets who has none

    def _refusal(self, scope: Scope) -> RequestError | None:
        subject: Subject | None = scope["state"]["subject"]
        return refusal(self._state(), subject, scope["method"], scope["path"])

    async def _watch(self, scope: Scope) -> None:
        while self._refusal(scope) is None:
            await self._clock.sleep(LOOK_S)
        # What was begun cannot be taken back otherwise, and the server shields what it sends.
        await scope["state"]["hang_up"]()

    def _in_time(self, scope: Scope, receive: Receive) -> Receive:
        """What is posted is short: it comes within a while, since so few are let in at once."""
        if scope["method"] != "POST":
            return receive
        until = self._clock.now() + BODY_S

        async def receive_in_time() -> Message:
            with self._clock.at_most(until - self._clock.now()):
                return await receive()
            raise RequestError(408, f"the body did not come within {BODY_S:g} s")

        return receive_in_time
