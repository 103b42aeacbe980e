"""The composition root of a node: what there is, what it is handed, and in which order it starts.

Nothing below is known to anybody else; every part gets its clock, its disk, its randomness and its
neighbours from here.
"""

import os
import random
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import trio
from starlette.routing import Route

from ringrift import __version__
from ringrift.node.arguments import Options
from ringrift.node.cluster.commands import Command, JoinMember
from ringrift.node.cluster.members import Life, Reach
from ringrift.node.cluster.state import ClusterState
from ringrift.node.company import Company
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.replica import (
    FeedBehindError,
    NotLeaderError,
    OutcomeUnknownError,
)
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
from ringrift.node.data.history import History
from ringrift.node.data.recorder import Recorder
from ringrift.node.health.host import HostObserver
from ringrift.node.keeper import EXIT_RESTART, EXIT_STOPPED
from ringrift.node.leading import Leading
from ringrift.node.machine import node_name, slots_of_machine
from ringrift.node.membership import Membership
from ringrift.node.net import routes, safe_server
from ringrift.node.net.actions import Operators
from ringrift.node.net.asking import Asking
from ringrift.node.net.gateway import Everywhere, Gateway, Here
from ringrift.node.net.metrics import registry_of
from ringrift.node.net.observed import Identity as Shown
from ringrift.node.net.observed import Observed, soft_state
from ringrift.node.net.pictures import Pictures
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
from ringrift.node.worker.claims import Workplace
from ringrift.node.worker.renewal import renewing
from ringrift.node.worker.supplies import fetched_from_here, nothing_else
from ringrift.node.worker.worker import Worker
from ringrift.wire.events import AnyEvent, EventLoopBlocked, LoopFailed
from ringrift.wire.gossip import SoftState
from ringrift.wire.views import EventView, Figure

