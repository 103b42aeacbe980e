"""The parent that keeps a node alive, and says on its own port how the installation is.

It starts ``python -m ringrift.node`` in a process group of its own, holds the node's stdin (whose
end takes the node along), asks it how it is, ends it when it goes mute, and starts it again when it
fails. Signals to the sentinel become a gentle stop of the node.
"""

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
import structlog
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringrift.node.arguments import Options, options_of, parser
from ringrift.node.health.memory import TIERS
from ringrift.node.health.resilience import FORMULA, level, resilience
from ringrift.node.keeper import EXIT_REFUSED, EXIT_STOPPED, Keeper, Stop
from ringrift.node.net.guard import json_response
from ringrift.node.net.probe import ProbeError, get
from ringrift.node.net.routes import guarded
from ringrift.node.net.safe_server import serve
from ringrift.node.net.server import BindError, bind_loopback
from ringrift.node.runtime.clock import Clock, SystemClock
from ringrift.node.runtime.identity import make_directory
from ringrift.node.runtime.logs import logging_to
from ringrift.node.runtime.loop import RestartPolicy
from ringrift.node.runtime.paths import PathError
from ringrift.node.runtime.settings import SettingsError
from ringrift.wire.views import NodeView, SentinelView, StatusView

ASK_EVERY_S = 2.0
ASK_TIMEOUT_S = 5.0
STOP_SLACK_S = 30.0
"""Beyond the children's grace, before a node that was told to stop is killed."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("sentinel")
_status_decoder: msgspec.json.Decoder[StatusView] = msgspec.json.Decoder(StatusView)


def node_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a node: its numpy, which fits ratings, keeps to one thread.

    The cores belong to the children, which set these for themselves; the threads of a linear
    algebra library that wait for each other beside busy children take many times as long as one.
    """
    return {**own, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Sentinel:
    """Keeps one node; `run` returns the exit code."""

    def __init__(self, options: Options, arguments: Sequence[str], clock: Clock) -> None:
        self._options = options
        self._arguments = arguments
        self._clock = clock
        self._keeper = Keeper(RestartPolicy(), random.Random(secrets.randbits(64)))
        self._process: trio.Process | None = None
        self._status: StatusView | None = None
        self._stop = trio.Event()

    async def run(self) -> int:
        """Keep the node until a signal, or its own exit, says that it is enough."""
        http = self._options.settings.http
        app = guarded(
            [Route("/status", self._show_status), Route("/health", self._show_health)],
            http.max_body_bytes,
        )
        with bind_loopback(http.sentinel_port + self._options.port_offset) as listener:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    partial(
                        serve,
                        app,
                        listener,
                        keep_alive_s=http.keep_alive_s,
                        shutdown=trio.sleep_forever,
                    )
                )
                nursery.start_soon(self._obey_signals)
                nursery.start_soon(self._ask)
                code = await self._keep()
                nursery.cancel_scope.cancel()
        return code

    async def _keep(self) -> int:
        while True:
            code = await self._one_life()
            decision = self._keeper.ended(code, self._clock.now(), stopping=self._stop.is_set())
            log.info("the node ended", how=self._keeper.last_exit, then=str(decision))
            if isinstance(decision, Stop):
                return decision.code
            with trio.move_on_after(decision.pause_s):
                await self._stop.wait()
                return EXIT_STOPPED

    async def _one_life(self) -> int:
        """Start the node and wait for its end; it never outlives this call."""
        command = [sys.executable, "-m", "ringrift.node", *self._arguments, "--end-with-stdin"]
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.PIPE, process_group=0, env=node_environment(os.environ)
        )
        self._keeper.started(self._clock.now())
        self._process = process
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_when_told, process)
                await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            self._process = self._status = None
            with trio.CancelScope(shield=True):
                if process.returncode is None:
                    process.kill()
                await process.wait()
                assert process.stdin is not None
                await process.stdin.aclose()
        assert process.returncode is not None
        return process.returncode

    async def _end_when_told(self, process: trio.Process) -> None:
        await self._stop.wait()
        process.terminate()
        await self._clock.sleep(self._options.settings.worker.stop_grace_s + STOP_SLACK_S)
        log.error("the node did not stop in time and is killed")
        process.kill()

    async def _obey_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                log.info("told to stop", by=signal.Signals(number).name)
                self._stop.set()

    async def _ask(self) -> None:
        """Ask the node how it is, over and over; end it when it is hung."""
        port = self._options.settings.http.port + self._options.port_offset
        while True:
            process = self._process
            try:
                status = _status_decoder.decode(await get(port, "/status", ASK_TIMEOUT_S))
            except (ProbeError, msgspec.DecodeError, UnicodeDecodeError) as error:
                self._status = None
                log.debug("the node does not answer", reason=str(error))
            else:
                # Whoever else answers there, it is only our node that counts.
                ours = process is not None and status.pid == process.pid
                self._status = status if ours and self._process is process else None
                if ours:
                    self._keeper.answered(self._clock.now())
            if self._process is not None and self._keeper.is_hung(self._clock.now()):
                log.error("the node is hung and is killed", pid=self._process.pid)
                self._process.kill()
            await self._clock.sleep(ASK_EVERY_S)

    async def _show_status(self, request: Request) -> Response:
        return json_response(self.view())

    async def _show_health(self, request: Request) -> Response:
        view = self.view()
        reason = "the node answers" if view.node_answers else "the node does not answer"
        return json_response({"healthy": view.node_answers, "reason": reason})

    def view(self) -> SentinelView:
        """Return what there is to know, unknown where the node does not say it."""
        keeper, status, now = self._keeper, self._status, self._clock.now()
        here = _own(status)
        tier = here.memory_pressure_tier if here is not None else None
        judged = resilience(
            next((known for known in TIERS if known == tier), None),
            None if status is None else status.leader_id is not None,
            None if status is None else status.voter_quorum_ok,
            None if status is None else tuple(loop.healthy for loop in status.loops),
        )
        restarted = keeper.last_restart_at
        return SentinelView(
            node_pid=None if self._process is None else self._process.pid,
            node_alive=self._process is not None,
            node_answers=status is not None,
            restarts=keeper.restarts,
            last_exit=keeper.last_exit,
            last_restart_age_s=None if restarted is None else now - restarted,
            resilience_score=judged.score,
            resilience_level=None if judged.score is None else level(judged.score),
            components=judged.components,
            formula=FORMULA,
            memory_pressure_tier=tier,
            memory_percent=here.memory_percent if here is not None else None,
        )


def _own(status: StatusView | None) -> NodeView | None:
    if status is None:
        return None
    return next((node for node in status.nodes if node.id == status.node_id), None)


def main(arguments: Sequence[str]) -> int:
    """Keep a node with these arguments (see `arguments.parser`); returns the exit code.

    A reason why it cannot run is one sentence on stderr and exit code 2.
    """
    try:
        options = options_of(parser("ringrift node").parse_args(arguments), end_with_stdin=False)
        make_directory(options.paths)
        with logging_to(options.paths.data / "sentinel.jsonl", options.settings.node.log_level):
            log.info("sentinel starts", pid=os.getpid())
            return trio.run(Sentinel(options, arguments, SystemClock()).run)
    except (SettingsError, PathError, BindError) as error:
        sys.stderr.write(f"ringrift: {error}\n")
        return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
