"""The composition root of a node: what there is, what it is handed, and in which order it starts.

Nothing below is known to anybody else; every part gets its clock, its disk, its randomness and its
neighbours from here.
"""

import datetime as dt
import hashlib
import os
import random
import secrets
import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import psutil
import trio
from starlette.routing import Route
from starlette.types import ASGIApp

from ringrift import __version__
from ringrift.node.arguments import Options
from ringrift.node.cluster.charter import SUPPORTED_FORMAT
from ringrift.node.cluster.commands import Command, JoinMember
from ringrift.node.cluster.members import Abilities, Life, Reach
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.replica import FeedBehindError
from ringrift.node.consensus.voter import Voter
from ringrift.node.control import tokens
from ringrift.node.control.driver import ControllerDriver
from ringrift.node.control.evaluation import evaluate
from ringrift.node.control.eviction import evict
from ringrift.node.control.leadership import Leadership, Patience
from ringrift.node.control.populator import Populator, slots_of
from ringrift.node.control.promotion import choose_generators, decide
from ringrift.node.control.training import trigger
from ringrift.node.data.blobs import BlobStore
from ringrift.node.data.fetch import Fetcher
from ringrift.node.data.history import History
from ringrift.node.data.push import Pusher
from ringrift.node.data.recorder import Recorder
from ringrift.node.data.sources import Sources
from ringrift.node.gossip.driver import Gossiping
from ringrift.node.gossip.timing import gossip_timing
from ringrift.node.health.gpu import cards
from ringrift.node.health.host import HostObserver
from ringrift.node.keeper import EXIT_RESTART, EXIT_STOPPED
from ringrift.node.leading import Leading, autopilot
from ringrift.node.membership import Membership
from ringrift.node.net import routes, safe_server
from ringrift.node.net.actions import Operators
from ringrift.node.net.admittance import Admittance
from ringrift.node.net.asking import Asking
from ringrift.node.net.blob_intake import BlobIntake, with_intake
from ringrift.node.net.blob_routes import BlobDesk, blob_route
from ringrift.node.net.discovery.announcement import Announcement
from ringrift.node.net.discovery.discovery import Discovery
from ringrift.node.net.gateway import Everywhere, Gateway
from ringrift.node.net.joining import Doorkeeper, join_app
from ringrift.node.net.metrics import registry_of
from ringrift.node.net.observed import Identity as Shown
from ringrift.node.net.observed import Observed
from ringrift.node.net.pictures import Pictures
from ringrift.node.net.reissuing import Reissuer, renew_route
from ringrift.node.net.renewal import LONGEST_PAUSE_S, Doors, Renewal
from ringrift.node.net.rights import forbidden
from ringrift.node.net.server import bind_loopback, bind_unix
from ringrift.node.net.snapshot_route import Picture
from ringrift.node.peers import Peers
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.loop import Body, Loop, Pulse, RestartPolicy
from ringrift.node.runtime.settings import Settings
from ringrift.node.runtime.supervisor import Supervisor
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.runtime.watchdog import LagWatchdog
from ringrift.node.standing import stand, standing
from ringrift.node.worker.admission import Admission, admission, hindered
from ringrift.node.worker.autonomy import Autonomy
from ringrift.node.worker.renewal import renewing
from ringrift.node.worker.slots import Slots, slots_for
from ringrift.node.worker.supplies import fetched_from_here, nothing_else
from ringrift.node.worker.worker import Worker, Workplace
from ringrift.wire.events import AnyEvent, EventLoopBlocked, LoopFailed
from ringrift.wire.gossip import Gpu, Loops, SoftState
from ringrift.wire.views import EventView, Figure

SESSION_TTL_S = 600.0
DISK_IS_FULL = "the disk is full: nothing is decided here until there is room"
STAGGER_S = 10.0
"""Within which nodes start anew when the timing changed."""
REAP_GRACE_S = 60.0
"""Beyond a work item's timeout, in which its worker may end it by itself."""


