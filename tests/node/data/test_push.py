"""A node that nobody can reach sends its blobs to those who can be reached, over real TLS."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trio

from ringrift.node.data.push import Pusher
from ringrift.node.net import blob_intake
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from tests.node.blob_town import Home, Town, content, keep, sha_of


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def pusher(hidden: Home, *anchors: Home) -> Pusher:
    places = [(at.name, (at.address.host, at.address.port)) for at in anchors]
    return Pusher(
        hidden.store,
        lambda: places,
        lambda: hidden.contexts.https,
        SystemClock(),
        InThreads(4),
    )


async def put(
    home: Home, to: Home, sha256: str, data: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    async with httpx.AsyncClient(verify=home.contexts.https, trust_env=False) as client:
        return await client.put(to.url(sha256), content=data, headers=headers)


async def test_a_blob_is_sent_whole_and_kept_durably(town: Town) -> None:
    anchor, hidden = town.build("anchor"), town.build("hidden")
    sha256 = keep(hidden.store, content(1))
    async with town.open():
        subject = pusher(hidden, anchor)
        await subject.push(sha256)
        assert anchor.store.verify(sha256).read_bytes() == content(1)
        await subject.push(sha256)  # what is there already is taken for sent
        assert subject.figures() == {"pushed": 2, "refused": 0}


async def test_the_next_anchor_takes_what_one_cannot(town: Town) -> None:
    away, anchor, hidden = town.build("away"), town.build("anchor"), town.build("hidden")
    sha256 = keep(hidden.store, content(2, 1000))
    subject = pusher(hidden, away, anchor)
    away.listener.close()
    town.homes.remove(away)
    async with town.open():
        await subject.push(sha256)
        assert anchor.store.has(sha256)
        assert subject.figures() == {"pushed": 1, "refused": 1}


async def test_a_blob_is_not_sent_to_another_than_the_anchor(town: Town) -> None:
    other, anchor, hidden = town.build("other"), town.build("anchor"), town.build("hidden")
    sha256 = keep(hidden.store, content(4, 1000))
    wrong = ("anchor", (other.address.host, other.address.port))
    right = ("anchor", (anchor.address.host, anchor.address.port))
    async with town.open():
        subject = Pusher(
            hidden.store,
            lambda: [wrong, right],
            lambda: hidden.contexts.https,
            SystemClock(),
            InThreads(4),
        )
        await subject.push(sha256)
    assert (other.store.has(sha256), anchor.store.has(sha256)) == (False, True)
    assert subject.figures() == {"pushed": 1, "refused": 1}


async def test_what_is_not_as_said_is_refused_and_nothing_stays(town: Town) -> None:
    anchor, hidden = town.build("anchor"), town.build("hidden")
    data = content(3, 5000)
    sha256 = sha_of(data)
    async with town.open():
        wrong = await put(hidden, anchor, sha256, data[::-1])
        assert (wrong.status_code, "another sha256" in wrong.text) == (422, True)
        name = await put(hidden, anchor, "..%2f..%2fetc", data)
        assert name.status_code == 400
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blob_intake, "MOST_BYTES", 4_999)
            assert (await put(hidden, anchor, sha256, data)).status_code == 413
        town.certificates.known = {s for s in town.certificates.known if s.node != "hidden"}
        revoked = await put(hidden, anchor, sha256, data)
        assert revoked.status_code == 403
        assert not anchor.store.has(sha256)
        assert list((anchor.store.directory / "incoming").glob("*")) == []


async def test_a_sender_that_breaks_off_leaves_nothing(town: Town) -> None:
    anchor, hidden = town.build("anchor"), town.build("hidden")
    sha256 = hashlib.sha256(b"never").hexdigest()

    async def breaks_off():  # type: ignore[no-untyped-def]
        yield b"x" * 300_000
        raise OSError("gone")

    async with town.open():
        with pytest.raises(OSError, match="gone"):
            async with httpx.AsyncClient(verify=hidden.contexts.https, trust_env=False) as client:
                await client.put(
                    anchor.url(sha256),
                    content=breaks_off(),
                    headers={"content-length": "900000"},
                )
        incoming = anchor.store.directory / "incoming"
        while list(incoming.glob("*")):
            await trio.sleep(0.01)
        assert not anchor.store.has(sha256)
