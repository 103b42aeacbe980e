"""The others of the cluster, as this node meets them: who they are by the member table, where they
are reached, and who is let in at the door.

A node without credentials is a cluster of its own, and has none of this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil
import trio
from starlette.types import ASGIApp

from ringrift import __version__
from ringrift.node.cluster.members import Address as Where
from ringrift.node.cluster.members import Member, Reach
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.net.credentials import Credentials
from ringrift.node.net.guard import RequestError
from ringrift.node.net.joining import places_of
from ringrift.node.net.mesh import Address
from ringrift.node.net.pki import Subject, pem_of
from ringrift.node.net.server import bind
from ringrift.node.net.switchboard import Switchboard
from ringrift.node.net.tls import Contexts, Door, TlsDial
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.loop import Pulse
from ringrift.node.runtime.settings import PeersSettings
from ringrift.wire.join import MAX_PLACES, Place, Token, write_token
from ringrift.wire.peer import Hello

PROTOCOL = 1
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where this node listens, and what it tells others of that."""

    listen: str
    port: int
    reach: Reach

    @staticmethod
    def of(settings: PeersSettings, port: int) -> "Spot":
        """The spot that settings mean, on `port`."""
        hosts = settings.advertise or own_addresses(settings.listen)
        addresses = tuple(Where(host, port) for host in hosts) if settings.inbound else ()
        return Spot(settings.listen, port, Reach(inbound=settings.inbound, addresses=addresses))


class Peers:
    """The peers of a node of a cluster; `attach` it to the state before anything runs."""

    def __init__(
        self,
        identity: Identity,
        credentials: Credentials,
        contexts: Contexts,
        seeds: Mapping[str, Sequence[Place]],
        spot: Spot,
        clock: Clock,
    ) -> None:
        self.credentials, self.spot = credentials, spot
        self._incarnation = identity.incarnation
        self.contexts, self._clock = contexts, clock
        self._seeds: dict[str, Sequence[Address]] = {
            node: [(at.host, at.port) for at in places] for node, places in seeds.items()
        }
        self._state: Callable[[], ClusterState] = ClusterState
        self.board = Switchboard(
            Hello(identity.node_id, identity.boot, __version__, PROTOCOL),
            bytes.fromhex(identity.incarnation),
            clock,
            TIMINGS[identity.timing],
            dial=TlsDial(lambda: self.contexts, self.knows),
            wanted=self.wanted,
            admits=self.refuses,
        )

    def attach(self, state: Callable[[], ClusterState]) -> None:
        """Go by this state from now on."""
        self._state = state

    @property
    def key(self) -> str:
        """The sha256 of the key that this node is known by."""
        return self.credentials.subject.fingerprint

    def linked(self) -> frozenset[str]:
        """The nodes that this one has a stream to now."""
        return frozenset(self.board.mesh.links)

    def invitation(self, secret: bytes) -> str:
        """The token that carries a secret: where to knock, and whom to trust."""
        here = self.spot.reach.addresses
        known = [Place(at.host, at.port) for at in here]
        known += [at for places in places_of(self._state()).values() for at in places]
        if not known:
            raise RequestError(409, "no voter has said yet where it accepts connections")
        distinct = tuple(dict.fromkeys(known))[:MAX_PLACES]
        root = pem_of(self.credentials.root).decode()
        return write_token(Token(self._incarnation, distinct, root, secret))

    # Who others are, by the state; the root vouches for them as long as there is none.

    def knows(self, subject: Subject) -> bool:
        """Whether a certificate is that of a member which still belongs here, with its key."""
        state = self._state()
        if state.index == 0:
            return True
        row = state.members.rows.get(subject.node)
        return row is not None and row.key == subject.fingerprint and row.revoked is None

    def refuses(self, peer: str) -> str | None:
        """Why a node gets no stream, None when it does."""
        state = self._state()
        if state.index == 0:
            return None
        row = state.members.rows.get(peer)
        return None if row is not None and row.machine else f"{peer} is no node of this cluster."

    def withholds(self, subject: Subject) -> str | None:
        """Why the owner of a certificate gets no blobs, None when it does."""
        if not self.knows(subject):
            return f"{subject.node} does not belong to this cluster, or has another key"
        return self.refuses(subject.node)

    def wanted(self) -> dict[str, Sequence[Address]]:
        """Every node that accepts streams, and where; the seeds as long as nobody has said."""
        told = {row.id: _addresses(row) for row in self._state().members.machines()}
        return {**self._seeds, **{node: places for node, places in told.items() if places}}

    # The loops.

    async def run_links(self, pulse: Pulse) -> None:
        """Keep streams to the others until cancelled; obey the state when it turns one away."""
        mesh = self.board.mesh
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.board.run)
            while True:
                mesh.look()
                wanted = self.wanted().keys() - {self.credentials.subject.node}
                pulse.ran(
                    {"linked": len(mesh.links), "reachable": len(wanted), "refused": mesh.refused},
                    f"linked with {len(mesh.links)} of {len(wanted | mesh.links.keys())}",
                )
                await self._clock.sleep(LOOK_S)

    async def run_door(self, pulse: Pulse, app: ASGIApp) -> None:
        """Let peers, newcomers and operators in until cancelled."""
        if not self.spot.reach.inbound:
            pulse.ready("others cannot reach this node; it reaches them")
            await trio.sleep_forever()
        with bind(self.spot.listen, self.spot.port) as listener:
            door = Door(
                listener,
                lambda: self.contexts,
                self._clock,
                knows=self.knows,
                accept=self.board.mesh.accept,
                app=app,
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(door.run)
                while True:
                    pulse.ran(
                        {"open": door.open, "shown_out": door.shown_out},
                        f"open at {self.spot.listen}:{self.spot.port}",
                    )
                    await self._clock.sleep(LOOK_S)


def own_addresses(listen: str) -> tuple[str, ...]:
    """The addresses of this machine that `listen` means, loopback last."""
    if listen not in {"0.0.0.0", "::"}:
        return (listen,)
    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == 2
    ]
    outside = [host for host in found if not host.startswith("127.")]
    return tuple(outside[:8]) or ("127.0.0.1",)


def _addresses(row: Member) -> list[Address]:
    if row.life is None:
        return []
    return [(at.host, at.port) for at in row.life.reach.addresses]
