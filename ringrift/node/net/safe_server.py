"""hypercorn's trio server, with every failure of a connection contained in that connection.

hypercorn 0.18.0 lets an exception of one connection escape into its nursery, which ends the whole
process: a good WebSocket upgrade followed by garbage in the same packet is enough (hypercorn #225).
The subclass catches it, counts it and closes the stream. `hypercorn.trio.run.TCPServer` is private
API, hence the exact version in pyproject.toml and the fuzz test.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from socket import socket
from typing import cast

import hypercorn.trio.run
import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config, Sockets
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.typing import ASGIFramework
from starlette.types import ASGIApp

from ringrift.node.runtime.loop import Body, Pulse

CLOSE_S = 1.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("http")


class SafeTCPServer(TCPServer):
    """One connection whose exceptions end itself and nothing else."""

    async def run(self) -> None:
        try:
            await super().run()
        except* Exception as failures:  # noqa: BLE001 - whatever it is, it stays in here
            log.warning("a connection failed", reason=repr(failures.exceptions[0])[:300])
            with trio.move_on_after(CLOSE_S, shield=True):
                await trio.aclose_forcefully(self.stream)


def quiet_config() -> Config:
    """hypercorn speaking HTTP/1.1 only, which says nothing of itself and writes no log."""
    config = Config()
    config.alpn_protocols = ["http/1.1"]
    config.include_server_header = False
    config.accesslog = config.errorlog = None
    return config


def serving(app: ASGIApp, bind: Callable[[], socket], keep_alive_s: float) -> Body:
    """The loop that serves `app` where `bind` says."""

    async def body(pulse: Pulse) -> None:
        with bind() as listener:
            start = partial(
                serve, app, listener, keep_alive_s=keep_alive_s, shutdown=trio.sleep_forever
            )
            async with trio.open_nursery() as nursery:
                (place,) = await nursery.start(start)
                pulse.ready(f"answering on {place}")

    return body


async def serve(
    app: ASGIApp,
    listener: socket,
    *,
    keep_alive_s: float,
    shutdown: Callable[[], Awaitable[None]],
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` on a bound, listening socket until `shutdown` returns."""
    # Set here and not at import, so that only a process that serves is touched.
    hypercorn.trio.run.TCPServer = SafeTCPServer  # pyright: ignore[reportPrivateImportUsage]
    config = quiet_config()
    config.keep_alive_timeout = keep_alive_s
    config.graceful_timeout = 1.0
    await hypercorn.trio.run.worker_serve(
        ASGIWrapper(cast("ASGIFramework", app)),
        config,
        sockets=Sockets([], [listener], []),
        shutdown_trigger=shutdown,
        task_status=task_status,
    )
