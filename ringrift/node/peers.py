"""The others of the cluster, as this node meets them: who they are by the member table, where they
are reached, and who is let in at the door.

A node without credentials is a cluster of its own, and has none of this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import structlog
import trio
from starlette.types import ASGIApp

from ringrift import __version__
from ringrift.node.cluster.members import Reach
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.net.admittance import turned_away
from ringrift.node.net.anchors import anchors_of
from ringrift.node.net.credentials import Credentials
from ringrift.node.net.discovery.hints import Hint, HintBook
from ringrift.node.net.discovery.own import own_addresses
from ringrift.node.net.guard import RequestError
from ringrift.node.net.joining import places_of
from ringrift.node.net.link import LinkError
from ringrift.node.net.mesh import DIAL_S, Address
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
AWAY_S = 30.0
"""For how long a node must not have been reached to count as away."""
ASKED_AT_ONCE = 8

log: structlog.stdlib.BoundLogger = structlog.get_logger("peers")


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
        addresses = tuple(Place(host, port) for host in hosts) if settings.inbound else ()
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
        self.me = identity.node_id
        self.book = HintBook()
        self._away: dict[str, float] = {}
        self._asked: set[Address] = set()
        self._wanted: dict[str, Sequence[Address]] = {}
        self._incarnation = identity.incarnation
        self.contexts, self._clock = contexts, clock
        known = [
            Hint(at.host, at.port, node, "seeds") for node, places in seeds.items() for at in places
        ]
        self.book.replace("seeds", known, clock.now())
        self._dial = TlsDial(lambda: self.contexts, self.knows)
        self._state: Callable[[], ClusterState] = ClusterState
        self._is_lost: Callable[[], bool] = lambda: False
        self.board = Switchboard(
            Hello(identity.node_id, identity.boot, __version__, PROTOCOL),
            bytes.fromhex(identity.incarnation),
            clock,
            TIMINGS[identity.timing],
            dial=self._dial,
            wanted=self.wanted,
            admits=self.refuses,
            tried=self._note_try,
        )

    def attach(self, state: Callable[[], ClusterState], is_lost: Callable[[], bool]) -> None:
        """Go by this state from now on; `is_lost` says whether this is a voter without a leader."""
        self._state, self._is_lost = state, is_lost

    @property
    def key(self) -> str:
        """The sha256 of the key that this node is known by."""
        return self.credentials.subject.fingerprint

    def linked(self) -> frozenset[str]:
        """The nodes that this one has a stream to now."""
        return frozenset(self.board.mesh.links)

    def invitation(self, secret: bytes) -> str:
        """The token that carries a secret: where to knock, and whom to trust."""
        known = [*self.spot.reach.addresses]
        known += [at for places in places_of(self._state()).values() for at in places]
        if not known:
            raise RequestError(409, "no voter has said yet where it accepts connections")
        distinct = tuple(dict.fromkeys(known))[:MAX_PLACES]
        root = pem_of(self.credentials.root).decode()
        return write_token(Token(self._incarnation, distinct, root, secret))

    # Who others are, by the state; the root vouches for them as long as there is none.

    def knows(self, subject: Subject) -> bool:
        """Whether a certificate is that of a member which still belongs here, with its key.

        The root vouches for whom the state has no row of while this node knows nothing, or is a
        voter that hears no leader: it may have been away when those were let in who lead now.
        """
        state = self._state()
        if subject.node not in state.members.rows:
            return state.index == 0 or self._is_lost()
        return turned_away(state, subject) is None

    def refuses(self, peer: str) -> str | None:
        """Why a node gets no stream, None when it does."""
        state = self._state()
        if state.index == 0:
            return None
        row = state.members.rows.get(peer)
        known = self._is_lost() if row is None else row.machine
        return None if known else f"{peer} is no node of this cluster."

    # Where they are: hints of all kinds, of which the certificate says what they are worth.

    def wanted(self) -> Mapping[str, Sequence[Address]]:
        """Whom to keep a stream to, and where, as of the last round: every stream asks for it."""
        return self._wanted

    def _wish(self) -> dict[str, Sequence[Address]]:
        """All nodes, or one's anchors where none can dial."""
        state, now = self._state(), self._clock.now()
        if state.index == 0:
            wanted = set(self.book.nodes(now))
        elif self.spot.reach.inbound:
            wanted = {row.id for row in state.members.machines()}
        else:
            wanted = set(anchors_of(state, self.me, self.away()))
        found = {node: self.book.addresses(node, now) for node in wanted - {self.me}}
        return {node: addresses for node, addresses in found.items() if addresses}

    def reach(self) -> Reach:
        """How this node is reached now, to be told in its member record."""
        if self.spot.reach.inbound:
            return self.spot.reach
        anchors = anchors_of(self._state(), self.me, self.away())
        return msgspec.structs.replace(self.spot.reach, anchors=anchors)

    def anchor_places(self) -> list[tuple[str, Address]]:
        """To whom and where to send what this node made, when nobody can come for it: one place an
        anchor."""
        now = self._clock.now()
        return [
            (anchor, address)
            for anchor in self.reach().anchors
            for address in self.book.addresses(anchor, now)[:1]
        ]

    def away(self) -> frozenset[str]:
        """The nodes that could not be reached for a while."""
        since = self._clock.now() - AWAY_S
        return frozenset(node for node, at in self._away.items() if at <= since)

    def look(self) -> None:
        """There may be news of who is where."""
        self._wanted = self._wish()
        self.board.mesh.look()

    def _note_try(self, peer: str, address: Address, reached: bool) -> None:
        now = self._clock.now()
        if reached:
            self._away.pop(peer, None)
            self.book.worked(peer, address, now)
        else:
            self._away.setdefault(peer, now)
            self.book.failed(peer, address, now)
            self.board.redial_failed(peer)

    def _note_members(self) -> None:
        told = [
            Hint(at.host, at.port, row.id, "members")
            for row in self._state().members.machines()
            for at in row.reach.addresses
        ]
        self.book.replace("members", told, self._clock.now())
        for peer in self.linked():
            self._away.pop(peer, None)

    async def _ask_stranger(self, address: Address) -> None:
        """Find out who is at an address that nobody has named."""
        try:
            with self._clock.at_most(DIAL_S):
                node = await self._dial.who(address)
                self.book.worked(node, address, self._clock.now())
                self.look()
                return
        except LinkError as error:
            log.debug("nobody of us is there", reason=str(error))
        finally:
            self._asked.discard(address)
        self.book.failed(None, address, self._clock.now())

    # The loops.

    async def run_links(self, pulse: Pulse) -> None:
        """Keep streams to the others until cancelled; obey the state when it turns one away."""
        mesh = self.board.mesh
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.board.run)
            while True:
                self._note_members()
                for address in self.book.strangers(self._clock.now())[:ASKED_AT_ONCE]:
                    if address not in self._asked:
                        self._asked.add(address)
                        nursery.start_soon(self._ask_stranger, address)
                self.look()
                wanted = self._wanted.keys()
                pulse.ran(
                    {
                        "linked": len(mesh.links),
                        "reachable": len(wanted),
                        "refused": mesh.refused,
                        "unheard": self.board.unheard,
                    },
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
