"""The composition root of a node: what there is, what it is handed, and in which order it starts.

Nothing below is known to anybody else; every part gets its clock, its disk, its randomness and its
neighbours from here.
"""

import os
import random
import secrets
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import psutil
import trio

from ringrift import __version__
from ringrift.node.arguments import Options
from ringrift.node.cluster.charter import SUPPORTED_FORMAT
from ringrift.node.cluster.commands import Command, JoinMember
from ringrift.node.cluster.members import Abilities, Life
from ringrift.node.cluster.state import ClusterState
from ringrift.node.consensus.patient import Patient
from ringrift.node.consensus.proposer import Proposer
from ringrift.node.consensus.voter import Voter
from ringrift.node.control import tokens
from ringrift.node.control.driver import ControllerDriver
from ringrift.node.control.evaluation import evaluate
from ringrift.node.control.eviction import evict
from ringrift.node.control.leadership import Leadership, Patience
from ringrift.node.control.leases import ClaimKey
from ringrift.node.control.populator import Populator
from ringrift.node.control.promotion import choose_generators, decide
from ringrift.node.control.training import trigger
from ringrift.node.data.blobs import BlobStore
from ringrift.node.data.history import History
from ringrift.node.data.recorder import Recorder
from ringrift.node.health.host import HostObserver
from ringrift.node.keeper import EXIT_RESTART, EXIT_STOPPED
from ringrift.node.membership import Membership
from ringrift.node.net import routes, safe_server
from ringrift.node.net.actions import Operators
from ringrift.node.net.metrics import registry_of
from ringrift.node.net.observed import Identity as Shown
from ringrift.node.net.observed import Observed
from ringrift.node.net.pictures import Pictures
from ringrift.node.net.server import bind_loopback, bind_unix
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.eventbus import EventBus
from ringrift.node.runtime.identity import Identity
from ringrift.node.runtime.loop import Body, Loop, Pulse, RestartPolicy
from ringrift.node.runtime.settings import Settings
from ringrift.node.runtime.supervisor import Supervisor
from ringrift.node.runtime.wakeup import Wakeup
from ringrift.node.runtime.watchdog import LagWatchdog
from ringrift.node.worker.admission import Admission, admission, hindered
from ringrift.node.worker.slots import slots_for
from ringrift.node.worker.worker import Worker, Workplace
from ringrift.wire.events import AnyEvent, EventLoopBlocked, LoopFailed
from ringrift.wire.views import EventView

