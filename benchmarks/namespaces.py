"""Whole nodes, each in a network of its own: found by mDNS, parted and healed, and hidden.

    sudo .venv/bin/python benchmarks/namespaces.py parted [--hold 30]
    sudo .venv/bin/python benchmarks/namespaces.py hidden
    sudo .venv/bin/python benchmarks/namespaces.py sweep

Needs root and Linux: every node runs in a network namespace, joined by a veth pair to a bridge in
one more. Nodes, sentinels, founding and joining are production; their children are the fake ones
of the tests. Timing is lan. All namespaces go at the end; `sweep` removes what a killed run left.

`parted`: five voters. One of them joins with its list of seeds emptied, so that only mDNS can bring
it and the others together. Then the leader and one more are moved to another bridge: the three
others elect a leader and decide, the two decide nothing and say so. After `--hold` seconds they are
joined again: one leader, all the same state, and nothing lost that was acknowledged.

`hidden`: three voters and five nodes that accept no connections (62 %). The five claim, work and
hand in, and obey a drain that is asked of another hidden node, or of a voter.

Prints times in seconds. Exit status 1 when a bound is broken.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from ringrift.client import Client, ClientError
from ringrift.node.cluster.snapshot import Loader
from ringrift.node.cluster.state import ClusterState
from ringrift.wire.actions import ActionRequest, CreateToken, SetConfigMode, SetNodeMode
from ringrift.wire.views import StatusView

ROOT = Path(__file__).parent.parent
PREFIX = "rrbench"
SWITCH = f"{PREFIX}-switch"
SUBNET = "10.77.0"
DEADLINE_S = 120.0
PROFILE = f"""
[node]
disk_floor_bytes = 0
memory_tiers = [96.0, 97.0, 98.0, 99.0]
[worker]
slots = 1
command = ['{sys.executable}', '{ROOT / "tests" / "node" / "fake_child.py"}', 'good', '0.5']
[pipeline]
selfplay_games_per_item = 16
games_per_shard = 4
training_min_new_games = 100000
[discovery]
tailscale = false
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def sweep() -> None:
    """Remove all namespaces of this benchmark, and with them what is inside."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        if line.split()[0].startswith(PREFIX):
            ip("netns", "del", line.split()[0])


@contextmanager
def switch() -> Iterator[None]:
    """Two bridges that know nothing of each other, in a namespace of their own."""
    sweep()
    try:
        ip("netns", "add", SWITCH)
        for bridge in ("main", "other"):
            ip("-n", SWITCH, "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
            ip("-n", SWITCH, "link", "set", bridge, "up")
        yield
    finally:
        sweep()


def ringrift(namespace: str, *arguments: str | Path) -> str:
    code = "from ringrift.cli.main import main; main()"
    command = ["ip", "netns", "exec", namespace, sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise SystemExit(f"ringrift {arguments[0]}: {done.stderr}")
    return done.stdout.strip()


class Site:
    """A namespace, a data directory, and the node that runs there."""

    def __init__(self, directory: Path, number: int, *, inbound: bool) -> None:
        self.name, self.namespace = f"n{number}", f"{PREFIX}-{number}"
        self.directory = directory / self.name
        self.directory.mkdir()
        self.profile = self.directory / "bench.toml"
        self.profile.write_text(PROFILE)
        self.data = self.directory / "d"
        self.inbound = inbound
        self.client = Client(self.data / "node.sock")
        self.port = f"port{number}"
        self._sentinel: subprocess.Popen[bytes] | None = None
        ip("netns", "add", self.namespace)
        peer = ("peer", "name", "eth0", "netns", self.namespace)
        ip("link", "add", self.port, "netns", SWITCH, "type", "veth", *peer)
        ip("-n", self.namespace, "addr", "add", f"{SUBNET}.{number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", self.namespace, "link", "set", link, "up")
        self.plug("main")
        ip("-n", SWITCH, "link", "set", self.port, "up")

    def plug(self, bridge: str) -> None:
        """Move the node's cable to a bridge."""
        ip("-n", SWITCH, "link", "set", self.port, "master", bridge)

    def run(self, verb: str, *arguments: str | Path) -> str:
        place = ("--data", self.data, "--profile", self.profile)
        return ringrift(self.namespace, verb, *arguments, *place)

    def start(self) -> None:
        code = "from ringrift.cli.main import main; main()"
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-c", code, "node"]
        place = ["--data", str(self.data), "--profile", str(self.profile)]
        setting = {} if self.inbound else {"RINGRIFT_PEERS_INBOUND": "false"}
        with (self.directory / "words").open("wb") as words:
            self._sentinel = subprocess.Popen(
                [*command, *place], stdout=words, stderr=words, env={**os.environ, **setting}
            )

    def stop(self) -> None:
        """End the sentinel, and with it the node and its children."""
        self.client.close()
        if self._sentinel is None:
            return
        family = [psutil.Process(self._sentinel.pid)]
        with suppress(psutil.NoSuchProcess):
            family += family[0].children(recursive=True)
        self._sentinel.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            self._sentinel.wait(20)
        for member in family:
            if member.is_running():
                member.kill()
        self._sentinel.wait()

    def status(self) -> StatusView | None:
        try:
            return self.client.status()
        except ClientError:
            return None

    def state(self) -> ClusterState:
        """The whole replicated state of this node."""
        data, loader = b"".join(self.client.snapshot()), Loader(self.incarnation)
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            loader.feed(data[at + 4 : at + 4 + length])
            at += 4 + length
        return ClusterState.restored(loader)

    @property
    def incarnation(self) -> str:
        status = self.status()
        assert status is not None
        return status.cluster


