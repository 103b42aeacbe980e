"""Three nodes as real processes on mutual TLS: founded, joined, at work together, and hard to kill.

Their children are the fake ones; everything else is production.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ringrift.wire.actions import ChangeRole, CreateToken, SetNodeMode, TransferLeadership
from ringrift.wire.views import StatusView
from tests.node.test_node_process import DEADLINE_S, PROFILE, Site, games

NAMES = ("first", "second", "third")
SETTINGS = PROFILE.replace('name = "tester"', 'name = ""') + '[peers]\nlisten = "127.0.0.1"\n'


def ringrift(*arguments: str | Path) -> str:
    command = [sys.executable, "-c", "from ringrift.cli.main import main; main()"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Cluster:
    """Three sites; each node runs under its sentinel, as operators run it."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.sites: dict[str, Site] = {}
        self.stack = stack
        for name in NAMES:
            (directory / name).mkdir()
            site = self.sites[name] = Site(directory / name)
            site.profile.write_text(SETTINGS)

    def found(self) -> None:
        first = self.sites["first"]
        place = ("--data", first.data, "--profile", first.profile)
        ringrift("init", *place, "--name", "first", "--timing", "local", "--root", self._root)
        self.start("first")
        first.until(lambda s: s.leader_id == s.node_id)
        for name in NAMES[1:]:
            site = self.sites[name]
            token = first.client.act(CreateToken(role="voter", lifetime_s=600)).token
            assert token is not None
            ringrift("join", token, "--name", name, "--data", site.data, "--profile", site.profile)
            self.start(name)

    @property
    def _root(self) -> Path:
        return self.sites["first"].profile.parent / "root.pem"

    def start(self, name: str) -> None:
        self.stack.enter_context(self.sites[name].running("ringrift.node.sentinel"))

    def until(self, holds: Callable[[dict[str, StatusView]], bool]) -> dict[str, StatusView]:
        """Wait until all nodes answer, and this holds of what they say."""
        deadline = time.monotonic() + DEADLINE_S
        told: dict[str, StatusView | None] = {}
        while time.monotonic() < deadline:
            told = {name: site.status() for name, site in self.sites.items()}
            here = {name: status for name, status in told.items() if status is not None}
            if len(here) == len(NAMES) and holds(here):
                return here
            time.sleep(0.1)
        raise AssertionError(f"it never held; last was {told}")


@contextmanager
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="rr-") as directory, ExitStack() as stack:
        subject = Cluster(Path(directory), stack)
        try:
            yield subject
        finally:
            for site in subject.sites.values():
                site.client.close()


def together(told: dict[str, StatusView]) -> bool:
    """All three vote, follow one leader, and are linked with each other."""
    return (
        len({status.leader_id for status in told.values()}) == 1
        and all(len(status.voters) == 3 for status in told.values())
        and all(status.alive_peers == 2 for status in told.values())
    )


def leader_of(told: dict[str, StatusView]) -> str:
    return next(name for name, status in told.items() if status.node_id == status.leader_id)


def test_three_nodes_found_work_survive_kills_and_obey_through_each_other() -> None:
    with cluster() as here:
        here.found()
        told = here.until(together)
        assert {status.nodes[0].name for status in told.values()} == {"first"}

        # All of them work, and training uses what the others played.
        here.until(lambda t: {node.items > 0 for node in t["first"].nodes} == {True})
        here.until(lambda t: all(s.configs[0].champion is not None for s in t.values()))
        # Each knows how the others are.
        here.until(lambda t: all(n.slots == 2 and n.alive for s in t.values() for n in s.nodes))

        # A kill of the leader: another leads, nothing that was counted is lost, the killed returns.
        before = here.until(together)
        leader = leader_of(before)
        os.kill(before[leader].pid, signal.SIGKILL)
        after = here.until(
            lambda t: (
                together(t)
                and t[leader].pid != before[leader].pid
                and games(t[leader]) > games(before[leader])
            )
        )
        assert after[leader].term > before[leader].term

        # An election forced at any node, and a drain of another at any node.
        follower = next(name for name in NAMES if name != leader_of(after))
        here.sites[follower].client.act(TransferLeadership(to=after[follower].node_id))
        moved = here.until(lambda t: together(t) and leader_of(t) == follower)
        other = next(name for name in NAMES if name != follower)
        here.sites[other].client.act(SetNodeMode(node=follower, mode="draining"))
        here.until(lambda t: t[follower].nodes != () and _mode(t, follower) == "drained")
        here.sites[follower].client.act(SetNodeMode(node=follower, mode="active"))
        here.until(lambda t: games(t[other]) > games(moved[other]))
        healed = here.until(lambda t: together(t) and _sick(t) == [])

        # A damaged log: its voter goes without a vote, works on, and is given all of it anew.
        third = next(name for name in NAMES if name not in (leader_of(healed), other))
        segment = min((here.sites[third].data / "log").glob("*.log"))
        damaged = bytearray(segment.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        segment.write_bytes(damaged)
        os.kill(healed[third].pid, signal.SIGKILL)
        hurt = here.until(
            lambda t: [at for at, loop, _ in _sick(t) if loop == "standing"] == [third]
        )
        assert "damaged" in next(why for _, loop, why in _sick(hurt) if loop == "standing")
        here.until(lambda t: games(t[third]) > games(hurt[third]))
        member, site = healed[third].node_id, here.sites[other]
        site.client.act(ChangeRole(member=member, role="node"))
        here.until(lambda t: all(len(s.voters) == 2 for s in t.values()) and _sick(t) == [])
        site.client.act(ChangeRole(member=member, role="voter"))
        here.until(lambda t: together(t) and _sick(t) == [])


def _sick(told: dict[str, StatusView]) -> list[tuple[str, str, str]]:
    return [
        (name, loop.name, loop.reason)
        for name, status in told.items()
        for loop in status.loops
        if loop.healthy is False
    ]


def _mode(told: dict[str, StatusView], name: str) -> str:
    return next(node.mode for node in told[name].nodes if node.name == name)
