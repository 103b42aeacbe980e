"""Binding: the loopback port and the Unix socket, or one sentence about who is in the way."""

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

import psutil

BACKLOG = 128


class BindError(OSError):
    """A port or socket that cannot be bound; one sentence."""


def bind_loopback(port: int) -> socket.socket:
    """Listen on 127.0.0.1; see `bind`."""
    return bind("127.0.0.1", port)


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address of this machine; port 0 takes any free one.

    Raises `BindError`, naming the owner of a port that is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise BindError(
                f"port {port} of {host} cannot be listened on: {error.strerror}"
            ) from error
        raise BindError(
            f"port {port} of {host} is taken{_owner_of(port)}; stop that, or move all ports of "
            f"this node with --port-offset ({error.strerror})"
        ) from error
    listener.listen(BACKLOG)
    return listener


def bind_unix(path: Path) -> socket.socket:
    """Listen on a Unix socket that only this user may open (mode 0600).

    A socket left behind by an earlier life is replaced: whoever calls holds the directory's lock.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mode must be right from the first moment, so the mask is set around the bind.
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise BindError(f"the socket {path} cannot be bound: {error.strerror}") from error
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener


def _owner_of(port: int) -> str:
    """Name the process that listens on a port, as far as this user may know."""
    try:
        connections = psutil.net_connections("tcp4")
    except (psutil.Error, OSError):
        return ""
    for connection in connections:
        listening = connection.status == psutil.CONN_LISTEN
        if listening and tuple(connection.laddr)[1:] == (port,) and connection.pid:
            with suppress(psutil.Error):
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
