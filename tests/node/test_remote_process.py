"""People steer a cluster from afar, and a node is turned away: real processes, real TLS."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ringrift.client import Client, RefusedError, Remote
from ringrift.wire.actions import CreateToken, RevokeMember, SetConfigMode
from ringrift.wire.views import LoopView, StatusView
from tests.node.test_cluster_process import SETTINGS, ringrift
from tests.node.test_node_process import DEADLINE_S, Site

REVOKED_WITHIN_S = 5.0
PRIVATE = b"-----BEGIN PRIVATE KEY-----"


@contextmanager
def sites() -> Iterator[tuple[Site, Site, Path, ExitStack]]:
    """A voter that founded a cluster, and a plain node of it; both run."""
    with tempfile.TemporaryDirectory(prefix="rr-") as name, ExitStack() as stack:
        directory = Path(name)
        voter, plain = (_site(directory, name) for name in ("voter", "plain"))
        where = ("--data", voter.data, "--profile", voter.profile)
        root = directory / "root.pem"
        ringrift("init", *where, "--name", "voter", "--timing", "local", "--root", root)
        stack.enter_context(voter.running("ringrift.node"))
        voter.until(lambda s: s.leader_id == s.node_id)
        join(voter, "node", plain.data, "plain", plain.profile)
        try:
            yield voter, plain, directory, stack
        finally:
            voter.client.close()
            plain.client.close()


def _site(directory: Path, name: str) -> Site:
    (directory / name).mkdir()
    site = Site(directory / name)
    site.profile.write_text(SETTINGS)
    return site


def join(voter: Site, role: str, data: Path, name: str, profile: Path) -> str:
    token = voter.client.act(CreateToken(role=role, lifetime_s=600)).token  # type: ignore[arg-type]
    assert token is not None
    return ringrift("join", token, "--name", name, "--data", data, "--profile", profile)


def refusal(*arguments: str | Path) -> str:
    """What `ringrift` says when it is refused: one sentence."""
    command = [sys.executable, "-c", "from ringrift.cli.main import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True, text=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    (sentence,) = done.stderr.splitlines()
    return sentence


def url_of(site: Site) -> str:
    return f"https://127.0.0.1:{8775 + site.offset}"


def loop(status: StatusView, name: str) -> LoopView:
    return next(each for each in status.loops if each.name == name)


def test_people_steer_from_afar_and_a_node_is_turned_away_for_good() -> None:
    with sites() as (voter, plain, directory, stack):
        with plain.running("ringrift.node"):
            joined = plain.until(lambda s: s.alive_peers == 1 and s.leader_id is not None)
            op, look = directory / "op", directory / "look"
            said = join(voter, "operator", op, "olga", voter.profile)
            person = _site(directory, "person")
            person.data = op
            assert "the credentials of a person, olga-" in person.refusal("ringrift.node")
            assert f"ringrift tui --url {url_of(voter)} --data {op}" in said
            join(voter, "viewer", look, "vera", voter.profile)
            _steer(voter, plain, op, look)

            me = plain.data / "tls"
            seen = ringrift("members", "--url", url_of(voter), "--data", me.parent)
            assert "plain" in seen and "olga" in seen

            began = time.monotonic()
            voter.client.act(RevokeMember(member=joined.node_id))
            voter.until(lambda s: loop(s, "peers").figures["linked"] == 0)
            took = time.monotonic() - began
            assert took < REVOKED_WITHIN_S
            print(f"the stream was closed {took:.2f} s after the revocation was asked for")
            said = refusal("members", "--url", url_of(voter), "--data", me.parent)
            assert "was revoked" in said
        # In its next life it knows nothing, and is told.
        stack.enter_context(plain.running("ringrift.node"))
        plain.until(lambda s: s.pid != joined.pid and "revoked" in loop(s, "credentials").reason)
        now = plain.until(lambda s: loop(s, "credentials").healthy is False)
        assert "talks to it again" in loop(now, "credentials").reason
        _find_no_keys(voter, plain)


def _steer(voter: Site, plain: Site, op: Path, look: Path) -> None:
    pause, resume = (SetConfigMode(config="hex8_2p", mode=mode) for mode in ("paused", "active"))
    token = CreateToken(role="viewer", lifetime_s=60)
    for site in (voter, plain):
        at = url_of(site)
        with Client(Remote(at, op)) as olga, Client(Remote(at, look)) as vera:
            for action, mode in ((pause, "paused"), (resume, "active")):
                assert mode in olga.act(action).text
                deadline = time.monotonic() + DEADLINE_S
                while vera.status().configs[0].mode != mode:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            with pytest.raises(RefusedError, match="may look only"):
                vera.act(pause)
            if site is voter:
                assert str(olga.act(token).token).startswith("rr1.")
            else:
                # It could have been broken into, and invent the wish.
                with pytest.raises(RefusedError, match="ask a voter"):
                    olga.act(token)
    assert "node" in ringrift("tui", "--once", "--url", url_of(plain), "--data", look)
    assert "paused" in ringrift("pause", "hex8_2p", "--url", url_of(voter), "--data", op)
    assert "may look only" in refusal("resume", "hex8_2p", "--url", url_of(plain), "--data", look)


def _find_no_keys(*all_sites: Site) -> None:
    """No signing key, and no node's key, is anywhere but in its own file."""
    keys = [
        line
        for site in all_sites
        for path in (site.data / "tls").glob("*.key")
        for line in path.read_bytes().splitlines()[1:-1]
    ]
    assert len(keys) >= 3 * 2
    searched: set[str] = set()
    for site in all_sites:
        for path in site.data.rglob("*"):
            if path.is_file() and path.suffix != ".key":
                content = path.read_bytes()
                assert PRIVATE not in content, path
                assert not any(key in content for key in keys), path
                searched.add(path.name)
        snapshot = b"".join(site.client.snapshot())
        assert snapshot and PRIVATE not in snapshot and not any(key in snapshot for key in keys)
    assert {"history.sqlite", "node.jsonl", "vote"} <= searched