@dataclass(slots=True)
class Ending:
    """Set when the process is to end, with the code and the reason."""

    code: int = EXIT_STOPPED
    reason: str = ""
    asked: trio.Event = field(default_factory=trio.Event)

    def ask(self, code: int, reason: str) -> None:
        """Ask for the end; the first to ask decides how."""
        if not self.asked.is_set():
            self.code, self.reason = code, reason
            self.asked.set()


class Node:
    """All parts of a node, put together; must be made inside a trio run."""

    def __init__(
        self,
        options: Options,
        identity: Identity,
        replica: Voter | Follower,
        history: History,
        peers: Peers | None,
    ) -> None:
        """A node on what was recovered; `peers` is None for one that is a cluster of its own."""
        settings, paths = options.settings, options.paths
        self.settings, self.paths, self.identity = settings, paths, identity
        self.clock, self.ending = SystemClock(), Ending()
        self.replica, self.history, self.peers = replica, history, peers
        self.started_at = self.clock.now()
        self.blocking, self.history_thread = InThreads(4), InThreads(1)
        self.bulk, self.blobs = InThreads(4), BlobStore(paths.blobs)
        self.local: EventBus[AnyEvent] = EventBus(settings.http.event_buffer)
        self.recorded: EventBus[EventView] = EventBus(settings.http.event_buffer)
        self.wakeups: list[Wakeup] = []
        self.applied_at: float | None = None

        self.leadership = Leadership(
            Patience(
                claim_s=settings.pipeline.claim_ttl_s,
                session_s=SESSION_TTL_S,
                overrun_s=REAP_GRACE_S,
                unwanted_s=settings.pipeline.release_patience_s,
            )
        )
        self.gossip: Gossiping | None = None
        self._connect()
        everywhere = Patient(Everywhere(self.gateway, replica), self.clock)
        self.propose = Proposer(everywhere, identity.node_id, identity.boot).propose
        self.recorder = Recorder(
            history, replica, self.local, self.recorded, self.history_thread, self.clock
        )
        self.host = HostObserver(settings.node, paths.data, self.clock, self.blocking)
        self.watchdog = LagWatchdog(
            self.clock,
            settings.node.lag_interval_s,
            settings.node.lag_alarm_ms,
            lambda lag_ms: self.local.publish(EventLoopBlocked(lag_ms=lag_ms)),
        )
        self.populator = Populator(settings.pipeline)
        self.membership = self._membership()
        self.fetcher, self.pusher = self._fetcher(), self._pusher()
        self.worker = self._worker()
        self.pictures = Pictures(
            replica,
            self._shown(),
            self._observe,
            self.clock,
            self.blocking,
            settings.node.view_interval_s,
        )
        self.supervisor = Supervisor(
            self._loops(options),
            clock=self.clock,
            rng=random.Random(secrets.randbits(64)),
            policy=_restart_policy(settings),
            on_failure=lambda loop, reason: self.local.publish(
                LoopFailed(loop=loop, reason=reason)
            ),
        )

    def _connect(self) -> None:
        """Have this node's voter or follower speak with its peers, if it has any."""
        replica, peers = self.replica, self.peers
        here = Leading(replica, self.leadership, self.clock) if isinstance(replica, Voter) else None
        if peers is None:
            asking = Asking(self.clock, 1.0)  # nobody is there to be asked
            lone = Gateway(self.identity.node_id, lambda: replica.leader_id, {}, asking, here)
            self.gateway = lambda: lone
            return
        votes = self.identity.votes
        peers.attach(lambda: replica.state, lambda: votes and replica.leader_id is None)
        self.gossip = Gossiping(
            self.identity.node_id,
            self.identity.boot,
            gossip_timing(TIMINGS[self.identity.timing]),
            self.clock,
            random.Random(secrets.randbits(64)),
            send=peers.board.gossip_to,
            members=lambda: replica.state.members.rows.values(),
            soft_state=self._soft_state,
        )
        peers.board.connect_gossip(self.gossip)
        self.gateway = lambda: peers.board.gateway
        if isinstance(replica, Voter):
            assert here is not None
            peers.board.connect_voter(replica, here, self._forbids)
        else:
            peers.board.connect_follower(replica)

    def _forbids(self, peer: str, session: int, command: Command) -> str | None:
        return forbidden(self.replica.state, peer, session, command)

    # What runs, in the order of a reader: durable truth, this node in it, its work, its control.

    def _loops(self, options: Options) -> list[Loop]:
        node = self.settings.node
        agreed = ("replica",)
        joined = ("replica", "feed", "membership")
        return [
            Loop("replica", self._run_replica, 1.0, essential=True),
            Loop("feed", self._run_feed, after=agreed),
            Loop("history", self.recorder.run_feed, after=agreed),
            Loop("local-events", self.recorder.run_local, after=agreed),
            Loop("watchdog", self.watchdog.run, node.lag_interval_s),
            Loop("host", self.host.run, node.observe_interval_s),
            Loop("views", self.pictures.run, node.view_interval_s, after=agreed),
            Loop("http", self._serve_loopback(options), after=("views",)),
            Loop("operators", self._serve_operators(), after=("views",)),
            *self._peering(),
            # Before membership: where this node's vote is what is missing, nobody leads to be asked
            # for admission.
            Loop("standing", self._standing(), 1.0, after=("replica", "feed")),
            Loop("membership", self.membership.run, 1.0, after=("replica", "feed")),
            Loop("worker", self.worker.run, self.settings.worker.claim_interval_s, after=joined),
            Loop("autonomy", self._autonomy().run, 1.0, after=("worker",)),
            Loop("leases", self._renewing(), self.leadership.patience.claim_s / 3, after=joined),
            *self._controllers(joined),
        ]

    def _peering(self) -> list[Loop]:
        """What only a node with peers has."""
        peers, replica = self.peers, self.replica
        if peers is None:
            return []
        door = self._door(peers)
        assert self.fetcher is not None
        loops = [
            Loop("peers", peers.run_links, 1.0, after=("replica",)),
            Loop("door", lambda pulse: peers.run_door(pulse, door), after=("replica",)),
            Loop("gossip", self._run_gossip, 1.0, after=("peers",)),
            Loop("fetch", self.fetcher.run, 1.0, after=("peers",)),
            Loop("credentials", self._renewal(peers), LONGEST_PAUSE_S, after=("peers",)),
            *self._discovery(peers).loops(),
        ]
        if self.pusher is not None:
            loops.append(Loop("push", self.pusher.run, 1.0, after=("peers",)))
        if isinstance(replica, Voter):
            pilot = autopilot(replica, peers.linked, self._wakeup(), self.clock, 1.0)
            loops.append(Loop("autopilot", pilot, 1.0, after=("peers",)))
        return loops

    def _discovery(self, peers: Peers) -> Discovery:
        identity, spot = self.identity, peers.spot
        me = Announcement(identity.node_id, identity.incarnation, __version__, spot.port)
        return Discovery(
            me, spot.listen, self.settings.discovery, peers.book, peers.look, self.clock, self.bulk
        )

    def _door(self, peers: Peers) -> ASGIApp:
        """What is answered at the peers' port: newcomers, members, operators."""
        state = lambda: self.replica.state  # noqa: E731 - a restore replaces the object
        keeper = Doorkeeper(
            self.identity.node_id,
            self.identity.incarnation,
            state,
            self.propose,
            lambda: peers.credentials,
            self._utc,
        )
        reissuer = Reissuer(keeper.node, state, keeper.credentials, self._utc)
        desk = BlobDesk(self.blobs, peers.withholds, self.bulk, self.clock)
        inside = [
            *join_app(keeper, self.clock.now).routes,
            renew_route(reissuer),
            blob_route(desk),
            *self._looking(),
            routes.acting_route(self._operators().act),
        ]
        app = routes.guarded(inside, self.settings.http.max_body_bytes, local=False)
        floor = self.settings.node.disk_floor_bytes
        intake = BlobIntake(self.blobs, peers.withholds, self.bulk, self.clock, floor)
        return Admittance(with_intake(app, intake), state, self.clock)

    def _renewal(self, peers: Peers) -> Body:
        state, doors = (lambda: self.replica.state), Doors(peers)
        return Renewal(
            peers, self.paths.tls, state, doors, self._utc, self.clock, self.blocking
        ).run

    def _pusher(self) -> Pusher | None:
        """What sends blobs off, where nobody can come for them."""
        peers = self.peers
        if peers is None or peers.spot.reach.inbound:
            return None
        return Pusher(
            self.blobs, peers.anchor_places, lambda: peers.contexts.https, self.clock, self.bulk
        )

    def _fetcher(self) -> Fetcher | None:
        peers = self.peers
        if peers is None:
            return None
        return Fetcher(
            self.blobs,
            Sources(self.identity.node_id),
            lambda: self.replica.state,
            lambda: peers.contexts.https,
            peers.knows,
            self.clock,
            self.bulk,
            random.Random(secrets.randbits(64)),
        )

    def _standing(self) -> Body:
        return standing(self.identity, lambda: self.replica.state, self._wakeup(), self._begin_anew)

    async def _begin_anew(self, agreed: Identity) -> None:
        """Start again as the cluster has agreed; not all at the same moment."""
        if agreed.timing != self.identity.timing:
            await self.clock.sleep(random.Random(self.identity.node_id).uniform(0, STAGGER_S))
        await self.blocking(partial(stand, self.paths, agreed))
        self.ending.ask(EXIT_RESTART, "the cluster agreed on another standing of this node")
        await trio.sleep_forever()

    def _controllers(self, after: tuple[str, ...]) -> list[Loop]:
        pipeline, promotion = self.settings.pipeline, self.settings.promotion
        often, rarely = (
            self.settings.node.control_interval_s,
            self.settings.node.eviction_interval_s,
        )
        state = lambda: self.replica.state  # noqa: E731 - a restore replaces the object
        controllers: list[tuple[str, float, Callable[[], Sequence[Command]]]] = [
            ("populator", often, self._populate),
            ("training-trigger", often, lambda: trigger(state(), pipeline)),
            ("evaluation", often, lambda: evaluate(state(), pipeline)),
            ("promotion", often, lambda: decide(state(), promotion)),
            ("generator", often, lambda: choose_generators(state())),
            ("claim-expiry", often, lambda: self._ended(self.leadership.ended_claims)),
            ("reaper", rarely, lambda: self._ended(self.leadership.overdue_claims)),
            ("releaser", rarely, lambda: self._ended(self.leadership.unwanted_work)),
            ("session-expiry", rarely, lambda: self._ended(self.leadership.ended_sessions)),
            (tokens.NAME, rarely, lambda: tokens.expired(state(), self.clock.wall_ms())),
            (
                "eviction",
                rarely,
                lambda: evict(state(), pipeline.terminal_retention_s, self.clock.wall_ms()),
            ),
        ]
        return [
            Loop(name, self._controller(decide_now, interval), interval, after)
            for name, interval, decide_now in controllers
        ]

    def _populate(self) -> Sequence[Command]:
        state = self.replica.state
        return self.populator.decide(state, slots_of(state, self._dead()))

    def _controller(self, decide_now: Callable[[], Sequence[Command]], interval_s: float) -> Body:
        return ControllerDriver(
            decide_now, self.propose, self._leads, self._wakeup(), self.clock, interval_s
        ).run

    def _membership(self) -> Membership:
        join = JoinMember(
            node=self.identity.node_id,
            name=node_name(self.settings, self.identity.node_id),
            life=self._life(),
            key=None if self.peers is None else self.peers.key,
        )
        ask = partial(self.ending.ask, EXIT_RESTART, "an operator asked for a restart")
        return Membership(
            join,
            self.identity.timing,
            self.replica,
            self.propose,
            Reach if self.peers is None else self.peers.reach,
            self._wakeup(),
            ask,
            self.clock,
        )

    def _life(self) -> Life:
        abilities = Abilities(
            kinds=self.settings.worker.kinds,
            slots=self._slots().total,
            cores=_cores(),
            memory_bytes=psutil.virtual_memory().total,
            gpu=next((card.name for card in cards()), None),
        )
        return Life(
            boot=self.identity.boot,
            nonce=secrets.token_hex(16),
            version=__version__,
            supports=SUPPORTED_FORMAT,
            abilities=abilities,
            reach=Reach() if self.peers is None else self.peers.spot.reach,
        )

    def _autonomy(self) -> Autonomy:
        return Autonomy(
            self.place,
            self.replica,
            self._admit,
            self.worker.slots,
            self.worker.leftovers,
            self.settings.worker,
            self.settings.pipeline,
            self.clock,
            self.blocking,
        )

    def _renewing(self) -> Body:
        ttl_s = self.leadership.patience.claim_s
        return renewing(self.worker, lambda keys: self.gateway().renew(keys), self.clock, ttl_s)

    def _slots(self) -> Slots:
        worker = self.settings.worker
        return slots_for(_cores(), worker.slots, worker.threads_per_slot)

    def _worker(self) -> Worker:
        settings = self.settings.worker
        self.place = Workplace(
            node_id=self.identity.node_id,
            boot=self.identity.boot,
            directory=self.paths.work,
            command=settings.command or (sys.executable, "-m", "ringrift.train.job"),
            blobs=self.blobs,
            mint_run_id=partial(secrets.token_hex, 16),
            publish=fetched_from_here if self.pusher is None else self.pusher.push,
        )
        return Worker(
            self.place,
            self.replica,
            self.propose,
            self._admit,
            self._slots(),
            settings,
            self.clock,
            self.blocking,
            self._wakeup(),
            fetch=nothing_else if self.fetcher is None else self.fetcher.fetch,
        )

    def _serve_loopback(self, options: Options) -> Body:
        port = self.settings.http.port + options.port_offset
        return self._server(partial(bind_loopback, port), None)

    def _operators(self) -> Operators:
        invite = None if self.peers is None else partial(self._invite, self.peers)
        return Operators(
            lambda: self.replica.state,
            self.propose,
            self.identity.node_id,
            invite,
            self.settings.pipeline,
        )

    def _serve_operators(self) -> Body:
        bind = partial(bind_unix, self.paths.socket)
        return self._server(bind, self._operators().act, self.replica.snapshot)

    def _invite(self, peers: Peers) -> tuple[str, str]:
        secret = secrets.token_bytes(32)
        return hashlib.sha256(secret).hexdigest(), peers.invitation(secret)

    def _server(
        self,
        bind: Callable[[], socket.socket],
        act: routes.Act | None,
        picture: Picture | None = None,
    ) -> Body:
        http = self.settings.http
        app = routes.node_app(self._looking(), act, http.max_body_bytes, picture)
        return safe_server.serving(app, bind, http.keep_alive_s)

    def _looking(self) -> list[Route]:
        registry = registry_of(lambda: self.pictures.status)
        return routes.looking_routes(self.pictures, self.recorded, self.recorder.recent, registry)

    # Small drivers that belong to no part.

    async def _run_replica(self, pulse: Pulse) -> None:
        replica = self.replica
        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            while True:
                figures: dict[str, Figure] = {"index": replica.applied_index, "term": replica.term}
                if isinstance(replica, Voter):
                    figures["lost_messages"] = replica.lost_messages
                    full = replica.disk_is_full
                    pulse.ran(figures, DISK_IS_FULL if full else "voting", well=not full)
                else:
                    pulse.ran({**figures, "behind": replica.lag}, "following the voters")
                await self.clock.sleep(1.0)

    async def _run_feed(self, pulse: Pulse) -> None:
        """Wake everybody who waits for the state to change."""
        pulse.ready("following the log")
        while True:
            try:
                async for applied in self.replica.feed(self.replica.applied_index):
                    self._applied(pulse, applied.index)
            except FeedBehindError:  # the state was taken from a snapshot
                self._applied(pulse, self.replica.applied_index)

    def _applied(self, pulse: Pulse, index: int) -> None:
        self.applied_at = self.clock.now()
        for wakeup in self.wakeups:
            wakeup.ring()
        pulse.ran({"index": index})

    async def _run_gossip(self, pulse: Pulse) -> None:
        gossip = self.gossip
        assert gossip is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(gossip.run)
            while True:
                told = Counter(seen.status for seen in gossip.standings().values())
                figures: dict[str, Figure] = {**told, "ill_health": gossip.ill_health}
                seen = {"none": "", "minority": ", sees a minority", "isolated": ", sees nobody"}
                apart = gossip.partition
                pulse.ran(figures, f"{gossip.pace}{seen[apart]}", well=apart == "none")
                await self.clock.sleep(1.0)

    def _ended(
        self, judge: Callable[[int, ClusterState, float], Sequence[Command]]
    ) -> Sequence[Command]:
        return judge(self.replica.term, self.replica.state, self.clock.now())

    # What is so now.

    def _wakeup(self) -> Wakeup:
        wakeup = Wakeup()
        self.wakeups.append(wakeup)
        return wakeup

    def _leads(self) -> bool:
        return self.replica.leader_id == self.identity.node_id

    def _dead(self) -> frozenset[str]:
        standings = {} if self.gossip is None else self.gossip.standings()
        return frozenset(node for node, seen in standings.items() if seen.status == "dead")

    def _soft_state(self) -> SoftState:
        """How this node is now, for everybody to know."""
        host, loops = self.host.host, self.supervisor.views()
        sick = tuple(loop.name for loop in loops if loop.healthy is False)
        return SoftState(
            version=__version__,
            supports=SUPPORTED_FORMAT,
            cpu_percent=host.cpu_percent,
            memory_percent=host.memory_percent,
            memory_tier=self.host.tier,
            disk_free_bytes=host.disk_free_bytes,
            loop_lag_ms=self.watchdog.lag_ms,
            slots=self.worker.slots.total,
            slots_busy=self.worker.slots.busy,
            gpus=tuple(
                Gpu(card.busy_percent, card.memory_used_bytes, card.memory_bytes)
                for card in host.cards[:16]
            ),
            loops=Loops(len(loops), sick[:16]),
        )

    def _admit(self) -> Admission:
        return admission(
            self.settings.worker.kinds,
            active=self.membership.is_active,
            hands_in=self.membership.hands_in,
            tier=self.host.tier,
            disk_free_bytes=self.host.host.disk_free_bytes,
            disk_floor_bytes=self.settings.node.disk_floor_bytes,
        )

    def _utc(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.clock.wall_ms() / 1000, dt.UTC)

    def _shown(self) -> Shown:
        return Shown(
            cluster=self.identity.incarnation,
            node_id=self.identity.node_id,
            name=node_name(self.settings, self.identity.node_id),
            version=__version__,
            profile=self.settings.profile,
            pid=os.getpid(),
        )

    def _observe(self, digest: str) -> Observed:
        now = self.clock.now()
        return Observed(
            linked=frozenset() if self.peers is None else self.peers.linked(),
            standings={} if self.gossip is None else self.gossip.standings(),
            soft={} if self.gossip is None else self.gossip.soft_states(),
            now_ms=self.clock.wall_ms(),
            uptime_s=now - self.started_at,
            leader_id=self.replica.leader_id,
            term=self.replica.term,
            commit_index=self.replica.commit_index,
            applied_index=self.replica.applied_index,
            applied_age_s=None if self.applied_at is None else now - self.applied_at,
            state_digest=digest,
            loops=self.supervisor.views(),
            host=self.host.host,
            loop_lag_ms=self.watchdog.lag_ms,
            slots=self.worker.slots.total,
            slots_busy=self.worker.slots.busy,
            progress=self.worker.progress(),
            past=self.recorder,
            hindered=hindered(self.settings.worker.kinds, self._admit()),
        )


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1


def node_name(settings: Settings, node_id: str | None = None) -> str:
    """Return the name for people: the profile's, the one this node was founded or let in under, or
    the machine's own."""
    given = "" if node_id is None else node_id.rpartition("-")[0]
    name = settings.node.name or given or socket.gethostname().split(".")[0]
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)[:48]


def _restart_policy(settings: Settings) -> RestartPolicy:
    node = settings.node
    return RestartPolicy(
        first_s=node.restart_backoff_s,
        factor=node.restart_backoff_factor,
        max_s=node.restart_backoff_max_s,
        crash_loop_failures=node.crash_loop_failures,
    )
