"""What a node has because it is not alone: gossip, files of others, a door, a way in for newcomers.

Put together here, for the composition root of a node of a cluster that others can join.
"""

import dataclasses
import datetime as dt
import hashlib
import random
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import trio
from starlette.routing import Route
from starlette.types import ASGIApp

from ringrift import __version__
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.voter import Voter
from ringrift.node.data.blobs import BlobStore
from ringrift.node.data.fetch import Fetcher
from ringrift.node.data.push import Pusher
from ringrift.node.data.sources import Sources
from ringrift.node.gossip.driver import Gossiping
from ringrift.node.gossip.timing import gossip_timing
from ringrift.node.leading import autopilot, forbids
from ringrift.node.net import routes
from ringrift.node.net.admittance import Admittance
from ringrift.node.net.blob_intake import BlobIntake, with_intake
from ringrift.node.net.blob_routes import BlobDesk, blob_route
from ringrift.node.net.discovery.announcement import Announcement
from ringrift.node.net.discovery.discovery import Discovery
from ringrift.node.net.gateway import Gateway, Here
from ringrift.node.net.joining import Doorkeeper, join_route
from ringrift.node.net.reissuing import renew_route
from ringrift.node.net.renewal import LONGEST_PAUSE_S, Doors, Renewal
from ringrift.node.net.signing import Signing
from ringrift.node.peers import Peers
from ringrift.node.quarantine import COMPARE_S, Quarantine
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.loop import Loop, Pulse
from ringrift.node.runtime.paths import NodePaths
from ringrift.node.runtime.settings import Settings
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.worker.worker import Propose
from ringrift.wire.gossip import SoftState
from ringrift.wire.views import Figure

APART = {"none": "", "minority": ", sees a minority", "isolated": ", sees nobody"}


class Company:
    """A node among others; `here` is what it does for them while it leads, None without a vote."""

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        paths: NodePaths,
        replica: Voter | Follower,
        peers: Peers,
        here: Here | None,
        soft_state: Callable[[], SoftState],
        blobs: BlobStore,
        bulk: Blocking,
        clock: Clock,
    ) -> None:
        self.peers = peers
        self._identity, self._settings, self._paths = identity, settings, paths
        self._replica, self._blobs, self._bulk, self._clock = replica, blobs, bulk, clock
        votes = identity.votes
        peers.attach(self._state, lambda: votes and replica.leader_id is None)
        if isinstance(replica, Voter):
            assert here is not None
            peers.board.connect_voter(replica, here, partial(forbids, replica))
        else:
            peers.board.connect_follower(replica)
        self.gossip = Gossiping(
            identity.node_id,
            identity.boot,
            gossip_timing(TIMINGS[identity.timing]),
            clock,
            _chance(),
            send=peers.board.gossip_to,
            members=lambda: replica.state.members.rows.values(),
            soft_state=soft_state,
        )
        peers.board.connect_gossip(self.gossip)
        self.quarantine = Quarantine(identity.node_id, replica, self.gossip.soft_states, clock)
        self.fetcher = Fetcher(
            blobs,
            Sources(identity.node_id),
            self._state,
            lambda: peers.contexts.https,
            peers.knows,
            clock,
            bulk,
            _chance(),
        )
        self.pusher: Pusher | None = None
        if not peers.spot.reach.inbound:
            self.pusher = Pusher(
                blobs, peers.anchor_places, lambda: peers.contexts.https, clock, bulk
            )

    def gateway(self) -> Gateway:
        """The way to whoever leads."""
        return self.peers.board.gateway

    def dead(self) -> frozenset[str]:
        """The nodes that are believed dead."""
        standings = self.gossip.standings()
        return frozenset(node for node, seen in standings.items() if seen.status == "dead")

    def invite(self) -> tuple[str, str]:
        """A fresh secret's sha256, and the token that carries the secret."""
        secret = secrets.token_bytes(32)
        return hashlib.sha256(secret).hexdigest(), self.peers.invitation(secret)

    def loops(
        self,
        propose: Propose,
        inside: Sequence[Route],
        wakeup: Wakeup,
        blocking: Blocking,
        start_anew: Callable[[str], None],
    ) -> list[Loop]:
        """What is to be kept alive. Members find the routes `inside` at the door; `start_anew` has
        the process started again, for a reason."""
        peers, door = self.peers, self._door(propose, inside)
        renewal = Renewal(
            peers, self._paths.tls, self._state, Doors(peers), self._utc, self._clock, blocking
        )
        loops = [
            Loop("peers", peers.run_links, 1.0, after=("replica",)),
            Loop("door", lambda pulse: peers.run_door(pulse, door), after=("replica",)),
            Loop("gossip", self._run_gossip, 1.0, after=("peers",)),
            Loop(
                "agreement",
                lambda pulse: self.quarantine.run(pulse, start_anew),
                COMPARE_S,
                after=("gossip",),
            ),
            Loop("fetch", self.fetcher.run, 1.0, after=("peers",)),
            Loop("credentials", renewal.run, LONGEST_PAUSE_S, after=("peers",)),
            *self._discovery().loops(),
        ]
        if self.pusher is not None:
            loops.append(Loop("push", self.pusher.run, 1.0, after=("peers",)))
        if isinstance(self._replica, Voter):
            pilot = autopilot(self._replica, peers.linked, wakeup, self._clock, 1.0)
            loops.append(Loop("autopilot", pilot, 1.0, after=("peers",)))
        return loops

    def _discovery(self) -> Discovery:
        identity, peers = self._identity, self.peers
        me = Announcement(identity.node_id, identity.incarnation, __version__, peers.spot.port)
        wanted = self._settings.discovery
        return Discovery(
            me, peers.spot.listen, wanted, peers.book, peers.look, self._clock, self._bulk
        )

    def _door(self, propose: Propose, inside: Sequence[Route]) -> ASGIApp:
        """What is answered at the peers' port: newcomers, members, operators."""
        peers, me = self.peers, self._identity
        signing = Signing(me.node_id, lambda: peers.credentials, self._utc)
        keeper = Doorkeeper(signing, me.incarnation, self._state, propose)
        desk = BlobDesk(self._blobs, self._bulk, self._clock)
        every = [
            join_route(keeper, self._clock.now),
            renew_route(signing, self._state),
            blob_route(desk),
            *inside,
        ]
        app = routes.guarded(every, self._settings.http.max_body_bytes, local=False)
        floor = self._settings.node.disk_floor_bytes
        intake = BlobIntake(self._blobs, self._bulk, self._clock, floor)
        return Admittance(with_intake(app, intake), self._state, self._clock)

    async def _run_gossip(self, pulse: Pulse) -> None:
        gossip = self.gossip
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gossip.run)
            while True:
                told = Counter(seen.status for seen in gossip.standings().values())
                counted = dataclasses.asdict(gossip.counters)
                figures: dict[str, Figure] = {**told, "ill_health": gossip.ill_health, **counted}
                apart = gossip.partition
                pulse.ran(figures, f"{gossip.pace}{APART[apart]}", well=apart == "none")
                await self._clock.sleep(1.0)

    def _state(self) -> ClusterState:
        return self._replica.state

    def _utc(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._clock.wall_ms() / 1000, dt.UTC)


def _chance() -> random.Random:
    return random.Random(secrets.randbits(64))
