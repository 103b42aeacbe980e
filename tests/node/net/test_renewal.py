"""Certificates are renewed in time, and who was turned away is told so, ever more rarely."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.state import ClusterState
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.net.mesh import Address
from ringrift.node.net.renewal import DoorError, Doors, Renewal
from ringrift.wire.join import RenewReply, RenewRequest
from tests.node.net.authority import NOW
from tests.node.net.gatehouse import Guest, Pulse, gatehouse
from tests.node.virtual_clock import VirtualClock


async def inline(call: Callable[[], object]) -> object:
    return call()


class Holder:
    """A node's credentials, and whom it sees."""

    def __init__(self, credentials: own.Credentials, where: Mapping[str, Sequence[Address]]):
        self.credentials, self.contexts = credentials, credentials.contexts()
        self.where = where
        self.peers: frozenset[str] = frozenset(where)

    def knows(self, subject: pki.Subject) -> bool:
        return subject.node in self.where

    def linked(self) -> frozenset[str]:
        return self.peers

    def wanted(self) -> Mapping[str, Sequence[Address]]:
        return self.where


class Household:
    """A node's renewal in virtual time, and the voters that it may ask."""

    def __init__(self, directory: Path, *, signs: bool) -> None:
        self.voter, _ = own.found("v", NOW)
        assert self.voter.signer is not None
        key = pki.new_key()
        certificate = pki.issue_node(self.voter.signer, "gpu", key.public_key(), NOW)
        chain = [certificate, self.voter.signer.certificate]
        mine = self.voter if signs else own.Credentials(self.voter.root, key, chain)
        self.directory = directory / "tls"
        own.write(self.directory, mine)
        self.holder = Holder(mine, {"w": [("w", 1)], "v": [("v", 1)]})
        self.asked: list[tuple[float, str, str]] = []
        self.answer: Callable[[str, bytes], bytes] = self.signed
        self.pulse, self.day = Pulse(), 0.0
        self.renewal = Renewal(
            self.holder,
            self.directory,
            ClusterState,
            self.ask,
            self.now,
            VirtualClock(),
            inline,  # type: ignore[arg-type]
        )

    def now(self) -> dt.datetime:
        return NOW + dt.timedelta(days=self.day, seconds=trio.current_time())

    async def ask(
        self, node: str, address: Address, method: str, path: str, body: bytes, /
    ) -> bytes:
        self.asked.append((trio.current_time(), node, path))
        return self.answer(node, body)

    def signed(self, node: str, body: bytes) -> bytes:
        if node != "v":
            raise DoorError(f"{node} cannot sign certificates", 503)
        wish = msgspec.json.decode(body, type=RenewRequest)
        return self.reply("gpu", pki.requested(wish.request.encode()))

    def reply(self, node: str, key: pki.PublicKey) -> bytes:
        assert self.voter.signer is not None
        now = self.now()
        new = pki.issue_node(self.voter.signer, node, key, now)
        chain = pki.pem_of(new, self.voter.signer.certificate).decode()
        return msgspec.json.encode(RenewReply(chain))

    def kept(self) -> own.Credentials:
        kept = own.read(self.directory)
        assert kept is not None
        return kept


@pytest.mark.parametrize("signs", [False, True])
async def test_at_two_thirds_of_its_life_a_certificate_is_renewed(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery, signs: bool
) -> None:
    house = Household(tmp_path, signs=signs)
    before, contexts = house.holder.credentials, house.holder.contexts
    nursery.start_soon(house.renewal.run, house.pulse)
    house.day = 19
    await trio.sleep(60)
    assert house.holder.credentials is before
    assert 10.9 < house.pulse.figures["days_left"] < 11.1  # type: ignore[operator]
    house.day = 21
    await trio.sleep(60)
    after = house.holder.credentials
    assert after.subject == before.subject
    assert after.chain[0].not_valid_after_utc > NOW + dt.timedelta(days=49)
    assert house.holder.contexts is not contexts
    assert house.kept().chain == after.chain
    assert (house.kept().signer is None) == (not signs)
    assert (house.pulse.figures["renewed"], house.pulse.well) == (1, True)
    assert bool(house.asked) != signs


