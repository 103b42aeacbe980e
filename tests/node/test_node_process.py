"""The node as real processes, end to end: it works, obeys, survives kills, and refuses clearly.

Its children are the fake ones, so that all of this takes seconds; everything else is production.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest
import trio
from alone import alone

from ringrift.client import Client, ClientError
from ringrift.node.cluster.state import ClusterState
from ringrift.node.data.blobs import BlobStore
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.disk import RealDisk
from ringrift.wire.actions import RestartNode, SetNodeMode
from ringrift.wire.views import StatusView

FAKE = Path(__file__).parent / "fake_child.py"
DEADLINE_S = 60.0
T = TypeVar("T")

PROFILE = f"""
[node]
name = "tester"
disk_floor_bytes = 0
memory_tiers = [96.0, 97.0, 98.0, 99.0]
[worker]
slots = 2
command = ['{sys.executable}', '{FAKE}', 'good', '0.1']
claim_interval_s = 0.05
[pipeline]
selfplay_games_per_item = 16
games_per_shard = 4
training_min_new_games = 64
"""


def free_offset() -> int:
    """An offset at which all ports of a node are free now."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            offset = first.getsockname()[1] - 8770
            try:
                second.bind(("127.0.0.1", 8790 + offset))
                third.bind(("127.0.0.1", 8775 + offset))
            except (OSError, OverflowError):
                continue
            return offset


