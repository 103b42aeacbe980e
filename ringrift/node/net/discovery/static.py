"""Places that an operator wrote down: HOST, HOST:PORT or [IPV6]:PORT."""

import ipaddress
import re
from collections.abc import Iterable

from ringrift.node.net.discovery.hints import Hint

_ENTRY = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^\[\]:]*))(?::(?P<port>[^:]*))?")
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


class StaticError(ValueError):
    """An entry that is no place; one sentence that names it and the fix."""


def static_hints(entries: Iterable[str], default_port: int) -> tuple[Hint, ...]:
    """Read entries; without a port they mean `default_port`. Raises `StaticError`."""
    return tuple(Hint(*_place(entry.strip(), default_port), None, "static") for entry in entries)


def _place(entry: str, default_port: int) -> tuple[str, int]:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise StaticError(
            f"{entry!r} is no place of a node: write HOST, HOST:PORT or [IPV6]:PORT, "
            "with an IPv6 address in brackets"
        )
    return _host(entry, found["v6"], found["host"]), _port(entry, found["port"], default_port)


def _host(entry: str, v6: str | None, host: str | None) -> str:
    try:
        if v6 is not None:
            return str(ipaddress.IPv6Address(v6))
        # What is written in digits is meant as an address, and the resolver guesses at wrong ones.
        if host and re.fullmatch(r"[0-9.]+", host):
            return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise StaticError(f"{entry!r} has no valid IP address: {error}; correct it") from error
    if host is None or not _NAME.fullmatch(host):
        raise StaticError(
            f"{entry!r} has no valid host name: write one of letters, digits, dots and hyphens"
        )
    return host.lower()


def _port(entry: str, port: str | None, default: int) -> int:
    if port is None:
        return default
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65_535:
        raise StaticError(f"{entry!r} has no valid port: write a number from 1 to 65535")
    return int(port)
