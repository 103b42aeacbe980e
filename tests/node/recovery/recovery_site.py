"""Data directories of stopped nodes, as a cluster of three would have left them."""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster_support import Ledger, life, sha

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.members import Reach, Role
from ringrift.node.cluster.results import Done, Result
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.ready import HardState, Ready
from ringrift.node.consensus.storage import Storage, found_empty
from ringrift.node.net import credentials as own
from ringrift.node.net import pki
from ringrift.node.recovery import switch
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import Identity, read_identity, write_identity
from ringrift.node.runtime.paths import NodePaths
from ringrift.wire.join import Place
from ringrift.wire.log import Entry

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
OLD, NEW, LATER = "ab" * 16, "cd" * 16, "ef" * 16
NAMES = ("a", "b", "c", "plain")


class Town:
    """Voters "a", "b", "c", a node "plain", one history; `settle` gives one its directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.founder, self.authority = own.found("a", NOW)
        signer = self.founder.signer
        assert signer is not None
        self.credentials = {"a": self.founder}
        for name in NAMES[1:]:
            key = pki.new_key()
            mine = pki.issue_node(signer, name, key.public_key(), NOW)
            chain = [mine, signer.certificate]
            self.credentials[name] = own.Credentials(self.founder.root, key, chain)
        self.ledger = Ledger()
        self.vote("a")
        self.ledger.enter(0, 0, c.OpenSession(owner="a", boot=1))
        self._join("a")
        for name in NAMES[1:]:
            role: Role = "node" if name == "plain" else "voter"
            token, key = sha(ord(name[0])), self.credentials[name].subject.fingerprint
            self.do(c.CreateToken(by="a", token=token, role=role, lifetime_s=60))
            self.do(c.AdmitMember(by="a", token=token, member=name, name=name, key=key))
            self._join(name)
        self.vote("a", "b")
        self.vote("a", "b", "c")
        self.do(c.TransferLeadership(term=1, to="b", by="a"))
        self.do(c.CreateToken(by="a", token=sha(1), role="node", lifetime_s=60))

    def do(self, command: c.Command) -> Result:
        return self.ledger.do(command, session=2)

    def vote(self, *voters: str) -> None:
        state, command = self.ledger.state, c.encode_command(c.ChangeVoters())
        entry = Entry(state.index + 1, 1, 1_000, 0, 0, command, voters)
        state.apply(entry)
        self.ledger.entries.append(entry)

    def _join(self, name: str) -> None:
        reach = Reach(addresses=(Place("127.0.0.1", 9_000 + ord(name[0])),))
        key = self.credentials[name].subject.fingerprint
        said = life(reach=reach)
        assert isinstance(self.do(c.JoinMember(node=name, name=name, key=key, life=said)), Done)

    def settle(self, name: str, upto: int | None = None, term: int = 3) -> NodePaths:
        """The directory of a node that stopped when it had the first `upto` entries."""
        paths = NodePaths(self.root / name)
        paths.data.mkdir()
        own.write(paths.tls, self.credentials[name])
        votes = name != "plain"
        if votes:
            disk = RealDisk(paths.log)
            found_empty(disk, OLD, name)
            storage, _ = Storage.recover(disk, OLD, name)
            entries = tuple(self.ledger.entries[:upto])
            storage.write(Ready(1, HardState(term, "b"), entries=entries))
            storage.sync()
            disk.close()
        write_identity(paths, Identity(name, OLD, 4, votes=votes, timing="lan"))
        return paths


@pytest.fixture(name="town")
def town_fixture(tmp_path: Path) -> Town:
    return Town(tmp_path)


def started(paths: NodePaths) -> tuple[Identity, ClusterState | None]:
    """Who starts in a directory and with which state, as `life` would: None without a vote."""
    switch.settle(paths)
    identity = read_identity(paths)
    assert identity is not None
    if not identity.votes:
        return identity, None
    disk = RealDisk(paths.log)
    _, found = Storage.recover(disk, identity.incarnation, identity.node_id)
    disk.close()
    for entry in found.entries:
        found.state.apply(entry)
    return identity, found.state


@contextmanager
def moments(
    paths: NodePaths, into: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], list[NodePaths]]]:
    """Copies of a directory before and after everything that reaches its disk, in order."""
    copies: list[NodePaths] = []

    def take() -> None:
        copies.append(NodePaths(into / f"m{len(copies)}"))
        shutil.copytree(paths.data, copies[-1].data)

    def around(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def wrapped(*arguments: object, **named: object) -> object:
            take()
            result = real(*arguments, **named)
            take()
            return result

        monkeypatch.setattr(owner, name, wrapped)

    with monkeypatch.context():
        around(os, "fsync")
        for name in ("rename", "replace", "unlink"):
            around(Path, name)
        yield lambda: copies
        monkeypatch.undo()
