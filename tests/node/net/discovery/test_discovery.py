"""Discovery for real: multicast on loopback and between network namespaces, and its failures."""

import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from ringrift.node.net.discovery import discovery as module
from ringrift.node.net.discovery.announcement import Announcement, Answer
from ringrift.node.net.discovery.discovery import FIRST_PAUSE_S, ROUND_S, Discovery
from ringrift.node.net.discovery.hints import HintBook
from ringrift.node.net.discovery.mdns import SERVICE, Mdns, MdnsError
from ringrift.node.net.discovery.static import StaticError
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import Clock, SystemClock
from ringrift.node.runtime.loop import LoopRecord, Pulse, health
from ringrift.node.runtime.settings import DiscoverySettings
from tests.node.virtual_clock import VirtualClock

ON_LOOPBACK = DiscoverySettings(interfaces=("127.0.0.1",))
EVENT_S = 20


class Node:
    """One that looks for others; `news` is set at every ring."""

    def __init__(
        self,
        node: str,
        incarnation: str,
        port: int = 1,
        settings: DiscoverySettings = ON_LOOPBACK,
        listen: str = "127.0.0.1",
        clock: Clock | None = None,
        programs: tuple[str, ...] = (),
    ) -> None:
        self.clock = clock or SystemClock()
        self.book, self.record, self.rings = HintBook(), LoopRecord(), 0
        self.changed = trio.Event()
        self.discovery = Discovery(
            Announcement(node, incarnation, "0.1.0", port),
            listen,
            settings,
            self.book,
            self.ring,
            self.clock,
            InThreads(2) if clock is None else in_line,
            programs,
        )

    def ring(self) -> None:
        self.rings += 1

    def pulse(self) -> Pulse:
        return Pulse(self.record, self.clock, lambda: None)

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(EVENT_S):
            while not condition():
                await trio.sleep(0.05)

    def knows(self, node: str) -> tuple[tuple[str, int], ...]:
        return self.book.addresses(node, self.clock.now())


async def in_line(function: Callable[[], object], /) -> object:
    await trio.lowlevel.checkpoint()
    return function()


def new_id(what: str) -> str:
    """Other runs of these tests may be on the same network."""
    return f"{what}-{secrets.token_hex(4)}"


async def test_two_on_loopback_see_each_other_and_neither_itself_nor_another_cluster() -> None:
    before = set(threading.enumerate())
    ours, theirs = secrets.token_hex(16), secrets.token_hex(16)
    a, b, c = new_id("a"), new_id("b"), new_id("c")
    nodes = {a: Node(a, ours, 11), b: Node(b, ours, 22), c: Node(c, theirs, 33)}
    async with trio.open_nursery() as running:
        for node in nodes.values():
            running.start_soon(node.discovery.run_mdns, node.pulse())
        await nodes[a].until(lambda: bool(nodes[a].knows(b)))
        await nodes[b].until(lambda: bool(nodes[b].knows(a)))
        await nodes[a].until(lambda: bool(nodes[a].record.figures["foreign_nodes"]))
        assert nodes[a].knows(b) == (("127.0.0.1", 22),)
        assert nodes[b].knows(a) == (("127.0.0.1", 11),)
        assert nodes[a].rings == nodes[b].rings == 1
        assert nodes[a].book.nodes(nodes[a].clock.now()) == (b,)
        assert nodes[a].record.figures["nodes"] == 1
        assert nodes[a].record.well
        reason = nodes[a].record.reason
        assert reason.startswith("1 other node(s) of this cluster on this network, and nodes of ")
        assert len(nodes[c].book) == 0
        running.cancel_scope.cancel()
    assert {t for t in threading.enumerate() if "zeroconf" in t.name} <= before


async def test_who_leaves_is_no_longer_counted_but_stays_a_hint() -> None:
    ours, a, b = secrets.token_hex(16), new_id("a"), new_id("b")
    stays, leaves = Node(a, ours, 11), Node(b, ours, 22)
    async with trio.open_nursery() as running:
        running.start_soon(stays.discovery.run_mdns, stays.pulse())
        async with trio.open_nursery() as short:
            short.start_soon(leaves.discovery.run_mdns, leaves.pulse())
            await stays.until(lambda: stays.record.figures.get("nodes") == 1)
            short.cancel_scope.cancel()
        await stays.until(lambda: stays.record.figures["nodes"] == 0)
        assert stays.knows(b) == (("127.0.0.1", 22),)
        running.cancel_scope.cancel()


