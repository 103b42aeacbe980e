"""Whoever comes to the peers' port uninvited, over real TLS: refused with the right status, and
nothing is any different afterwards."""

import datetime as dt
import hashlib
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import msgspec
import pytest
import structlog
import trio
from hypercorn.config import Config
from structlog.testing import LogCapture

from ringrift.node.cluster import commands as c
from ringrift.node.net import admittance, pki
from ringrift.node.net.frames import MAX_FRAME_BYTES, pack
from ringrift.remote import Remote
from ringrift.wire import peer as p
from ringrift.wire.actions import CreateToken, SetConfigMode, SetNodeMode
from ringrift.wire.join import JoinRequest, RenewRequest
from ringrift.wire.raft import Append, RequestVote, TimeoutNow
from tests.node.net.authority import NOW, Certificates
from tests.node.net.gatehouse import MAX_BODY, Gatehouse, Guest, gatehouse

PAUSE = msgspec.json.encode(SetConfigMode(config="hex8_2p", mode="paused"))
LOOKING = ("/status", "/health", "/models", "/events", "/events/recent", "/metrics")


@pytest.fixture(autouse=True)
def short_keep_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was left is kept for a while: no longer than a test can wait."""
    monkeypatch.setattr(Config, "keep_alive_timeout", 0.5)


@pytest.fixture
def log() -> object:
    """Everything that is logged, to be looked at when the test is over."""
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[capture], wrapper_class=structlog.stdlib.BoundLogger)
    yield capture
    structlog.configure(**before)
    assert [line for line in capture.entries if line["log_level"] in ("error", "critical")] == []
    assert "Traceback" not in repr(capture.entries)


@asynccontextmanager
async def unmoved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Gatehouse]:
    """A house in which nothing may change while the test is at its door."""
    async with gatehouse(tmp_path) as here:
        members = {
            name: await here.admit(name, role)  # type: ignore[arg-type]
            for name, role in {"op": "operator", "look": "viewer", "gpu": "node"}.items()
        }
        await here.propose(c.SetConfigMode(config="hex8_2p", mode="active", by=here.voter.node_id))
        here.members = members  # type: ignore[attr-defined]
        index, digest = here.voter.applied_index, here.voter.state.digest()
        yield here
        await here.quiet()
        assert (here.voter.applied_index, here.voter.state.digest()) == (index, digest)
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


def one_sentence(answer: httpx.Response) -> str:
    said = answer.json()["error"]
    assert "\n" not in said and len(said) < 500
    return said


async def test_without_a_certificate_there_is_only_the_way_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    async with unmoved(tmp_path, capsys) as here, here.client(None) as one:
        for path in (*LOOKING, "/nowhere", "/blobs/" + "0" * 64, "/snapshot", "/join/", "//join"):
            answer = await one.get(path)
            assert (answer.status_code, path) == (401, path)
            assert "ringrift join" in one_sentence(answer)
        for path in ("/actions", "/renew", "/status"):
            assert (await one.post(path, content=PAUSE)).status_code == 401
        assert (await one.put("/blobs/" + "0" * 64, content=b"x")).status_code == 401
        assert (await one.get("/join")).status_code == 405
        assert (await one.post("/join", content=PAUSE)).status_code == 400
        stream = await here.stream(None, pki.ALPN_PEER)
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            assert await stream.receive_some(1) != b""
        await trio.aclose_forcefully(stream)


async def test_a_foreign_or_expired_certificate_does_not_get_past_the_handshake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    async with unmoved(tmp_path, capsys) as here:
        foreign = Certificates().contexts("op").https
        foreign.verify_mode = ssl.CERT_NONE
        # The key is the member's, but its certificate ended ten days ago.
        gpu: Guest = here.members["gpu"]  # type: ignore[attr-defined]
        assert here.credentials.signer is not None
        old = pki.issue_node(
            here.credentials.signer, "gpu", gpu.key.public_key(), NOW - dt.timedelta(days=40)
        )
        chain = pki.pem_of(old, here.credentials.signer.certificate)
        expired = Guest("gpu", gpu.key, chain, gpu.root).context()
        for context in (foreign, expired):
            async with httpx.AsyncClient(verify=context, base_url=here.url) as one:
                for path in ("/status", "/join"):
                    with pytest.raises(httpx.TransportError):
                        await one.get(path)
        await here.quiet()
        assert here.door.figures["shown_out"] == 4


async def test_who_was_never_let_in_or_has_another_key_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    async with unmoved(tmp_path, capsys) as here:
        for guest, words in ((here.guest("new"), "no member"), (here.guest("op"), "another key")):
            async with here.client(guest) as one:
                for answer in (await one.get("/status"), await one.post("/actions", content=PAUSE)):
                    assert answer.status_code == 403
                    assert words in one_sentence(answer)
            stream = await here.stream(guest, pki.ALPN_PEER)
            with pytest.raises((trio.BrokenResourceError, AssertionError)):
                assert await stream.receive_some(1) != b""
            await trio.aclose_forcefully(stream)


async def test_only_operators_act_and_the_audit_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    async with unmoved(tmp_path, capsys) as here:
        for name in ("look", "gpu"):
            async with here.client(here.members[name]) as one:  # type: ignore[attr-defined]
                for path in ("/models", "/metrics", "/events/recent"):
                    assert (await one.get(path)).status_code == 200
                for body in (PAUSE, b"", b"x" * 100, b"{}"):
                    answer = await one.post("/actions", content=body)
                    assert answer.status_code == 403
                    assert "operators act" in one_sentence(answer)
                assert (await one.delete("/actions")).status_code == 403
                put = await one.put("/blobs/" + "0" * 64, content=b"wrong")
                assert put.status_code == (422 if name == "gpu" else 403)
                assert (await one.get("/snapshot")).status_code == 404
    async with gatehouse(tmp_path / "other") as here:
        op = await here.admit("op", "operator")
        await here.propose(c.SetConfigMode(config="hex8_2p", mode="active", by=here.voter.node_id))
        async with here.client(op) as one:
            answer = await one.post("/actions", content=PAUSE)
            assert answer.status_code == 200
            token = msgspec.json.encode(CreateToken(role="viewer", lifetime_s=60))
            assert (await one.post("/actions", content=token)).json()["token"] == "rr1.word"
            missing = msgspec.json.encode(SetNodeMode(node="nobody", mode="active"))
            assert (await one.post("/actions", content=missing)).status_code == 404
        assert here.voter.state.configs.rows["hex8_2p"].mode == "paused"
        (_, first), (_, second) = here.voter.state.audit.after(answer.json()["index"] - 1)
        assert (first.actor, second.actor) == ("op", "op")


async def test_heads_and_bodies_that_may_not_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    async with unmoved(tmp_path, capsys) as here:
        async with here.client(here.members["op"]) as one:  # type: ignore[attr-defined]
            for origin in ("https://evil.example", "http://localhost", "null", here.url):
                answer = await one.post("/actions", content=PAUSE, headers={"origin": origin})
                assert answer.status_code == 403
                assert "origin" in one_sentence(answer)
            for host, status in (
                ("any.name:1", 200),
                ("10.1.2.3", 200),
                ("a:b:c", 400),
                ("/", 400),
            ):
                answer = await one.get("/models", headers={"host": host})
                assert (answer.status_code, host) == (status, host)
            answer = await one.post("/actions", content=b"x" * (MAX_BODY + 1))
            assert answer.status_code == 413

            stream = await here.stream(here.members["op"], pki.ALPN_HTTP)  # type: ignore[attr-defined]
            await stream.send_all(
                b"POST /actions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            with suppress(trio.BrokenResourceError):  # it may be hung up on while it still writes
                for _ in range(MAX_BODY // 64 + 1):
                    await stream.send_all(b"40\r\n" + b"x" * 64 + b"\r\n")
                assert await stream.receive_some(12) == b"HTTP/1.1 413"
            await trio.aclose_forcefully(stream)
            for body in (b"", b"[" * 5_000, b'{"action":"restart_node"}', b"\xff" * 50):
                answer = await one.post("/actions", content=body)
                assert answer.status_code == 400
                assert "no action" in one_sentence(answer)
                assert (await one.post("/renew", content=body)).status_code == 400
            assert (await one.get("/events/recent?limit=x")).status_code == 400
        async with here.client(None) as one:
            answer = await one.post("/join", content=b"{}", headers={"origin": "null"})
            assert answer.status_code == 403


async def test_a_body_that_never_comes_does_not_hold_the_door(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    log: LogCapture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admittance, "BODY_S", 0.3)
    async with unmoved(tmp_path, capsys) as here:
        for who, path in ((None, "/join"), (here.members["op"], "/actions")):  # type: ignore[attr-defined]
            stream = await here.stream(who, pki.ALPN_HTTP)
            await stream.send_all(
                f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{{".encode()
            )
            assert (await stream.receive_some(12)) == b"HTTP/1.1 408"
            await trio.aclose_forcefully(stream)


async def test_http_garbage_ends_its_own_connection_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    rng = random.Random(7)
    good = b"GET /models HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    upgrades = (
        (
            b"GET /models HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\xff"
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAA\r\n"
            b"Connection: Upgrade, HTTP2-Settings\r\n\r\n"
        ),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(40),
        b"GET /models HTTP/1.1\r\n\r\n",
        b"GET /models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"A" * 100_000,
    )

    def mutated() -> bytes:
        data = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)

    async with unmoved(tmp_path, capsys) as here:
        for who in (None, here.members["look"]):  # type: ignore[attr-defined]
            for garbage in (*upgrades, *(mutated() for _ in range(150))):
                stream = await here.stream(who, pki.ALPN_HTTP)
                try:
                    await stream.send_all(garbage)
                    with trio.move_on_after(0.02):
                        await stream.receive_some(100)
                except trio.BrokenResourceError:
                    pass
                await trio.aclose_forcefully(stream)
        async with here.client(here.members["look"]) as one:  # type: ignore[attr-defined]
            assert (await one.get("/models")).status_code == 200


async def test_tokens_let_one_key_in_once_and_not_after_their_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    def wish(secret: bytes, key: pki.PrivateKey, name: str = "gpu-9") -> bytes:
        request = pki.request_for(key, name).decode()
        return msgspec.json.encode(JoinRequest(secret.hex(), request, name))

    async with gatehouse(tmp_path) as here, here.client(None) as one:
        key, other = pki.new_key(), pki.new_key()
        secret, late = await here.token(), await here.token()
        digest = hashlib.sha256(late).hexdigest()
        await here.propose(c.ExpireToken(token=digest, by="token-expiry"))
        expired = await one.post("/join", content=wish(late, key))
        assert (expired.status_code, "no longer good" in one_sentence(expired)) == (403, True)
        first = await one.post("/join", content=wish(secret, key))
        assert first.status_code == 200
        state = here.voter.state.digest(), len(here.voter.state.members.rows)
        # A replay of the very bytes brings a certificate of the same key, which the thief lacks.
        again = await one.post("/join", content=wish(secret, key))
        assert again.json()["node"] == first.json()["node"]
        reused = await one.post("/join", content=wish(secret, other))
        assert (reused.status_code, "used already" in one_sentence(reused)) == (403, True)
        stolen = await one.post("/join", content=wish(secret, key, "gpu-8"))
        assert stolen.status_code == 403
        assert len(here.voter.state.members.rows) == state[1]
        assert secret.hex() not in repr(log.entries)


def said() -> list[bytes]:
    """What a plain node may say, and a little that it may not."""
    expire = c.encode_command(c.ExpireClaim(item=1, claim=1))
    forged = c.encode_command(c.RevokeMember(member="op", by="op"))
    messages: list[p.PeerMessage] = [
        p.Alive(),
        p.Follow(0),
        p.Taken(3),
        p.Barrier(1),
        p.Renew(2, ((1, 2), (3, 4))),
        p.Propose(3, 0, 0, expire),
        p.Propose(4, 0, 0, forged),
        p.NotProposed(5, "not_leader", "gpu"),
        p.Consensus(TimeoutNow(1)),
        p.Consensus(RequestVote(99, 99, 99, False, True)),
        p.Consensus(Append(1, 0, 0, 0, 1)),
        p.Consensus(Append(99, 0, 0, 99, 1)),
    ]
    return [pack(bytes.fromhex("ab" * 16), message) for message in messages]


async def test_frames_of_every_wrong_kind_end_their_stream_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: LogCapture
) -> None:
    """2,000 streams of a member, each with frames that were damaged, cut, or too long."""
    rng = random.Random(11)
    cluster, whole = bytes.fromhex("ab" * 16), said()

    def damaged() -> bytes:
        frames = rng.choices(whole, k=rng.randint(1, 4))
        match rng.randrange(6):
            case 0:
                frames.append((MAX_FRAME_BYTES + 1).to_bytes(4, "big") + cluster)
            case 1:
                frames.append((2**32 - 1).to_bytes(4, "big") + cluster)
            case 2:
                frames.append(pack(bytes(16), p.Alive()))
            case 3:
                frames[-1] = frames[-1][: rng.randrange(len(frames[-1]))]
            case _:
                data = bytearray(frames[-1])
                for _ in range(rng.randint(1, 5)):
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
                frames[-1] = bytes(data)
        return b"".join(frames)

    async with unmoved(tmp_path, capsys) as here:
        gpu: Guest = here.members["gpu"]  # type: ignore[attr-defined]
        context = gpu.context(pki.ALPN_PEER)

        async def misbehave(count: int) -> None:
            for number in range(count):
                plain = await trio.open_tcp_stream("127.0.0.1", here.port)
                stream = trio.SSLStream(plain, context)
                # Some never greet, and some greet as somebody else.
                hello = pack(cluster, p.Hello("gpu" if number % 8 else "op", number + 1, "0", 1))
                try:
                    await stream.do_handshake()
                    await stream.send_all((hello if number % 5 else b"") + damaged())
                    with trio.move_on_after(0.01):
                        await stream.receive_some(4096)
                except trio.BrokenResourceError:
                    pass
                await trio.aclose_forcefully(stream)

        term = here.voter.term
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(misbehave, 250)
        await here.quiet()
        assert here.voter.term == term
        assert here.voter.leader_id == here.voter.node_id
        feeder = here.peers.board._feeder  # type: ignore[reportPrivateUsage]
        assert feeder is not None and feeder.followers == {}
        assert here.peers.board.unheard > 0


async def test_a_revoked_member_is_cut_off_everywhere_within_seconds(
    tmp_path: Path, log: LogCapture
) -> None:
    cluster = bytes.fromhex("ab" * 16)
    async with gatehouse(tmp_path) as here:
        viewer, gpu = await here.admit("look", "viewer"), await here.admit("gpu", "node")
        data = random.Random(1).randbytes(30_000_000)
        sha256 = hashlib.sha256(data).hexdigest()
        path = here.paths.blobs / sha256[:2] / sha256
        path.parent.mkdir(parents=True)
        path.write_bytes(data)

        peer = await here.stream(gpu, pki.ALPN_PEER)
        await peer.send_all(pack(cluster, p.Hello("gpu", 1, "0", 1)) + pack(cluster, p.Follow(0)))
        while "gpu" not in here.peers.linked():
            await trio.sleep(0.01)
        blob, events = [await here.stream(gpu, pki.ALPN_HTTP) for _ in range(2)]
        await blob.send_all(f"GET /blobs/{sha256} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await events.send_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        seen = await here.stream(viewer, pki.ALPN_HTTP)
        await seen.send_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        for stream in (blob, events, seen):
            assert (await stream.receive_some(12)).startswith(b"HTTP/1.1 200"[:1])

        async def until_ended(stream: trio.SSLStream[trio.SocketStream], read: bool) -> None:
            try:
                while await stream.receive_some(65536 if read else 1):
                    pass
            except trio.BrokenResourceError:
                pass

        me = here.voter.node_id
        for member in ("gpu", "look"):
            await here.propose(c.RevokeMember(member=member, by=me))
        began = trio.current_time()
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                for stream in (peer, events, seen):
                    nursery.start_soon(until_ended, stream, True)
            took = trio.current_time() - began
            for guest in (gpu, viewer):
                async with here.client(guest) as one:
                    for path in ("/status", "/events", f"/blobs/{sha256}"):
                        answer = await one.get(path)
                        assert (answer.status_code, "revoked" in answer.text) == (403, True)
                    request = pki.request_for(guest.key, guest.id).decode()
                    renewal = msgspec.json.encode(RenewRequest(request))
                    assert (await one.post("/renew", content=renewal)).status_code == 403
        print(f"cut off after {took:.2f} s")
        # The blob that nobody reads is taken away as well: no connection stays.
        await here.quiet()
        for stream in (peer, blob, events, seen):
            await trio.aclose_forcefully(stream)


async def test_a_demoted_operator_acts_no_more(tmp_path: Path, log: LogCapture) -> None:
    async with gatehouse(tmp_path) as here:
        op = await here.admit("op", "operator")
        await here.admit("op2", "operator")
        await here.propose(c.SetConfigMode(config="hex8_2p", mode="active", by=here.voter.node_id))
        async with here.client(op) as one:
            assert (await one.post("/actions", content=PAUSE)).status_code == 200
            await here.propose(c.ChangeRole(member="op", role="viewer", by=here.voter.node_id))
            index = here.voter.applied_index
            assert (await one.post("/actions", content=PAUSE)).status_code == 403
            assert here.voter.applied_index == index


async def test_one_member_cannot_take_all_answers(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    log: LogCapture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admittance, "MOST_AT_ONCE", 3)
    async with unmoved(tmp_path, capsys) as here:
        look, op = here.members["look"], here.members["op"]  # type: ignore[attr-defined]
        streams = [await here.stream(look, pki.ALPN_HTTP) for _ in range(3)]
        for stream in streams:
            await stream.send_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await stream.receive_some(12)) == b"HTTP/1.1 200"
        async with here.client(look) as one, here.client(op) as other:
            assert (await one.get("/models")).status_code == 429
            assert (await other.get("/models")).status_code == 200
            await trio.aclose_forcefully(streams[0])
            while (await one.get("/models")).status_code != 200:
                await trio.sleep(0.02)
        for stream in streams[1:]:
            await trio.aclose_forcefully(stream)


async def test_a_persons_certificate_does_not_pass_for_a_nodes(tmp_path: Path) -> None:
    certificates = Certificates()
    key = pki.new_key()
    person = pki.issue_node(certificates.signer, "op", key.public_key(), NOW, serves=False)
    chain, root = pki.pem_of(person, certificates.signer.certificate), certificates.root.certificate
    server = pki.tls_context(server=True, root=root, chain=chain, key=pki.key_pem(key))
    client = certificates.contexts("gpu").https

    async def shake_hands(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.do_handshake()
            await stream.receive_some(1)
        await trio.aclose_forcefully(stream)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_ssl_over_tcp_listeners(0, server, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, shake_hands, listeners)
            port = listeners[0].transport_listener.socket.getsockname()[1]  # type: ignore[attr-defined]
            async with httpx.AsyncClient(verify=client) as one:
                with pytest.raises(httpx.ConnectError) as caught:
                    await one.get(f"https://127.0.0.1:{port}/")
            assert "purpose" in str(Remote("https://x", tmp_path).why(caught.value))
            nursery.cancel_scope.cancel()