class Fleet:
    """The sites of one set-up."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory, self._stack = directory, stack
        self.sites: dict[str, Site] = {}
        self.broken: list[str] = []

    def add(self, *, inbound: bool = True) -> Site:
        site = Site(self.directory, len(self.sites) + 1, inbound=inbound)
        self._stack.callback(site.stop)
        self.sites[site.name] = site
        return site

    def found(self) -> Site:
        first = self.add()
        first.run("init", "--name", first.name, "--timing", "lan", "--root", self.directory / "pem")
        first.start()
        self.until("the first node leads", lambda told: told["n1"].leader_id == told["n1"].node_id)
        return first

    def join(self, role: str, *, inbound: bool = True) -> Site:
        """Have one more node join; it does not run yet."""
        site = self.add(inbound=inbound)
        token = self.sites["n1"].client.act(CreateToken(role=role, lifetime_s=600)).token
        site.run("join", str(token), "--name", site.name)
        return site

    def until(
        self,
        what: str,
        holds: Callable[[dict[str, StatusView]], bool],
        whom: Iterable[str] | None = None,
        began: float | None = None,
    ) -> dict[str, StatusView]:
        """Wait until those nodes (all) answer and this holds; tell how long it took."""
        began = time.monotonic() if began is None else began
        deadline = time.monotonic() + DEADLINE_S
        whom = list(self.sites if whom is None else whom)
        told: dict[str, StatusView | None] = {}
        while time.monotonic() < deadline:
            told = {name: self.sites[name].status() for name in whom}
            here = {name: status for name, status in told.items() if status is not None}
            if len(here) == len(whom) and holds(here):
                print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)
                return here
            time.sleep(0.1)
        for name, status in told.items():
            print(f"{name}: {None if status is None else brief(status)}")
        raise SystemExit(f"BROKEN: within {DEADLINE_S:.0f} s: {what}")

    def must(self, bound: str, holds: bool) -> None:
        print(f"{'held' if holds else 'BROKEN'}: {bound}", flush=True)
        if not holds:
            self.broken.append(bound)


def brief(status: StatusView) -> str:
    loops = [f"{loop.name}: {loop.reason}" for loop in status.loops if loop.healthy is False]
    return (
        f"leader {status.leader_id}, term {status.term}, voters {len(status.voters)}, peers "
        f"{status.alive_peers}, commit {status.commit_index}, applied {status.applied_index}; "
        f"{loops}"
    )


def together(size: int, voters: int) -> Callable[[dict[str, StatusView]], bool]:
    """All follow one leader, know who votes, and see each other alive."""

    def holds(told: dict[str, StatusView]) -> bool:
        leaders = {status.leader_id for status in told.values()}
        return (
            len(leaders) == 1
            and None not in leaders
            and all(len(status.voters) == voters for status in told.values())
            and all(status.alive_peers == size - 1 for status in told.values())
        )

    return holds


def linked(status: StatusView) -> float:
    peers = [loop.figures.get("linked") for loop in status.loops if loop.name == "peers"]
    return float(peers[0] or 0) if peers else 0


def alike(told: dict[str, StatusView]) -> bool:
    return len({(s.applied_index, s.state_digest) for s in told.values()}) == 1


class Writer(threading.Thread):
    """Has something decided through one node, over and over; keeps what was acknowledged."""

    def __init__(self, site: Site) -> None:
        super().__init__(daemon=True)
        self._client = Client(site.data / "node.sock")
        self._ends = threading.Event()
        self.acknowledged: list[tuple[float, int]] = []
        self.failed = 0

    def run(self) -> None:
        while not self._ends.wait(0.2):
            wish: ActionRequest = SetConfigMode(config="hex8_2p", mode="active")
            try:
                index = self._client.act(wish).index
                self.acknowledged.append((time.monotonic(), index))
            except ClientError:
                self.failed += 1

    def end(self) -> None:
        self._ends.set()
        self.join()
        self._client.close()

    def after(self, moment: float) -> list[float]:
        return [at for at, _ in self.acknowledged if at > moment]


def parted(fleet: Fleet, hold_s: float) -> None:
    told = gathered(fleet)
    leader = next(name for name, status in told.items() if status.node_id == status.leader_id)
    minority = [leader, next(name for name in fleet.sites if name != leader)]
    majority = [name for name in fleet.sites if name not in minority]
    print(f"{leader} leads; {' and '.join(minority)} are cut off from {', '.join(majority)}")
    writers = {name: Writer(fleet.sites[name]) for name in (minority[0], minority[1], majority[0])}
    for writer in writers.values():
        writer.start()
    time.sleep(3)
    ids = {told[name].node_id for name in majority}
    known = cut_off(fleet, minority, majority, ids, writers, hold_s)
    healed(fleet, minority, writers, known)


def gathered(fleet: Fleet) -> dict[str, StatusView]:
    """Five voters, the last of which was told of nobody."""
    fleet.found()
    for _ in range(3):
        fleet.join("voter").start()
    site = fleet.join("voter")
    (site.data / "seeds.json").write_text("{}")
    site.start()
    began = time.monotonic()
    fleet.until("the node without seeds answers", lambda told: True, [site.name], began)
    fleet.until(
        "the node without seeds is linked, found by mDNS",
        lambda told: linked(told[site.name]) > 0,
        [site.name],
        began,
    )
    return fleet.until("all five vote, and see each other", together(5, 5), began=began)


def cut_off(
    fleet: Fleet,
    minority: list[str],
    majority: list[str],
    ids: set[str],
    writers: dict[str, Writer],
    hold_s: float,
) -> int:
    """Hold the partition; returns up to which index the majority decided."""
    cut = time.monotonic()
    for name in minority:
        fleet.sites[name].plug("other")
    fleet.until(
        "the majority has a leader",
        lambda told: (
            len({s.leader_id for s in told.values()} & ids)
            == 1
            == len({s.leader_id for s in told.values()})
        ),
        majority,
        cut,
    )
    parted = fleet.until(
        "the minority says that it has no quorum",
        lambda told: not any(s.voter_quorum_ok for s in told.values()),
        minority,
        cut,
    )
    time.sleep(max(0.0, cut + hold_s - time.monotonic()))
    still = {name: fleet.sites[name].status() for name in minority}
    rest = {name: fleet.sites[name].status() for name in majority}
    decided = writers[majority[0]].after(cut)
    print(f"{decided[0] - cut if decided else -1:6.1f} s  the majority decides")
    # What was on its way when the cable was pulled may be acknowledged a moment later.
    late = [at - cut for name in minority for at in writers[name].after(cut + 0.5)]
    fleet.must("the majority decides", len(decided) > hold_s)
    fleet.must("the minority decides nothing", not late)
    fleet.must(
        "the minority says so to the end, and its log stands still",
        all(
            s is not None and not s.voter_quorum_ok and s.commit_index == parted[name].commit_index
            for name, s in still.items()
        ),
    )
    fleet.must(
        "the majority says that it has a quorum",
        all(s is not None and s.voter_quorum_ok for s in rest.values()),
    )
    return max(s.commit_index for s in rest.values() if s is not None)


def healed(fleet: Fleet, minority: list[str], writers: dict[str, Writer], known: int) -> None:
    """Put the cables back; nothing that was acknowledged may be missing anywhere."""
    began = time.monotonic()
    for name in minority:
        fleet.sites[name].plug("main")
    fleet.until(
        "after the healing the minority has caught up with what was decided without it",
        lambda told: all(s.applied_index >= known for s in told.values()),
        minority,
        began,
    )
    fleet.until("all follow one leader, and see each other", together(5, 5), began=began)
    first = {name: writers[name].after(began)[:1] for name in minority}
    for writer in writers.values():
        writer.end()
    again = {name: round(at[0] - began, 1) for name, at in first.items() if at}
    print(f"        acknowledged again by the two after (s): {again}")
    # With nothing to do the log stands still, and states can be compared.
    fleet.sites["n1"].client.act(SetConfigMode(config="hex8_2p", mode="paused"))
    fleet.until("all work is paused, and all have the same state", alike, began=began)
    acknowledged = [index for writer in writers.values() for _, index in writer.acknowledged]
    lost = {
        name: [index for index in acknowledged if index not in site.state().audit.rows]
        for name, site in fleet.sites.items()
    }
    failed = sum(writer.failed for writer in writers.values())
    print(f"{len(acknowledged)} actions acknowledged, {failed} not")
    fleet.must("nothing acknowledged is lost, at any node", not any(lost.values()))


def hidden(fleet: Fleet) -> None:
    fleet.found()
    for _ in range(2):
        fleet.join("voter").start()
    fleet.until("three vote, and see each other", together(3, 3))
    behind = [fleet.join("node", inbound=False) for _ in range(5)]
    began = time.monotonic()
    for site in behind:
        site.start()
    fleet.until("all eight see each other", together(8, 3), began=began)
    names = {site.name: site for site in behind}
    told = fleet.sites["n1"].status()
    assert told is not None
    ids = {node.name: node.id for node in told.nodes}

    def handed_in() -> dict[str, tuple[int, int]]:
        """Items completed and games handed in, by hidden node."""
        state = fleet.sites["n2"].state()
        done = [
            r.claim.node for r in state.work.rows.values() if r.state == "completed" and r.claim
        ]
        shards = list(state.shards.rows.values())
        return {
            name: (
                done.count(ids[name]),
                sum(s.facts.games for s in shards if s.maker == ids[name]),
            )
            for name in names
        }

    deadline = time.monotonic() + DEADLINE_S
    while not all(items and games for items, games in handed_in().values()):
        if time.monotonic() > deadline:
            break
        time.sleep(0.5)
    print(f"{time.monotonic() - began:6.1f} s  (items, games) handed in: {handed_in()}")
    fleet.must(
        "every hidden node claims, works and hands in",
        all(items and games for items, games in handed_in().values()),
    )
    state = fleet.sites["n2"].state()
    made = {s.facts.sha256 for s in state.shards.rows.values() if s.maker in map(ids.get, names)}
    kept = {
        path.name for n in ("n1", "n2", "n3") for path in fleet.sites[n].data.glob("blobs/**/*")
    }
    there = sum(any(sha in name for name in kept) for sha in made)
    print(f"        {there} of {len(made)} shards of hidden nodes lie at a voter, too")
    one, other, third = list(names)[:3]
    for asked, target, seen in ((other, one, third), ("n2", third, one)):
        began = time.monotonic()
        fleet.sites[asked].client.act(SetNodeMode(node=target, mode="draining"))
        fleet.until(
            f"{target} (hidden) is drained, asked of {asked}, seen at {seen}",
            lambda told, target=target: any(
                n.name == target and n.mode == "drained" for n in next(iter(told.values())).nodes
            ),
            [seen],
            began,
        )
        fleet.sites[asked].client.act(SetNodeMode(node=target, mode="active"))
    fleet.must("hidden nodes obey a drain sent through another node", True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["parted", "hidden", "sweep"])
    parser.add_argument("--hold", type=float, default=30.0)
    parser.add_argument("--keep", type=Path, help="where to copy what the nodes said when broken")
    options = parser.parse_args()
    if options.what == "sweep":
        sweep()
        return 0
    print(f"load of the machine before: {', '.join(f'{x:.1f}' for x in os.getloadavg())}")
    with switch(), tempfile.TemporaryDirectory(prefix="ns-") as directory, ExitStack() as stack:
        fleet = Fleet(Path(directory), stack)
        whole = False
        try:
            if options.what == "parted":
                parted(fleet, options.hold)
            else:
                hidden(fleet)
            whole = not fleet.broken
        finally:
            if options.keep and not whole:
                ignored = shutil.ignore_patterns("*.sock", "blobs", "tls")
                shutil.copytree(directory, options.keep, ignore=ignored, dirs_exist_ok=True)
    print(f"load of the machine after: {', '.join(f'{x:.1f}' for x in os.getloadavg())}")
    return int(bool(fleet.broken))


if __name__ == "__main__":
    sys.exit(main())