SESSION_TTL_S = 600.0
DISK_IS_FULL = "the disk is full: nothing is decided here until there is room"
UNTOLD_S = 10.0
"""After which a node that asked what is decided by now, and hears nothing, is told nothing more."""
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
        life: Life,
        replica: Voter | Follower,
        history: History,
        peers: Peers | None,
        damage: str,
    ) -> None:
        """A node on what was recovered; `life` is what it says of itself in this one, `peers` is
        None for one that is a cluster of its own, `damage` is `standing`'s."""
        settings, paths = options.settings, options.paths
        self.settings, self.paths, self.identity = settings, paths, identity
        self.clock, self.ending = SystemClock(), Ending()
        self.replica, self.history, self.damage = replica, history, damage
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
        voter = replica if isinstance(replica, Voter) else None
        here = None if voter is None else Leading(voter, self.leadership, self.clock)
        self.company = None if peers is None else self._company(peers, here)
        self.gateway = self._alone(here) if self.company is None else self.company.gateway
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
        self.membership = self._membership(life)
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

    def _company(self, peers: Peers, here: Here | None) -> Company:
        return Company(
            self.identity,
            self.settings,
            self.paths,
            self.replica,
            peers,
            here,
            self._soft_state,
            self.blobs,
            self.bulk,
            self.clock,
        )

    def _alone(self, here: Here | None) -> Callable[[], Gateway]:
        """The way to the leader of a cluster of one: this node, or nobody yet."""
        nobody = Asking(self.clock, 1.0)
        me, replica = self.identity.node_id, self.replica
        gateway = Gateway(me, lambda: replica.leader_id, {}, nobody, here)
        return lambda: gateway

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
            *self._accompanying(),
            # Before membership: where this node's vote is what is missing, nobody leads to be asked
            # for admission.
            Loop("standing", self._standing(), 1.0, after=("replica", "feed")),
            # So is this: without a leader it does not wait to have joined, but plays on.
            Loop("autonomy", self._autonomy().run, 1.0, after=agreed),
            Loop("membership", self.membership.run, 1.0, after=("replica", "feed")),
            Loop("worker", self.worker.run, self.settings.worker.claim_interval_s, after=joined),
            Loop("leases", self._renewing(), self.leadership.patience.claim_s / 3, after=joined),
            *self._controllers(joined),
        ]

    def _accompanying(self) -> list[Loop]:
        if self.company is None:
            return []
        inside = [*self._looking(), routes.acting_route(self._operators().act)]
        start_anew = partial(self.ending.ask, EXIT_RESTART)
        return self.company.loops(self.propose, inside, self._wakeup(), self.blocking, start_anew)

    def _standing(self) -> Body:
        return standing(
            self.identity,
            lambda: self.replica.state,
            self._wakeup(),
            self._catch_up,
            self._begin_anew,
            self.damage,
        )

    async def _catch_up(self) -> bool:
        try:
            index = await self.gateway().barrier()
        except (NotLeaderError, OutcomeUnknownError):
            return False
        while (applied := self.replica.applied_index) < index:
            with self.clock.at_most(UNTOLD_S):
                await self.replica.feed(applied).more()
            # Nobody tells a voter anything once the others have named voters without it.
            if self.replica.applied_index == applied:
                break
        return True

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
        dead = frozenset[str]() if self.company is None else self.company.dead()
        return self.populator.decide(state, slots_of(state, dead))

    def _controller(self, decide_now: Callable[[], Sequence[Command]], interval_s: float) -> Body:
        return ControllerDriver(
            decide_now, self.propose, self._leads, self._wakeup(), self.clock, interval_s
        ).run

    def _membership(self, life: Life) -> Membership:
        peers = None if self.company is None else self.company.peers
        reach = Reach if peers is None else peers.reach
        join = JoinMember(
            node=self.identity.node_id,
            name=node_name(self.settings, self.identity.node_id),
            life=life,
            key=None if peers is None else peers.key,
        )
        ask = partial(self.ending.ask, EXIT_RESTART, "an operator asked for a restart")
        timing, bell = self.identity.timing, self._wakeup()
        return Membership(join, timing, self.replica, self.propose, reach, bell, ask, self.clock)

    def _autonomy(self) -> Autonomy:
        return Autonomy(
            self.place,
            self.replica,
            partial(self._admit, by_leader=False),
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

    def _worker(self) -> Worker:
        settings, company = self.settings.worker, self.company
        pusher = None if company is None else company.pusher
        self.place = Workplace(
            node_id=self.identity.node_id,
            boot=self.identity.boot,
            directory=self.paths.work,
            command=settings.command or (sys.executable, "-m", "ringrift.train.job"),
            blobs=self.blobs,
            mint_run_id=partial(secrets.token_hex, 16),
            publish=fetched_from_here if pusher is None else pusher.push,
        )
        return Worker(
            self.place,
            self.replica,
            self.propose,
            self._admit,
            slots_of_machine(settings),
            settings,
            self.clock,
            self.blocking,
            self._wakeup(),
            fetch=nothing_else if company is None else company.fetcher.fetch,
        )

    def _serve_loopback(self, options: Options) -> Body:
        port = self.settings.http.port + options.port_offset
        return self._server(partial(bind_loopback, port), None)

    def _operators(self) -> Operators:
        return Operators(
            lambda: self.replica.state,
            self.propose,
            self.identity.node_id,
            None if self.company is None else self.company.invite,
            self.settings.pipeline,
            self.clock,
        )

    def _serve_operators(self) -> Body:
        bind = partial(bind_unix, self.paths.socket)
        return self._server(bind, self._operators().act, self.replica.snapshot)

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

    def _soft_state(self) -> SoftState:
        """How this node is now, for everybody to know."""
        slots = self.worker.slots
        loops, lag_ms = self.supervisor.views(), self.watchdog.lag_ms
        marks = self.replica.state.marks
        return soft_state(self.host.host, loops, lag_ms, slots.total, slots.busy, marks)

    def _admit(self, *, by_leader: bool = True) -> Admission:
        """What may be done here now; whether without a leader, `Autonomy` knows from its log."""
        if self.ending.asked.is_set():
            return Admission((), self.ending.reason, draining=True)
        return admission(
            self.settings.worker.kinds,
            quarantine="" if self.company is None else self.company.quarantine.reason,
            active=not by_leader or self.membership.is_active,
            hands_in=self.membership.hands_in,
            tier=self.host.tier,
            disk_free_bytes=self.host.host.disk_free_bytes,
            disk_floor_bytes=self.settings.node.disk_floor_bytes,
        )

    def _shown(self) -> Shown:
        return Shown(
            cluster=self.identity.incarnation,
            node_id=self.identity.node_id,
            name=node_name(self.settings, self.identity.node_id),
            version=__version__,
            profile=self.settings.profile,
            pid=os.getpid(),
        )

    def _observe(self) -> Observed:
        now = self.clock.now()
        return Observed(
            linked=frozenset() if self.company is None else self.company.peers.linked(),
            standings={} if self.company is None else self.company.gossip.standings(),
            soft={} if self.company is None else self.company.gossip.soft_states(),
            now_ms=self.clock.wall_ms(),
            uptime_s=now - self.started_at,
            leader_id=self.replica.leader_id,
            term=self.replica.term,
            commit_index=self.replica.commit_index,
            applied_index=self.replica.applied_index,
            applied_age_s=None if self.applied_at is None else now - self.applied_at,
            loops=self.supervisor.views(),
            host=self.host.host,
            loop_lag_ms=self.watchdog.lag_ms,
            slots=self.worker.slots.total,
            slots_busy=self.worker.slots.busy,
            progress=self.worker.progress(),
            past=self.recorder,
            hindered=hindered(self.settings.worker.kinds, self._admit()),
        )


def _restart_policy(settings: Settings) -> RestartPolicy:
    node = settings.node
    return RestartPolicy(
        first_s=node.restart_backoff_s,
        factor=node.restart_backoff_factor,
        max_s=node.restart_backoff_max_s,
        crash_loop_failures=node.crash_loop_failures,
    )