async def test_who_is_not_renewed_says_why_and_asks_ever_more_rarely(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    house = Household(tmp_path, signs=False)

    def refuse(node: str, body: bytes) -> bytes:
        raise DoorError(f"{node} cannot sign certificates", 503)

    house.answer = refuse
    nursery.start_soon(house.renewal.run, house.pulse)
    house.day = 21
    await trio.sleep(60)
    assert "nobody renews the certificate: v cannot sign" in house.pulse.reason
    assert house.pulse.well  # for days to come
    await trio.sleep(3_600)
    assert len(house.asked) < 2 * (3_600 / 300 + 10)
    house.day = 25.5
    await trio.sleep(600)
    assert "good for 4." in house.pulse.reason
    assert not house.pulse.well
    house.answer = house.signed
    await trio.sleep(600)
    assert (house.pulse.well, house.pulse.figures["renewed"]) == (True, 1)


@pytest.mark.parametrize(
    ("node", "words"), [("other", "somebody else"), ("stranger", "not of this cluster")]
)
async def test_a_certificate_that_does_not_fit_is_not_taken(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery, node: str, words: str
) -> None:
    house = Household(tmp_path, signs=False)
    before = house.kept().chain
    if node == "stranger":
        house.voter, _ = own.found("v", NOW)
        node = "gpu"
    house.answer = lambda _, body: house.reply(
        node, pki.requested(msgspec.json.decode(body, type=RenewRequest).request.encode())
    )
    nursery.start_soon(house.renewal.run, house.pulse)
    house.day = 21
    await trio.sleep(60)
    assert words in house.pulse.reason
    assert house.kept().chain == before
    house.answer = lambda node, body: b"no json"
    await trio.sleep(600)
    assert "nobody renews" in house.pulse.reason


async def test_who_is_talked_to_by_nobody_is_told_why_and_does_not_hammer(
    tmp_path: Path, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    house = Household(tmp_path, signs=False)

    def refuse(node: str, body: bytes) -> bytes:
        if node == "w":
            raise DoorError("w does not answer")
        raise DoorError("gpu was revoked (log #9)", 403)

    house.answer, house.holder.peers = refuse, frozenset()
    nursery.start_soon(house.renewal.run, house.pulse)
    await trio.sleep(60)
    assert (house.pulse.reason, house.pulse.well) == ("gpu was revoked (log #9)", False)
    await trio.sleep(3_600)
    assert len(house.asked) < 2 * (3_600 / 300 + 10)
    house.holder.peers = frozenset({"v"})
    await trio.sleep(600)
    assert house.pulse.well


async def test_a_real_door_renews_its_members_and_tells_the_others(tmp_path: Path) -> None:
    async with gatehouse(tmp_path) as here:
        gpu = await here.admit("gpu", "node", NOW - dt.timedelta(days=21))
        me = here.voter.node_id
        at: Address = ("127.0.0.1", here.port)
        mine = own.read(gpu.keep(tmp_path / "gpu") / "tls")
        assert mine is not None and mine.renewal_due(NOW)
        holder = Holder(mine, {me: [at]})
        doors = Doors(holder)
        renewal = Renewal(
            holder, tmp_path / "gpu" / "tls", lambda: here.voter.state, doors, lambda: NOW,
            VirtualClock(), inline,  # type: ignore[arg-type]
        )  # fmt: skip
        assert await renewal._renew() == ""  # type: ignore[reportPrivateUsage]
        assert not holder.credentials.renewal_due(NOW)
        assert holder.credentials.subject == mine.subject
        # Only with the key that the member is known by.
        request = pki.request_for(pki.new_key(), "gpu").decode()
        with pytest.raises(DoorError, match="not signed with the key of gpu") as caught:
            await doors(me, at, "POST", "/renew", msgspec.json.encode(RenewRequest(request)))
        assert caught.value.status == 403
        await here.propose(c.RevokeMember(member="gpu", by=me))
        holder.peers = frozenset()
        assert "gpu was revoked" in await renewal._turned_away()  # type: ignore[reportPrivateUsage]
        with pytest.raises(DoorError, match="is not other"):
            await doors("other", at, "GET", "/health", b"")
        with pytest.raises(DoorError, match="does not answer"):
            await doors(me, ("127.0.0.1", 9), "GET", "/health", b"")


async def test_a_renewed_guest_is_served_at_once(tmp_path: Path) -> None:
    async with gatehouse(tmp_path) as here:
        look = await here.admit("look", "viewer", NOW - dt.timedelta(days=29))
        async with here.client(look) as one:
            request = pki.request_for(look.key, "look").decode()
            body = msgspec.json.encode(RenewRequest(request))
            reply = msgspec.json.decode(
                (await one.post("/renew", content=body)).content, type=RenewReply
            )
        certificate = pki.read_certificates(reply.chain.encode())[0]
        assert certificate.not_valid_after_utc > NOW + dt.timedelta(days=29)
        new = Guest("look", look.key, reply.chain.encode(), look.root)
        async with here.client(new) as one:
            assert (await one.get("/models")).status_code == 200
