"""The client at a node's peers' port: as whom it is known, and what it says when it is not."""

import datetime as dt
from functools import partial
from pathlib import Path

import pytest
import trio

from ringrift.cli.renewal import renew_if_due
from ringrift.client import (
    AddressError,
    AsyncClient,
    Client,
    ClientError,
    NotRunningError,
    RefusedError,
    Remote,
)
from ringrift.node.cluster import commands as c
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.wire.actions import SetConfigMode
from tests.node.net.authority import NOW, Certificates
from tests.node.net.gatehouse import Gatehouse, Guest, gatehouse

in_thread = trio.to_thread.run_sync
PAUSE = SetConfigMode(config="hex8_2p", mode="paused")


async def failure(here: Gatehouse, data: Path, url: str | None = None) -> ClientError:
    """How asking as whoever lives in a directory fails; the plain client and the other alike."""
    remote = Remote(url or here.url, data)

    def plainly() -> None:
        with Client(remote) as client:
            client.models()

    with pytest.raises(ClientError) as plain:
        await in_thread(plainly)
    with pytest.raises(ClientError) as caught:
        async with AsyncClient(remote) as client:
            await client.models()
    assert type(caught.value) is type(plain.value)
    assert str(caught.value).rstrip().endswith(".") or isinstance(caught.value, RefusedError)
    return caught.value


async def test_members_look_and_operators_act_from_afar(tmp_path: Path) -> None:
    async with gatehouse(tmp_path) as here:
        await here.propose(c.SetConfigMode(config="hex8_2p", mode="active", by=here.voter.node_id))
        op = Remote(here.url, (await here.admit("op", "operator")).keep(tmp_path / "op"))
        look = Remote(here.url, (await here.admit("look", "viewer")).keep(tmp_path / "look"))

        def act(remote: Remote) -> str:
            with Client(remote) as client:
                assert client.models().anchor == "heuristic-1"
                assert client.recent_events() == ()
                return client.act(PAUSE).text

        assert "paused" in await in_thread(act, op)
        with pytest.raises(RefusedError, match="look is a viewer, and may look only"):
            await in_thread(act, look)
        async with AsyncClient(look) as client:
            assert (await client.models()).anchor_elo == 1200.0
            heard = client.events()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_revoke_soon, here)
                assert [event async for event in heard] == []
            with pytest.raises(RefusedError, match="look was revoked"):
                await client.models()


async def _revoke_soon(here: Gatehouse) -> None:
    await trio.sleep(0.2)
    await here.propose(c.RevokeMember(member="look", by=here.voter.node_id))


async def test_every_failure_is_one_sentence_that_says_what_to_do(tmp_path: Path) -> None:
    async with gatehouse(tmp_path) as here:
        look = (await here.admit("look", "viewer")).keep(tmp_path / "look")
        none = await failure(here, tmp_path / "none")
        assert "no credentials" in str(none) and "ringrift join" in str(none)
        torn = (here.guest("torn")).keep(tmp_path / "torn")
        (torn / "tls" / "node.pem").write_text("nonsense")
        assert "cannot be used" in str(await failure(here, torn))
        other = Certificates()
        strange = here.guest("look")
        foreign = Guest("look", strange.key, strange.chain, pki.pem_of(other.root.certificate))
        wrong = await failure(here, foreign.keep(tmp_path / "foreign"))
        assert "no node of the cluster" in str(wrong)
        old = here.guest("look", NOW - dt.timedelta(days=40)).keep(tmp_path / "old")
        assert "hung up" in str(await failure(here, old))
        gone = await failure(here, look, "https://127.0.0.1:9")
        assert isinstance(gone, NotRunningError) and "ringrift members" in str(gone)
        assert isinstance(await failure(here, look, "https://"), AddressError)


async def test_credentials_are_renewed_by_using_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with gatehouse(tmp_path) as here:
        late, early = NOW - dt.timedelta(days=21), NOW - dt.timedelta(days=5)
        ended = NOW - dt.timedelta(days=31)
        remotes = {
            name: Remote(here.url, (await here.admit(name, "viewer", at)).keep(tmp_path / name))
            for name, at in {"late": late, "early": early, "ended": ended}.items()
        }
        before = {name: (each.tls / "node.pem").read_bytes() for name, each in remotes.items()}
        for name in ("late", "early"):
            await in_thread(renew_if_due, remotes[name])
        assert (remotes["early"].tls / "node.pem").read_bytes() == before["early"]
        renewed = own.read(remotes["late"].tls)
        assert renewed is not None and not renewed.renewal_due(NOW)
        assert renewed.subject.node == "late"
        with pytest.raises(SystemExit):
            await in_thread(renew_if_due, remotes["ended"])
        assert "ended on" in capsys.readouterr().err
        # Nobody is there to renew it: the verb goes on, and people hear of it in the last days.
        for days, told in ((21, False), (28, True)):
            guest = here.guest("late", NOW - dt.timedelta(days=days))
            alone = Remote("https://127.0.0.1:9", guest.keep(tmp_path / f"alone-{days}"))
            await in_thread(partial(renew_if_due, alone))
            assert ("The certificate ends in" in capsys.readouterr().err) == told
