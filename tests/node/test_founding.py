"""From a founded cluster and a token to a second node that lives in it: keys, secrets, retries."""

import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest
import trio
from alone import alone
from trio.testing import MockClock

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Done
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.vote import Vote, write_vote
from ringrift.node.founding import (
    found_cluster,
    refuse_if_settled,
    seeds_of,
    take_place,
    wish_of,
)
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.net.joining import Doorkeeper, join_route
from ringrift.node.net.routes import guarded
from ringrift.node.net.signing import Signing
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.paths import NodePaths, PathError
from ringrift.wire.join import JoinReply, Place, Token
from tests.node.virtual_clock import VirtualClock

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
SECRET = bytes(range(32))
HASH = hashlib.sha256(SECRET).hexdigest()
AT = Place("127.0.0.1", 8775)


async def in_line(function):  # type: ignore[no-untyped-def]
    return function()


def digits(count: int) -> str:
    return "ab" * (count // 2)


class House:
    """A founded cluster whose first voter runs, and its door for newcomers."""

    def __init__(self, paths: NodePaths, root: bytes, propose, voter) -> None:  # type: ignore[no-untyped-def]
        self.paths, self.root = paths, root
        self.propose, self.voter = propose, voter
        credentials = own.read(paths.tls)
        assert credentials is not None
        signing = Signing(voter.node_id, lambda: credentials, lambda: NOW)
        keeper = Doorkeeper(signing, "ab" * 16, lambda: voter.state, propose)
        self.clock = VirtualClock()
        transport = httpx.ASGITransport(
            guarded([join_route(keeper, self.clock.now)], 1 << 20, local=False)
        )
        self.client = httpx.AsyncClient(transport=transport, base_url="https://voter")

    async def token(self, role: str = "node") -> Token:
        made = c.CreateToken(by=self.voter.node_id, token=HASH, role=role, lifetime_s=600)  # type: ignore[arg-type]
        assert isinstance((await self.propose(made)).result, Done)
        pem = self.root[: self.root.index(b"-----BEGIN PRIVATE")].decode()
        return Token("ab" * 16, (AT,), pem, SECRET)

    async def ask(self, body: bytes) -> httpx.Response:
        return await self.client.post("/join", content=body)


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[House]:
    paths = NodePaths(tmp_path / "first")
    paths.data.mkdir()
    roots: list[bytes] = []
    identity = found_cluster(paths, "first", "lan", digits, NOW, roots.append)
    async with trio.open_nursery() as nursery:
        voter = await alone(
            RealDisk(paths.log), VirtualClock(), in_line,
            node_id=identity.node_id, incarnation=identity.incarnation,
        )  # fmt: skip
        await nursery.start(voter.run)
        propose = Proposer(voter, identity.node_id, 1).propose
        here = House(paths, roots[0], propose, voter)
        yield here
        await here.client.aclose()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("role", ["node", "voter"])
async def test_a_newcomer_becomes_a_member_with_its_own_key(
    tmp_path: Path, autojump_clock: MockClock, role: str
) -> None:
    async with house(tmp_path) as here:
        token = await here.token(role)
        paths = NodePaths(tmp_path / "second")
        wish = wish_of(paths, token, "gpu")
        answer = await here.ask(msgspec.json.encode(wish))
        assert answer.status_code == 200, answer.text
        reply = msgspec.json.decode(answer.content, type=JoinReply)
        identity = take_place(paths, token, reply)
        row = here.voter.state.members.rows[identity.node_id]
        mine = own.read(paths.tls)
        assert mine is not None
        assert (row.key, row.role) == (mine.subject.fingerprint, role)
        assert mine.subject.node == identity.node_id
        assert identity == Identity(identity.node_id, "ab" * 16, 0, votes=role == "voter")
        assert (paths.log / "vote").exists() == (role == "voter")
        assert seeds_of(paths) == reply.voters
        with pytest.raises(PathError, match="lives in"):
            refuse_if_settled(paths)
        # The same key may ask again, for its answer may have been lost; another may not.
        again = await here.ask(msgspec.json.encode(wish))
        assert again.status_code == 200
        other = wish_of(NodePaths(tmp_path / "third"), token, "gpu")
        refused = await here.ask(msgspec.json.encode(other))
        assert refused.status_code == 403
        assert len(here.voter.state.members.rows) == 1


async def test_neither_the_root_key_nor_the_secret_is_kept_anywhere(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with house(tmp_path) as here:
        token = await here.token()
        wish = wish_of(NodePaths(tmp_path / "second"), token, "gpu")
        assert (await here.ask(msgspec.json.encode(wish))).status_code == 200
        signing = here.paths.tls / own.SIGNER_KEY
        key = here.root[here.root.index(b"-----BEGIN PRIVATE") :]
        secrets = [key, SECRET, SECRET.hex().encode(), key.splitlines()[1]]
        for path in here.paths.data.rglob("*"):
            if path.is_file():
                found = [secret for secret in secrets if secret in path.read_bytes()]
                assert found == [], path
        kept = b"".join(here.voter.snapshot()) + b"".join(
            path.read_bytes() for path in here.paths.log.iterdir()
        )
        for path in (signing, here.paths.tls / own.KEY):
            assert path.read_bytes().splitlines()[1] not in kept


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no join request"),
        (b"[]", 400, "no join request"),
        (b"\xff" * 40, 400, "no join request"),
        (b'{"secret":"00","request":"x","name":"gpu"}', 400, "no join request"),
        (msgspec.json.encode({"secret": "00" * 32, "request": "x", "name": "gpu"}), 400, "request"),
        (b"x" * 20_000, 413, "longer than"),
    ],
    ids=["empty", "list", "bytes", "short secret", "no request in it", "endless"],
)
async def test_what_is_no_request_is_told_so_and_changes_nothing(
    tmp_path: Path, autojump_clock: MockClock, body: bytes, status: int, words: str
) -> None:
    async with house(tmp_path) as here:
        index = here.voter.applied_index
        answer = await here.ask(body)
        assert answer.status_code == status
        assert words in answer.text
        assert here.voter.applied_index == index


