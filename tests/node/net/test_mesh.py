"""Links among nodes in memory: one a pair, kept, renewed, refused."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from ringrift.node.net.link import Link, LinkError
from ringrift.node.net.mesh import Address, Mesh
from ringrift.wire import peer as p
from ringrift.wire.raft import TimeoutNow
from tests.node.virtual_clock import VirtualClock


class Town:
    """Meshes by node id, and a network of memory streams among them."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.meshes: dict[str, Mesh] = {}
        self.heard: dict[str, list[tuple[str, p.PeerMessage]]] = {}
        self.banned: set[str] = set()
        self.down: set[str] = set()
        self.dials, self.dial_s = 0, 0.01

    def add(self, name: str, *wanted: str, boot: int = 1) -> Mesh:
        heard = self.heard.setdefault(name, [])

        def receive(link: Link, message: p.PeerMessage) -> None:
            heard.append((link.peer, message))

        mesh = Mesh(
            p.Hello(name, boot, "0", 1),
            bytes(16),
            VirtualClock(),
            dial=self._dialler(name),
            wanted=lambda: {peer: [(peer, 1)] for peer in wanted},
            tried=lambda peer, address, reached: None,
            admits=lambda peer: f"{peer} is banned" if peer in self.banned else None,
            receive=receive,
            found=lambda peer: None,
            lost=lambda peer: None,
        )
        self.meshes[name] = mesh
        self.nursery.start_soon(mesh.run)
        return mesh

    def _dialler(self, name: str) -> Callable[..., object]:
        async def dial(peer: str, address: Address) -> trio.abc.Stream:
            self.dials += 1
            await trio.sleep(self.dial_s)
            if peer in self.down or name in self.down:
                raise LinkError(f"{peer} is not there.")
            near, far = memory_stream_pair()
            self.nursery.start_soon(self.meshes[peer].accept, far, name)
            return near

        return dial

    def linked(self) -> set[str]:
        return {f"{name}-{peer}" for name, mesh in self.meshes.items() for peer in mesh.links}


@pytest.fixture
async def town(nursery: trio.Nursery) -> Town:
    return Town(nursery)


async def test_two_that_dial_each_other_keep_one_link(
    town: Town, autojump_clock: MockClock
) -> None:
    a, b = town.add("a", "b"), town.add("b", "a")
    await trio.sleep(5)
    assert town.linked() == {"a-b", "b-a"}
    assert a.links["b"].dialled and not b.links["a"].dialled
    settled = town.dials
    await trio.sleep(60)
    assert town.dials == settled
    a.send("b", TimeoutNow(7))
    b.send("a", TimeoutNow(8))
    a.send("nobody", TimeoutNow(9))
    await trio.sleep(1)
    assert ("a", p.Consensus(TimeoutNow(7))) in town.heard["b"]
    assert ("b", p.Consensus(TimeoutNow(8))) in town.heard["a"]


async def test_a_node_that_is_only_dialled_can_be_spoken_to(
    town: Town, autojump_clock: MockClock
) -> None:
    town.add("voter")
    town.add("behind-nat", "voter")
    await trio.sleep(1)
    town.meshes["voter"].send("behind-nat", TimeoutNow(1))
    await trio.sleep(1)
    assert ("voter", p.Consensus(TimeoutNow(1))) in town.heard["behind-nat"]


async def test_a_lost_link_is_dialled_again_and_an_absent_peer_ever_more_rarely(
    town: Town, autojump_clock: MockClock
) -> None:
    town.add("a", "b")
    town.add("b")
    await trio.sleep(1)
    town.down.add("b")
    town.meshes["b"].links["a"].close()
    await trio.sleep(100)
    assert town.linked() == set()
    assert town.dials < 20
    town.down.clear()
    await trio.sleep(11)
    assert town.linked() == {"a-b", "b-a"}


async def test_a_new_life_takes_the_place_of_one_that_is_silent(
    town: Town, autojump_clock: MockClock
) -> None:
    town.add("b")
    # A machine that lost its power hangs up on nobody.
    near, far = memory_stream_pair()
    dead = Link(near, bytes(16), "b", VirtualClock(), dialled=True)
    town.nursery.start_soon(town.meshes["b"].accept, far, "a")
    await dead.greet(p.Hello("a", 1, "0", 1))
    await trio.sleep(1)
    assert town.linked() == {"b-a"}
    town.add("a", "b", boot=2)
    await trio.sleep(15)
    assert town.linked() == {"a-b", "b-a"}
    assert town.meshes["b"].links["a"].hello == p.Hello("a", 2, "0", 1)


async def test_of_two_that_live_as_one_node_the_one_that_is_linked_stays(
    town: Town, autojump_clock: MockClock
) -> None:
    b = town.add("b")
    town.add("a", "b", boot=2)
    await trio.sleep(1)
    first = b.links["a"]
    later, earlier = town.add("a", "b", boot=3), town.add("a", "b", boot=1)
    await trio.sleep(60)
    assert b.links["a"] is first
    assert later.links == earlier.links == {}


async def test_who_is_refused_is_cut_off_and_kept_out(
    town: Town, autojump_clock: MockClock
) -> None:
    town.add("a", "b")
    b = town.add("b")
    await trio.sleep(1)
    town.banned.add("a")
    b.look()
    await trio.sleep(1)
    assert town.linked() == set()
    await trio.sleep(30)
    assert town.linked() == set()
    assert b.refused > 0
    town.banned.clear()
    await trio.sleep(11)
    assert town.linked() == {"a-b", "b-a"}


async def test_who_is_shown_out_comes_ever_more_rarely_however_long_the_way(
    town: Town, autojump_clock: MockClock
) -> None:
    town.dial_s = 2.0
    town.banned.add("a")
    town.add("b")
    town.add("a", "b")
    await trio.sleep(300)
    assert 5 < town.dials < 35
