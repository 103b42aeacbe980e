"""`ringrift up`: one command from nothing to a machine that learns, and a view of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ringrift.cli.node import sentinel_command
from ringrift.cli.place import (
    DEFAULT_PROFILE,
    DataDirectory,
    PortOffset,
    Profile,
    directory_of,
    fail,
)

if TYPE_CHECKING:
    from ringrift.client import Client

START_LIMIT_S = 60.0
STOP_LIMIT_S = 120.0
LOOK_INTERVAL_S = 2.0
LOG_NAME = "up.log"


def up(
    *, profile: Profile = DEFAULT_PROFILE, data: DataDirectory = None, port_offset: PortOffset = 0
) -> None:
    """Start a node, or attach to the one that runs, and show it until told to end."""
    from ringrift.client import Client, socket_of

    directory = directory_of(profile, data)
    _require_settings(profile)
    _obey_signals()
    child: subprocess.Popen[bytes] | None = None
    try:
        with Client(socket_of(directory)) as client:
            if _running(client):
                told = f"A node already runs in {directory}: attaching, it is left running."
                print(told, flush=True)
            else:
                child = _start(profile, directory, port_offset)
                _await_answer(client, child, directory)
            _watch(client, child, directory)
    except KeyboardInterrupt:
        pass  # this is how the command is meant to end
    finally:
        if child is not None:
            _stop(child)


def _obey_signals() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell without job control starts its background jobs with it ignored.
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else it was started by nohup
        signal.signal(signal.SIGHUP, interrupt)


def _require_settings(profile: str) -> None:
    from ringrift.node.runtime.settings import SettingsError, load_settings

    try:
        load_settings(profile, os.environ)
    except SettingsError as error:
        fail(str(error), 2)


def _running(client: "Client") -> bool:
    from ringrift.client import ClientError, NotRunningError

    try:
        client.status()
    except NotRunningError:
        return False
    except ClientError:
        return True  # something answers: it is starting, or of another version
    return True


def _start(profile: str, directory: Path, port_offset: int) -> "subprocess.Popen[bytes]":
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = (directory / LOG_NAME).open("ab")
    except OSError as error:
        fail(f"The data directory {directory} cannot be used: {error.strerror}; choose --data.", 2)
    print(f"Starting a node in {directory} (its words go to {LOG_NAME} there).", flush=True)
    with log:
        # Its own session: Ctrl-C reaches this command alone, which then ends the node in order.
        return subprocess.Popen(
            sentinel_command(profile, directory, port_offset),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await_answer(client: "Client", child: "subprocess.Popen[bytes]", directory: Path) -> None:
    from ringrift.client import ClientError

    deadline = time.monotonic() + START_LIMIT_S
    problem = ""
    while time.monotonic() < deadline:
        _require_alive(child, directory)
        try:
            client.status()
            client.models()
        except ClientError as error:
            problem = str(error)
        else:
            return
        time.sleep(0.2)
    fail(f"The node did not answer within {START_LIMIT_S:.0f} s: {problem}", 1)


def _require_alive(child: "subprocess.Popen[bytes] | None", directory: Path) -> None:
    code = None if child is None else child.poll()
    if code is not None:
        last = _last_words(directory / LOG_NAME)
        fail(f"The node ended with exit status {code}: {last}", 2 if code == 2 else 1)


def _last_words(log: Path) -> str:
    lines = log.read_bytes()[-4096:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing; see {log}."


def _watch(client: "Client", child: "subprocess.Popen[bytes] | None", directory: Path) -> None:
    if sys.stdin.isatty() and sys.stdout.isatty():
        import asyncio

        from ringrift.tui.run import attach

        asyncio.run(attach(client.address, owns_node=child is not None))
        return
    from ringrift.cli.live import LiveView
    from ringrift.client import ClientError

    view = LiveView()
    while True:
        _require_alive(child, directory)
        try:
            status, models = client.status(), client.models()
            events = client.recent_events(1000, view.last_seq)
        except ClientError as error:
            lines = view.silence(str(error))
        else:
            lines = view.look(status, models, events, time.monotonic())
        for line in lines:
            print(line, flush=True)
        time.sleep(LOOK_INTERVAL_S)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is not None:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("Stopping the node: its children hand in what they have.", flush=True)
    child.send_signal(signal.SIGTERM)
    try:
        code = child.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        fail(f"The node (process {child.pid}) still works after {STOP_LIMIT_S:.0f} s.", 1)
    except KeyboardInterrupt:
        fail(f"Not waiting: the node (process {child.pid}) ends by itself.", 1)
    print("Stopped." if code == 0 else f"The node ended with exit status {code}.", flush=True)