class Site:
    """A data directory, a profile, and how a test talks to what runs there."""

    def __init__(self, directory: Path) -> None:
        self.profile = directory / "test.toml"
        self.profile.write_text(PROFILE)
        self.data = directory / "d"
        self.offset = free_offset()
        self.client = Client(self.data / "node.sock")

    def command(self, module: str) -> list[str]:
        return [
            *(sys.executable, "-m", module, "--profile", str(self.profile)),
            *("--data", str(self.data), "--port-offset", str(self.offset)),
        ]

    @contextmanager
    def running(self, module: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.profile.parent / "stderr").open("wb") as stderr:
            process = subprocess.Popen(self.command(module), stderr=stderr)
        family = [psutil.Process(process.pid)]
        try:
            yield process
        finally:
            family += descendants(process.pid)
            for member in family:
                if member.is_running():
                    member.kill()
            process.wait(DEADLINE_S)

    def refusal(self, module: str) -> str:
        ended = subprocess.run(
            self.command(module), capture_output=True, timeout=DEADLINE_S, check=False
        )
        assert ended.returncode == 2
        lines = ended.stderr.decode().splitlines()
        (sentence,) = [line for line in lines if not line.startswith("{")]
        assert sentence.startswith("ringrift: ")
        return sentence

    def status(self) -> StatusView | None:
        try:
            # Asked first: httpcore leaks its socket when nobody listens, a warning and so an error.
            with socket.socket(socket.AF_UNIX) as knock:
                knock.connect(str(self.data / "node.sock"))
            return self.client.status()
        except (ClientError, OSError):
            return None

    def until(self, holds: Callable[[StatusView], bool]) -> StatusView:
        """Wait until the node answers with a status of which this holds."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None and holds(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"it never held; last was {self.status()}")

    def sentinel(self) -> dict[str, object]:
        return httpx.get(f"http://127.0.0.1:{8790 + self.offset}/status").json()


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def games(status: StatusView) -> int:
    return sum(config.games for config in status.configs)


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def site() -> Iterator[Site]:
    # Not pytest's own directory: with a test's name in it, a Unix socket's path is too long.
    with tempfile.TemporaryDirectory(prefix="ringrift-") as directory:
        subject = Site(Path(directory))
        yield subject
        subject.client.close()


def test_a_bare_node_works_drains_and_stops_leaving_nothing_behind(site: Site) -> None:
    with site.running("ringrift.node") as node:
        status = site.until(lambda s: s.configs != () and s.configs[0].champion is not None)
        assert (status.alive_peers, status.voter_quorum_ok) == (0, True)
        assert status.leader_id == status.node_id
        assert games(status) >= 64
        assert {stage.name for stage in status.stages} >= {"SELFPLAY", "SYNC", "PROMOTION"}
        assert [loop.name for loop in status.loops if loop.healthy is False] == []
        plain = httpx.get(f"http://localhost:{8770 + site.offset}/status").json()
        assert plain["node_id"] == status.node_id

        site.client.act(SetNodeMode(node="tester", mode="draining"))
        drained = site.until(lambda s: s.nodes[0].mode == "drained" and s.nodes[0].slots_busy == 0)
        assert descendants(node.pid) == []
        assert drained.work_counts["claimed"] == 0
        site.client.act(SetNodeMode(node="tester", mode="active"))
        site.until(lambda s: games(s) > games(drained))

        children = descendants(node.pid)
        node.send_signal(signal.SIGTERM)
        assert node.wait(DEADLINE_S) == 0
        assert all(is_gone(child.pid) for child in children)
        assert list((site.data / "work").iterdir()) == []


def recovered(data: Path) -> ClusterState:
    """The state that the log of a stopped node holds."""

    async def run() -> ClusterState:
        async def in_line(function: Callable[[], T]) -> T:
            return function()

        identity = json.loads((data / "identity.json").read_text())
        replica = await alone(
            RealDisk(data / "log"),
            SystemClock(),
            in_line,
            node_id=identity["node_id"],
            incarnation=identity["incarnation"],
        )
        return replica.state

    return trio.run(run)


def kill_once(site: Site) -> int:
    """Kill the node at work and see it come back with all its games; return the killed pid."""
    before = site.until(lambda s: games(s) >= 16 and s.work_counts["claimed"] > 0)
    children = [child.pid for child in descendants(before.pid)]
    os.kill(before.pid, signal.SIGKILL)
    after = site.until(lambda s: s.pid != before.pid and games(s) > games(before))
    assert (after.node_id, after.term) == (before.node_id, before.term + 1)
    assert all(is_gone(child) for child in children)
    return before.pid


def test_a_killed_node_comes_back_and_neither_loses_nor_repeats_a_game(site: Site) -> None:
    with site.running("ringrift.node.sentinel") as sentinel:
        pids = {kill_once(site) for _ in range(3)}
        after = site.until(lambda s: s.pid not in pids)
        assert len(pids) == 3
        shown = site.sentinel()
        assert (shown["restarts"], shown["last_exit"]) == (3, "killed by SIGKILL")
        sentinel.send_signal(signal.SIGINT)
        assert sentinel.wait(DEADLINE_S) == 0
        assert is_gone(after.pid)
    state = recovered(site.data)
    facts = [shard.facts for shard in state.shards.rows.values()]
    blobs = BlobStore(site.data / "blobs")
    assert all(blobs.verify(shard.sha256) for shard in facts)
    numbers = {(f.run_id, f.first_game + n) for f in facts for n in range(f.games)}
    assert len(numbers) == sum(f.games for f in facts) == state.shards.of("hex8_2p").games
    assert len(numbers) >= games(after)


def test_an_asked_restart_is_a_new_life_at_once(site: Site) -> None:
    with site.running("ringrift.node.sentinel"):
        before = site.until(lambda s: games(s) > 0)
        site.client.act(RestartNode(node=before.node_id))
        after = site.until(lambda s: s.pid != before.pid)
        assert after.nodes[0].restart_generation == 1
        site.until(lambda s: games(s) > games(before))
        shown = site.sentinel()
        assert shown["last_exit"] == "asked to be started anew"


def test_a_node_goes_with_its_sentinel(site: Site) -> None:
    with site.running("ringrift.node.sentinel") as sentinel:
        status = site.until(lambda s: s.work_counts["claimed"] > 0)
        family = [status.pid, *(child.pid for child in descendants(status.pid))]
        # The node's own numpy takes no core from the children.
        assert psutil.Process(status.pid).environ()["OPENBLAS_NUM_THREADS"] == "1"
        sentinel.kill()
        sentinel.wait(DEADLINE_S)
        deadline = time.monotonic() + DEADLINE_S
        while not all(is_gone(pid) for pid in family):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_two_lives_cannot_share_a_directory_or_a_port(site: Site) -> None:
    with site.running("ringrift.node") as node:
        site.until(lambda s: True)
        assert f"(pid {node.pid})" in site.refusal("ringrift.node")
        data, site.data = site.data, site.data.parent / "other"
        sentence = site.refusal("ringrift.node")
        assert f"port {8770 + site.offset}" in sentence
        assert f"(pid {node.pid})" in sentence
        assert not (site.data / "identity.json").exists()
        site.data = data


@pytest.mark.parametrize("module", ["ringrift.node", "ringrift.node.sentinel"])
def test_a_wrong_profile_or_directory_is_one_sentence_and_exit_code_2(
    site: Site, module: str
) -> None:
    site.profile.write_text("[worker]\n\nslotz = 3\n")
    assert "test.toml:3: unknown field 'slotz' in [worker]; did you mean 'slots'?" in site.refusal(
        module
    )
    site.profile.write_text("")
    site.data = site.data.parent / ("x" * 120)
    assert "choose a shorter one with --data" in site.refusal(module)
    site.data = site.profile / "below-a-file"
    assert "cannot be used" in site.refusal(module)


def test_the_nodes_own_processes_import_neither_torch_nor_numba() -> None:
    code = """
import importlib, pkgutil, sys, ringrift.node
for module in pkgutil.walk_packages(ringrift.node.__path__, "ringrift.node."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import ringrift.node.__main__
print(sorted({"torch", "numba", "textual", "ringrift.client"} & sys.modules.keys()))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE_S
    )
    assert ended.stdout.strip() == "[]"


def test_collections_of_garbage_do_not_go_through_all_that_was_imported() -> None:
    code = """
import gc
from ringrift.node.__main__ import main
main(["--profile", "no-such-profile"])
print(gc.get_freeze_count() > 10 * len(gc.get_objects()))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=DEADLINE_S
    )
    assert ended.stdout.strip() == "True"