async def test_a_guessed_secret_is_refused_and_guessing_is_slow(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with house(tmp_path) as here:
        token = msgspec.structs.replace(await here.token(), secret=bytes(32))
        wish = msgspec.json.encode(wish_of(NodePaths(tmp_path / "second"), token, "gpu"))
        statuses = [(await here.ask(wish)).status_code for _ in range(70)]
        assert set(statuses[:60]) == {403}
        assert set(statuses[60:]) == {429}
        await trio.sleep(61)
        assert (await here.ask(wish)).status_code == 403
        assert (await here.client.get("/join")).status_code == 405


async def test_an_answer_that_does_not_fit_is_not_taken(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with house(tmp_path) as here:
        token = await here.token()
        paths = NodePaths(tmp_path / "second")
        answer = await here.ask(msgspec.json.encode(wish_of(paths, token, "gpu")))
        reply = msgspec.json.decode(answer.content, type=JoinReply)
        take = partial(take_place, paths)
        with pytest.raises(pki.CertificateError, match="another cluster"):
            take(msgspec.structs.replace(token, incarnation="cd" * 16), reply)
        with pytest.raises(pki.CertificateError, match="somebody else"):
            take(token, msgspec.structs.replace(reply, node="gpu-2"))
        assert not paths.identity.exists()
        paths.seeds.write_bytes(b"{")
        with pytest.raises(PathError, match="damaged"):
            seeds_of(paths)


def test_a_founding_that_was_cut_short_is_done_again_and_a_life_is_not_overwritten(
    tmp_path: Path,
) -> None:
    paths = NodePaths(tmp_path / "first")
    paths.data.mkdir()

    def full(root: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        found_cluster(paths, "first", "lan", digits, NOW, full)
    assert not paths.identity.exists()
    assert not paths.tls.exists()
    first = found_cluster(paths, "first", "lan", digits, NOW, lambda root: None)
    paths.identity.unlink()
    # The log that was founded is gone on with, whatever ids chance gives now.
    again = found_cluster(paths, "other", "wan", lambda n: "cd" * (n // 2), NOW, lambda root: None)
    assert (again.node_id, again.incarnation) == (first.node_id, first.incarnation)
    mine = own.read(paths.tls)
    assert mine is not None
    assert mine.subject.node == first.node_id
    paths.identity.unlink()
    lived = Vote(
        incarnation=first.incarnation, node=first.node_id, term=2, voted_for=first.node_id, sealed=1
    )
    write_vote(RealDisk(paths.log), lived)
    with pytest.raises(PathError, match=r"identity\.json is gone"):
        found_cluster(paths, "first", "lan", digits, NOW, lambda root: None)