async def test_mangled_announcements_on_the_wire_are_counted_and_nothing_else() -> None:
    import zeroconf

    names = [new_id("mangled") for _ in range(3)]
    txts: list[dict[str, str | bytes]] = [{}, {"node": b"\xff" * 70}, {"incarnation": "x"}]

    def announce() -> zeroconf.Zeroconf:
        liar = zeroconf.Zeroconf(["127.0.0.1"])
        for name, txt in zip(names, txts, strict=True):
            info = zeroconf.ServiceInfo(
                SERVICE, f"{name}.{SERVICE}", port=9, properties=txt, parsed_addresses=["127.0.0.1"]
            )
            liar.register_service(info, cooperating_responders=True)
        return liar

    node = Node(new_id("a"), secrets.token_hex(16))
    liar = await trio.to_thread.run_sync(announce)
    try:
        async with trio.open_nursery() as running:
            running.start_soon(node.discovery.run_mdns, node.pulse())
            await node.until(lambda: node.record.figures.get("unreadable", 0) >= len(names))
            assert len(node.book) == 0
            assert node.record.well
            running.cancel_scope.cancel()
    finally:
        await trio.to_thread.run_sync(liar.close)


def test_a_long_name_is_announced_and_names_without_records_are_no_answer() -> None:
    me = Announcement(new_id("x" * 55)[:64], secrets.token_hex(16), "0", 7)
    heard = threading.Event()
    mdns = Mdns(me, ["127.0.0.1"], ["127.0.0.1"], lambda name, gone: heard.set())
    try:
        assert heard.wait(EVENT_S)
        answer = mdns.ask(f"{me.node[:60]}.{SERVICE}")
        assert isinstance(answer, Answer)
        assert answer.txt[b"node"] == me.node.encode()
        assert mdns.ask("no name of ours") is None
    finally:
        mdns.close()