SESSION_TTL_S = 600.0
DISK_IS_FULL = "the disk is full: nothing is decided here until there is room"
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
        self, options: Options, identity: Identity, replica: Voter, history: History
    ) -> None:
        settings, paths = options.settings, options.paths
        self.settings, self.paths, self.identity = settings, paths, identity
        self.clock, self.ending = SystemClock(), Ending()
        self.replica, self.history = replica, history
        self.started_at = self.clock.now()
        self.blocking, self.history_thread = InThreads(4), InThreads(1)
        self.local: EventBus[AnyEvent] = EventBus(settings.http.event_buffer)
        self.recorded: EventBus[EventView] = EventBus(settings.http.event_buffer)
        self.wakeups: list[Wakeup] = []
        self.applied_at: float | None = None

        self.propose = Proposer(
            Patient(replica, self.clock), identity.node_id, identity.boot
        ).propose
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
        self.leadership = Leadership(
            Patience(
                claim_s=settings.pipeline.claim_ttl_s,
                session_s=SESSION_TTL_S,
                overrun_s=REAP_GRACE_S,
                unwanted_s=settings.pipeline.release_patience_s,
            )
        )
        self.populator = Populator(settings.pipeline)
        self.membership = self._membership()
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
            Loop("membership", self.membership.run, 1.0, after=("replica", "feed")),
            Loop("worker", self.worker.run, self.settings.worker.claim_interval_s, after=joined),
            Loop("leases", self._renew_leases, self.leadership.patience.claim_s / 3, after=joined),
            *self._controllers(joined),
        ]

    def _controllers(self, after: tuple[str, ...]) -> list[Loop]:
        pipeline, promotion = self.settings.pipeline, self.settings.promotion
        often, rarely = (
            self.settings.node.control_interval_s,
            self.settings.node.eviction_interval_s,
        )
        state = lambda: self.replica.state  # noqa: E731 - a restore replaces the object
        controllers: list[tuple[str, float, Callable[[], Sequence[Command]]]] = [
            ("populator", often, lambda: self.populator.decide(state(), self._active_slots())),
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

    def _controller(self, decide_now: Callable[[], Sequence[Command]], interval_s: float) -> Body:
        return ControllerDriver(
            decide_now, self.propose, self._leads, self._wakeup(), self.clock, interval_s
        ).run

    def _membership(self) -> Membership:
        join = JoinMember(
            node=self.identity.node_id,
            name=node_name(self.settings),
            life=self._life(),
        )
        ask = partial(self.ending.ask, EXIT_RESTART, "an operator asked for a restart")
        return Membership(join, self.replica, self.propose, self._wakeup(), ask, self.clock)

    def _life(self) -> Life:
        abilities = Abilities(
            kinds=self.settings.worker.kinds,
            cores=_cores(),
            memory_bytes=psutil.virtual_memory().total,
        )
        return Life(
            boot=self.identity.boot,
            nonce=secrets.token_hex(16),
            version=__version__,
            supports=SUPPORTED_FORMAT,
            abilities=abilities,
        )

    def _worker(self) -> Worker:
        settings = self.settings.worker
        place = Workplace(
            node_id=self.identity.node_id,
            boot=self.identity.boot,
            directory=self.paths.work,
            command=settings.command or (sys.executable, "-m", "ringrift.train.job"),
            blobs=BlobStore(self.paths.blobs),
            mint_run_id=partial(secrets.token_hex, 16),
        )
        return Worker(
            place,
            self.replica,
            self.propose,
            self._admit,
            slots_for(_cores(), settings.slots, settings.threads_per_slot),
            settings,
            self.clock,
            self.blocking,
            self._wakeup(),
        )

    def _serve_loopback(self, options: Options) -> Body:
        port = self.settings.http.port + options.port_offset
        return self._server(partial(bind_loopback, port), None)

    def _serve_operators(self) -> Body:
        operators = Operators(lambda: self.replica.state, self.propose, self.identity.node_id)
        return self._server(partial(bind_unix, self.paths.socket), operators.act)

    def _server(self, bind: Callable[[], socket.socket], act: routes.Act | None) -> Body:
        http = self.settings.http
        app = routes.node_app(
            self.pictures,
            self.recorded,
            self.recorder.recent,
            registry_of(lambda: self.pictures.status),
            act,
            http.max_body_bytes,
        )

        async def body(pulse: Pulse) -> None:
            with bind() as listener:
                serve = partial(
                    safe_server.serve,
                    app,
                    listener,
                    keep_alive_s=http.keep_alive_s,
                    shutdown=trio.sleep_forever,
                )
                async with trio.open_nursery() as nursery:
                    (place,) = await nursery.start(serve)
                    pulse.ready(f"answering on {place}")

        return body

    # Small drivers that belong to no part.

    async def _run_replica(self, pulse: Pulse) -> None:
        replica = self.replica
        async with trio.open_nursery() as nursery:
            await nursery.start(replica.run)
            while True:
                figures = {
                    "index": replica.applied_index,
                    "term": replica.term,
                    "lost_messages": replica.lost_messages,
                }
                full = replica.disk_is_full
                pulse.ran(figures, DISK_IS_FULL if full else "running", well=not full)
                await self.clock.sleep(1.0)

    async def _run_feed(self, pulse: Pulse) -> None:
        """Wake everybody who waits for the state to change."""
        feed = self.replica.feed(self.replica.applied_index)
        pulse.ready("following the log")
        async for applied in feed:
            self.applied_at = self.clock.now()
            for wakeup in self.wakeups:
                wakeup.ring()
            pulse.ran({"index": applied.index})

    async def _renew_leases(self, pulse: Pulse) -> None:
        """Say that this node works on its claims; on one node, the leader is in this process."""
        while True:
            claims = self.worker.claims()
            stale = self._renew(self.identity.node_id, claims)
            pulse.ran({"claims": len(claims), "lost": len(stale)})
            await self.clock.sleep(self.leadership.patience.claim_s / 3)

    def _renew(self, node: str, claims: Iterable[ClaimKey]) -> tuple[ClaimKey, ...]:
        term, state, now = self.replica.term, self.replica.state, self.clock.now()
        return self.leadership.renew(term, state, node, claims, now)

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

    def _active_slots(self) -> int:
        return self.worker.slots.total if self.membership.is_active else 0

    def _admit(self) -> Admission:
        return admission(
            self.settings.worker.kinds,
            active=self.membership.is_active,
            hands_in=self.membership.hands_in,
            tier=self.host.tier,
            disk_free_bytes=self.host.host.disk_free_bytes,
            disk_floor_bytes=self.settings.node.disk_floor_bytes,
        )

    def _shown(self) -> Shown:
        return Shown(
            cluster=self.identity.incarnation,
            node_id=self.identity.node_id,
            name=node_name(self.settings),
            version=__version__,
            profile=self.settings.profile,
            pid=os.getpid(),
        )

    def _observe(self, digest: str) -> Observed:
        now = self.clock.now()
        return Observed(
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


def node_name(settings: Settings) -> str:
    """Return the name for people: the profile's, or the machine's own."""
    name = settings.node.name or socket.gethostname().split(".")[0]
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in name)[:48]


def _restart_policy(settings: Settings) -> RestartPolicy:
    node = settings.node
    return RestartPolicy(
        first_s=node.restart_backoff_s,
        factor=node.restart_backoff_factor,
        max_s=node.restart_backoff_max_s,
        crash_loop_failures=node.crash_loop_failures,
    )
