"""One life of a node, from its options to its exit code: lock, recover, run, close.

Everything that can refuse to start is tried in here before anything runs, and in an order in which
a refusal leaves nothing changed.
"""

import os
import random
import secrets
import signal
import sqlite3
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import structlog
import trio

from ringrift.node.app import Ending, Node
from ringrift.node.arguments import Options
from ringrift.node.cluster.members import Reach
from ringrift.node.consensus.follower import Follower
from ringrift.node.consensus.log import LogCorruptError
from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.consensus.transport import Nowhere
from ringrift.node.consensus.voter import Voter
from ringrift.node.data.history import History
from ringrift.node.founding import seeds_of
from ringrift.node.keeper import EXIT_STOPPED
from ringrift.node.machine import life_of, node_name
from ringrift.node.net import credentials as own
from ringrift.node.net.pki import is_of_machine
from ringrift.node.net.server import bind, bind_loopback
from ringrift.node.peers import Peers, Spot
from ringrift.node.recovery.switch import settle
from ringrift.node.runtime.blocking import Blocking, InThreads
from ringrift.node.runtime.clock import Clock, SystemClock
from ringrift.node.runtime.disk import RealDisk
from ringrift.node.runtime.identity import Identity, locked, next_life
from ringrift.node.runtime.logs import logging_to
from ringrift.node.runtime.paths import PathError

CLOSE_SLACK_S = 10.0
"""Beyond the children's own grace, for handing in what they gave."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("node")


async def run(options: Options) -> int:
    """Live until told to stop; returns the exit code.

    Raises `SettingsError`, `PathError`, `BindError`, `LogCorruptError` or `SnapshotError`, each one
    sentence, when the node cannot run like this.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(options.paths))
        settle(options.paths)
        stack.enter_context(logging_to(options.paths.logs, options.settings.node.log_level))
        # A taken port must be told before anything changes; the loop binds it again.
        bind_loopback(options.settings.http.port + options.port_offset).close()
        credentials = own.read(options.paths.tls)
        if credentials is not None and not is_of_machine(credentials.chain[0]):
            raise PathError(
                f"{options.paths.data} holds the credentials of a person, "
                f"{credentials.subject.node}; choose another directory for a node with --data"
            )
        port = options.settings.peers.port + options.port_offset
        log_thread, clock = InThreads(1), SystemClock()
        spot = await log_thread(partial(Spot.of, options.settings.peers, port))
        if credentials is not None and spot.reach.inbound:
            bind(spot.listen, spot.port).close()
        identity = next_life(options.paths, node_name(options.settings), _hex_digits)
        peers = None
        if credentials is not None:
            seeds = seeds_of(options.paths)
            contexts = await log_thread(credentials.contexts)
            peers = Peers(identity, credentials, contexts, seeds, spot, clock)
        replica, damage = await _replica(options, identity, peers, clock, log_thread)
        history = await log_thread(partial(open_history, options.paths.history))
        stack.callback(history.close)
        # Asking for graphics cards takes longer than the event loop may stand still.
        reach = Reach() if peers is None else spot.reach
        life = await log_thread(partial(life_of, options.settings.worker, identity.boot, reach))
        node = Node(options, identity, life, replica, history, peers, damage)
        return await _live(node, options)


async def _replica(
    options: Options, identity: Identity, peers: Peers | None, clock: Clock, log_thread: Blocking
) -> tuple[Voter | Follower, str]:
    """The cluster's state here: by this node's own vote, or as voters tell it.

    And why a voter among others goes without its vote, in one sentence: its log is damaged, but
    what was decided is not lost with it. Raises LogCorruptError where it is.
    """
    timing, damage = TIMINGS[identity.timing], ""
    if peers is None or identity.votes:
        try:
            return await Voter.open(
                RealDisk(options.paths.log),
                clock,
                log_thread,
                random.Random(secrets.randbits(64)),
                Nowhere() if peers is None else peers.board,
                timing,
                node_id=identity.node_id,
                incarnation=identity.incarnation,
                # With credentials the log was founded when they were given out; one that is gone
                # since then is not to be founded anew.
                founders=(identity.node_id,) if peers is None else (),
            ), damage
        except LogCorruptError as error:
            if peers is None:
                raise
            damage = str(error)
            log.error("the log is damaged; going without a vote", reason=damage)
    gateway = peers.board.gateway
    return Follower(identity.incarnation, gateway, clock, timing.patience), damage


async def _live(node: Node, options: Options) -> int:
    log.info("node starts", node=node.identity.node_id, boot=node.identity.boot)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_on_signals, node.ending)
        if options.end_with_stdin:
            nursery.start_soon(_end_with_stdin, node.ending)
        nursery.start_soon(node.supervisor.run)
        await node.ending.asked.wait()
        log.info("node ends", reason=node.ending.reason)
        with trio.move_on_after(options.settings.worker.stop_grace_s + CLOSE_SLACK_S):
            await node.worker.close(node.ending.reason)
        nursery.cancel_scope.cancel()
    return node.ending.code


async def _end_on_signals(ending: Ending) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            ending.ask(EXIT_STOPPED, f"the node was told to stop ({signal.Signals(number).name})")


async def _end_with_stdin(ending: Ending) -> None:
    """End when the sentinel does: it holds the other end of our stdin."""
    stdin = trio.lowlevel.FdStream(os.dup(0))
    async with stdin:
        while await stdin.receive_some(1024):
            pass
    ending.ask(EXIT_STOPPED, "its sentinel is gone")


def open_history(path: Path) -> History:
    """Open the history; a damaged one is set aside, since the log can fill a new one."""
    try:
        return History(path)
    except sqlite3.DatabaseError as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        log.error("the history was damaged and begins anew", kept=str(aside), reason=str(error))
        return History(path)


def _hex_digits(count: int) -> str:
    return secrets.token_hex((count + 1) // 2)[:count]
