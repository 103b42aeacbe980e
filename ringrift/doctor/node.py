"""The node: its profile, its ports, and how it is if it runs."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from ringrift.client import Client, ClientError, NotRunningError, socket_of
from ringrift.doctor.check import Finding, failed, not_applicable, ok, warning
from ringrift.node.runtime.settings import SettingsError, load_settings
from ringrift.wire.views import SentinelView, StatusView

FAMILY = "node"
BAD_LAG_MS = 200.0
RECENT_RESTART_S = 300.0


def _environment() -> Mapping[str, str]:
    return os.environ


@dataclass(frozen=True, slots=True)
class Profile:
    """The profile and every RINGRIFT_ variable are understood."""

    profile: str
    environment: Callable[[], Mapping[str, str]] = _environment
    family: str = FAMILY
    name: str = "profile"

    def look(self) -> Finding:
        try:
            settings = load_settings(self.profile, self.environment())
        except SettingsError as error:
            fix = "mend that field; docs/settings.md lists them all"
            return failed(self.profile, cause=str(error), fix=fix)
        return ok(f"{self.profile}: trains {', '.join(settings.pipeline.configs)}")


def _bound(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _owner(port: int) -> psutil.Process | None:
    for connection in psutil.net_connections("tcp"):
        listening = connection.status == psutil.CONN_LISTEN
        if listening and connection.laddr and connection.laddr.port == port and connection.pid:
            return psutil.Process(connection.pid)
    return None


def _is_ours(command: list[str], data: Path) -> bool:
    """Whether a process of this command line is the node of this data directory, or its parent."""
    return any(word.startswith("ringrift.node") for word in command) and str(data) in command


def _is_foreign(port: int, data: Path) -> bool:
    """Whether a process that we may look at holds the port, and for another directory."""
    try:
        process = _owner(port)
        return process is not None and not _is_ours(process.cmdline(), data)
    except psutil.Error:
        return False


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a node needs is free, or held by the node of this data directory."""

    role: str
    port: int
    data: Path
    taken: Callable[[int], bool] = _bound
    owner: Callable[[int], psutil.Process | None] = _owner
    family: str = FAMILY

    @property
    def name(self) -> str:
        return f"port of the {self.role}"

    def look(self) -> Finding:
        if not self.taken(self.port):
            return ok(f"{self.port} is free")
        fix = "end that program, or move all ports with --port-offset"
        try:
            process = self.owner(self.port)
            command = process.cmdline() if process else []
        except psutil.AccessDenied:
            process, command = None, []
        if process is None:
            cause = "it is held by a program of another user"
            return failed(f"{self.port} is taken", cause=cause, fix=fix)
        if _is_ours(command, self.data):
            return ok(f"{self.port} is held by our node, process {process.pid}")
        cause = f"it is held by process {process.pid}: {' '.join(command)[:80]}"
        return failed(f"{self.port} is taken", cause=cause, fix=fix)


def _status(data: Path) -> StatusView:
    with Client(socket_of(data)) as client:
        return client.status()


@dataclass(frozen=True, slots=True)
class Reachable:
    """If a node runs here, it answers and says that it is healthy."""

    data: Path
    status: Callable[[Path], StatusView] = _status
    family: str = FAMILY
    name: str = "health"

    def look(self) -> Finding:
        try:
            status = self.status(self.data)
        except NotRunningError:
            return not_applicable("no node runs here; `ringrift up` starts one")
        except ClientError as error:
            fix = f"look at the end of {self.data / 'node.jsonl'}, then `ringrift restart`"
            return failed("it does not answer as it should", cause=str(error), fix=fix)
        value = f"{status.name}, process {status.pid}, entry {status.applied_index:,}"
        if not status.voter_quorum_ok:
            fix = "start the missing voters"
            return failed(value, cause="the voters have no quorum: nothing is decided", fix=fix)
        if status.healthy is False:
            return failed(value, cause=status.reason, fix="see `ringrift status` for that loop")
        lags = [n.loop_lag_ms for n in status.nodes if n.id == status.node_id and n.loop_lag_ms]
        if lags and lags[0] > BAD_LAG_MS:
            cause = f"its event loop stood still for {lags[0]:.0f} ms"
            return warning(value, cause=cause, fix="give it processor time: see `top`")
        return ok(value)


def _sentinel(port: int) -> SentinelView:
    with Client(f"http://127.0.0.1:{port}") as client:
        return client.sentinel()


@dataclass(frozen=True, slots=True)
class Sentinel:
    """The sentinel, if there is one, has a living node and does not restart it again and again."""

    port: int
    data: Path
    view: Callable[[int], SentinelView] = _sentinel
    foreign: Callable[[int, Path], bool] = _is_foreign
    family: str = FAMILY
    name: str = "sentinel"

    def look(self) -> Finding:
        try:
            view = self.view(self.port)
        except NotRunningError:
            return not_applicable("no sentinel runs here")
        except ClientError as error:
            fix = "see the check of its port: another program may answer there"
            return failed(f"port {self.port} answers otherwise", cause=str(error), fix=fix)
        if self.foreign(self.port, self.data):
            return not_applicable("the sentinel that answers keeps another data directory")
        score = "–" if view.resilience_score is None else f"{view.resilience_score:.2f}"
        value = f"resilience {score}, {view.restarts} restarts"
        fix = "look at the end of node.jsonl in the data directory"
        if not view.node_answers:
            ended = f"; it last ended so: {view.last_exit}" if view.last_exit else ""
            return failed(value, cause=f"its node does not answer{ended}", fix=fix)
        if view.last_restart_age_s is not None and view.last_restart_age_s < RECENT_RESTART_S:
            cause = f"its node was started anew {view.last_restart_age_s:.0f} s ago"
            return warning(value, cause=f"{cause} ({view.last_exit})", fix=fix)
        return ok(value)