@pytest.mark.parametrize(
    ("interface", "reason"), [("eth99", "eth99"), ("10.255.254.253", "10.255.254.253"), ("", "''")]
)
def test_a_wrong_interface_is_one_sentence(interface: str, reason: str) -> None:
    me = Announcement("a", "a" * 32, "0", 7)
    with pytest.raises(MdnsError) as caught:
        Mdns(me, ["127.0.0.1"], [interface], lambda name, gone: None)
    assert reason in str(caught.value)
    assert "[discovery] interfaces" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_what_fails_is_shown_tried_again_ever_more_rarely_and_mends(
    nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []

    class Broken:
        def __init__(self, *_: object) -> None:
            made.append(trio.current_time())
            if len(made) < 12:
                raise MdnsError("there is no multicast here")

        def close(self) -> None: ...

    monkeypatch.setattr(module, "Mdns", Broken)
    node = Node("a", "a" * 32, clock=VirtualClock())
    (loop, _) = node.discovery.loops()
    nursery.start_soon(loop.body, node.pulse())
    await trio.sleep(1)
    assert health(loop, node.record, trio.current_time()) == (False, "there is no multicast here")
    while len(made) < 12:
        await trio.sleep(10)
        assert health(loop, node.record, trio.current_time())[1] in (
            "there is no multicast here",
            "0 other node(s) of this cluster on this network",
        ), "a pause must not look like a loop that hangs"
    pauses = [after - before for before, after in pairwise(made)]
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    await trio.sleep(1)
    assert health(loop, node.record, trio.current_time())[0]


async def test_a_new_address_is_announced_by_starting_anew(
    nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[object] = []
    closed: list[object] = []

    class Silent:
        def __init__(self, me: object, addresses: object, *_: object) -> None:
            self.addresses = addresses
            announced.append(addresses)

        def close(self) -> None:
            closed.append(self.addresses)

    now = ["10.0.0.1"]
    monkeypatch.setattr(module, "Mdns", Silent)
    monkeypatch.setattr(module, "own_addresses", lambda listen: tuple(now))
    node = Node("a", "a" * 32, clock=VirtualClock(), listen="0.0.0.0")
    nursery.start_soon(node.discovery.run_mdns, node.pulse())
    await trio.sleep(5 * ROUND_S)
    assert announced == [("10.0.0.1",)]
    now.append("10.0.0.2")
    await trio.sleep(ROUND_S + 1)
    assert announced == [("10.0.0.1",), ("10.0.0.1", "10.0.0.2")]
    now.clear()
    await trio.sleep(2 * ROUND_S)
    assert closed == announced
    assert (node.record.well, node.record.reason) == (
        False,
        "this machine is in no network; connect it to one",
    )


async def test_tailscale_is_asked_every_minute_and_its_failures_are_shown(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    program = tmp_path / "tailscale"
    program.write_text(
        '#!/bin/sh\necho \'{"BackendState": "Running", "Peer": {"k": '
        '{"Online": true, "TailscaleIPs": ["100.64.0.2"]}}}\'\n'
    )
    program.chmod(0o755)
    node = Node("a", "a" * 32, 77, programs=(str(program),))
    absent = Node("b", "a" * 32, 77, programs=("/nowhere",))
    for each in (node, absent):
        nursery.start_soon(each.discovery.run_tailscale, each.pulse())
        await each.until(lambda: each.record.runs == 1)  # noqa: B023 - waited for in place
    assert node.book.strangers(node.clock.now()) == (("100.64.0.2", 77),)
    assert node.rings == 1
    assert node.record.figures == {"machines": 1, "online": 1}
    assert (absent.record.well, absent.record.reason) == (True, "not installed")
    program.write_text("#!/bin/sh\necho nonsense\n")
    again = Node("a", "a" * 32, 77, programs=(str(program),))
    nursery.start_soon(again.discovery.run_tailscale, again.pulse())
    await again.until(lambda: again.record.runs == 1)
    assert not again.record.well
    assert "no status" in again.record.reason


def test_settings_choose_what_runs_and_where_to_look_first() -> None:
    clock, book = SystemClock(), HintBook()
    me = Announcement("a", "a" * 32, "0", 8775)

    def loops(settings: DiscoverySettings) -> list[str]:
        made = Discovery(me, "", settings, book, lambda: None, clock, InThreads(1))
        return [loop.name for loop in made.loops()]

    assert loops(DiscoverySettings()) == ["mdns", "tailscale"]
    assert loops(DiscoverySettings(mdns=False, tailscale=False, seeds=("gpu-1", "b:9"))) == []
    assert book.strangers(clock.now()) == (("gpu-1", 8775), ("b", 9))
    with pytest.raises(StaticError, match="'b:x'"):
        loops(DiscoverySettings(seeds=("b:x",)))


@contextmanager
def two_networks_joined() -> Iterator[dict[str, str]]:
    """Two network namespaces with a cable between them: their names and addresses."""
    ip = shutil.which("ip")
    if os.geteuid() != 0 or ip is None:
        pytest.skip("network namespaces need root and the program ip")
    tag = secrets.token_hex(3)
    places = {f"rr-{tag}-{i}": f"10.213.77.{i}" for i in (1, 2)}

    def run(*command: str) -> None:
        subprocess.run((ip, *command), check=True, capture_output=True, timeout=20)

    try:
        try:
            for name in places:
                run("netns", "add", name)
            run("link", "add", f"rr{tag}1", "type", "veth", "peer", "name", f"rr{tag}2")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.decode().strip()}")
        for i, (name, address) in enumerate(places.items(), start=1):
            run("link", "set", f"rr{tag}{i}", "netns", name)
            inside = partial(run, "-n", name)
            inside("address", "add", f"{address}/24", "dev", f"rr{tag}{i}")
            inside("link", "set", f"rr{tag}{i}", "up")
            inside("link", "set", "lo", "up")
        yield places
    finally:
        subprocess.run((ip, "link", "delete", f"rr{tag}1"), capture_output=True, check=False)
        for name in places:
            subprocess.run((ip, "netns", "delete", name), capture_output=True, check=False)


async def test_two_machines_on_one_network_see_each_other() -> None:
    script, incarnation = Path(__file__).with_name("announcing.py"), secrets.token_hex(16)
    with two_networks_joined() as places:
        async with trio.open_nursery() as nursery:
            children: list[trio.Process] = []
            for port, name in enumerate(places, start=1):
                inside = ("ip", "netns", "exec", name, sys.executable, str(script))
                run = partial(trio.run_process, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                arguments = (f"node-{port}", incarnation, "0.0.0.0", str(port))
                children.append(await nursery.start(run, (*inside, *arguments)))
            heard = [b"", b""]
            with trio.fail_after(2 * EVENT_S):
                for i, child in enumerate(children):
                    assert child.stdout is not None
                    while not heard[i].endswith(b"\n"):
                        heard[i] += await child.stdout.receive_some()
            one, two = places.values()
            assert heard == [f"node-2 {two} 2\n".encode(), f"node-1 {one} 1\n".encode()]
            for child in children:
                assert child.stdin is not None
                await child.stdin.aclose()
