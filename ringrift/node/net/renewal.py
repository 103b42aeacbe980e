"""This node's own certificate over time: renewed at two thirds of its life, and why nobody talks to
a node that was turned away. One loop, `credentials`.

Both are asked over HTTPS at the doors of other nodes: a stream of peers is closed without a word.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx
import msgspec
import structlog

from ringrift.node.cluster.state import ClusterState
from ringrift.node.net import pki
from ringrift.node.net.admittance import RENEW, turned_away
from ringrift.node.net.credentials import CHAIN, Credentials, put
from ringrift.node.net.mesh import Address
from ringrift.node.net.pki import Subject, answering
from ringrift.node.net.tls import Contexts
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Pulse
from ringrift.wire.join import RenewReply, RenewRequest
from ringrift.wire.views import ErrorView

CHECK_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 300.0
"""Between two tries of what does not go well; doubled every time."""
UNHEALTHY_DAYS = 5.0
MOST_ASKED = 8
ANSWER_S = 5.0
MAX_ANSWER_BYTES = 64 * 1024

log: structlog.stdlib.BoundLogger = structlog.get_logger("credentials")


class DoorError(Exception):
    """What was asked at another node's door was not answered: one sentence, and the status of a
    refusal, None when there was no answer."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


Ask = Callable[[str, Address, str, str, bytes], Awaitable[bytes]]
"""`ask(node, address, method, path, body)` at a node's door; raises DoorError."""


class Holder(Protocol):
    """Whose credentials they are: the `Peers` of this node."""

    credentials: Credentials
    contexts: Contexts

    def knows(self, subject: Subject, /) -> bool: ...
    def linked(self) -> frozenset[str]: ...
    def wanted(self) -> Mapping[str, Sequence[Address]]: ...


class Renewal:
    """Keeps the credentials of `holder` good, in memory and in `directory`."""

    def __init__(
        self,
        holder: Holder,
        directory: Path,
        state: Callable[[], ClusterState],
        ask: Ask,
        now: Callable[[], dt.datetime],
        clock: Clock,
        blocking: Blocking,
    ) -> None:
        self.renewed = 0
        self._holder, self._directory, self._state = holder, directory, state
        self._ask, self._now, self._clock, self._blocking = ask, now, clock, blocking

    async def run(self, pulse: Pulse) -> None:
        """Look at both until cancelled."""
        pause, trouble, away = FIRST_PAUSE_S, "", ""
        while True:
            self._report(pulse, trouble, away)
            await self._clock.sleep(pause)
            trouble, away = await self._renew(), await self._turned_away()
            pause = min(2 * pause, LONGEST_PAUSE_S) if trouble or away else CHECK_S

    def _report(self, pulse: Pulse, trouble: str, away: str) -> None:
        days = self._holder.credentials.days_left(self._now())
        left = f"the certificate is good for {days:.1f} days"
        pulse.ran(
            {"days_left": round(days, 2), "renewed": self.renewed},
            away or (f"{left}; {trouble}" if trouble else left),
            well=days >= UNHEALTHY_DAYS and not away,
        )

    async def _renew(self) -> str:
        """Renew the certificate if it is time; returns why that failed."""
        mine, now = self._holder.credentials, self._now()
        if not mine.renewal_due(now):
            return ""
        try:
            if mine.signer is not None:
                key = mine.key.public_key()
                certificate = pki.issue_node(mine.signer, mine.subject.node, key, now)
                chain = pki.pem_of(certificate, mine.signer.certificate)
            else:
                chain = await self._ask_for_chain(mine)
            await self._take(mine.renewed(chain))
        except (DoorError, pki.CertificateError, msgspec.DecodeError) as error:
            return f"nobody renews the certificate: {error}"
        except OSError as error:
            return f"the new certificate cannot be kept: {error.strerror}"
        return ""

    async def _ask_for_chain(self, mine: Credentials) -> bytes:
        request = pki.request_for(mine.key, mine.subject.node).decode()
        body = msgspec.json.encode(RenewRequest(request))
        voters = self._state().voters
        answer = await self._ask_around("POST", RENEW, body, lambda node: node in voters)
        return msgspec.json.decode(answer, type=RenewReply).chain.encode()

    async def _take(self, new: Credentials) -> None:
        contexts = await self._blocking(new.contexts)
        chain = pki.pem_of(*new.chain)
        await self._blocking(lambda: put(self._directory / CHAIN, chain))
        # Streams that are open go on with the old one, which is still good for a while.
        self._holder.credentials, self._holder.contexts = new, contexts
        self.renewed += 1
        log.info("the certificate was renewed", until=str(new.chain[0].not_valid_after_utc))

    async def _turned_away(self) -> str:
        """Why no node talks to this one, by the state or by what another says."""
        state = self._state()
        away = turned_away(state, self._holder.credentials.subject) if state.index else None
        if away is not None:
            return away
        if self._holder.linked() or not self._holder.wanted():
            return ""
        try:
            await self._ask_around("GET", "/health", b"", lambda node: True)
        except DoorError as error:
            return str(error) if error.status == 403 else ""
        return ""

    async def _ask_around(
        self, method: str, path: str, body: bytes, first: Callable[[str], bool]
    ) -> bytes:
        """Ask one node after the other, some of them first, until one answers; raises DoorError."""
        me = self._holder.credentials.subject.node
        known = [(n, at) for n, places in self._holder.wanted().items() for at in places if n != me]
        last = DoorError("no address of another node is known")
        for node, at in sorted(known, key=lambda one: not first(one[0]))[:MOST_ASKED]:
            try:
                return await self._ask(node, at, method, path, body)
            except DoorError as error:
                # What a node says counts for more than that another one cannot be reached.
                last = error if error.status is not None or last.status is None else last
        raise last


class Doors:
    """The doors of other nodes over HTTPS, as this node may knock at them: an `Ask`."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    async def __call__(
        self, node: str, address: Address, method: str, path: str, body: bytes, /
    ) -> bytes:
        """See `Ask`."""
        host, port = address
        url = httpx.URL(scheme="https", host=host, port=port, path=path)
        context = self._holder.contexts.https
        try:
            async with (
                httpx.AsyncClient(verify=context, timeout=ANSWER_S, trust_env=False) as client,
                client.stream(
                    method, url, content=body, headers={"accept-encoding": "identity"}
                ) as answer,
            ):
                self._check(answer, node, f"{host}:{port}")
                said = await _body(answer)
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            raise DoorError(f"{node} does not answer at {host}:{port} ({error})") from error
        if answer.status_code < 400:
            return said
        try:
            sentence = msgspec.json.decode(said, type=ErrorView).error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            sentence = f"{node} answers with status {answer.status_code}"
        raise DoorError(sentence, answer.status_code)

    def _check(self, answer: httpx.Response, node: str, place: str) -> None:
        # Nothing that was asked is a secret; nothing that is answered is looked at before this.
        subject = answering(answer.extensions)
        if subject is None or subject.node != node or not self._holder.knows(subject):
            raise DoorError(f"who answers at {place} is not {node}")


async def _body(answer: httpx.Response) -> bytes:
    said = b""
    async for part in answer.aiter_raw():
        said += part
        if len(said) > MAX_ANSWER_BYTES:
            raise DoorError("the answer is too long")
    return said
