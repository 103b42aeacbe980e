"""The addresses under which this machine may be reached, the best first."""

import ipaddress
from collections.abc import Iterable

import psutil

MAX_ADDRESSES = 8
_TAILSCALE = (
    ipaddress.ip_network("100.64.0.0/10"),
    ipaddress.ip_network("fd7a:115c:a1e0::/48"),
)
_BRIDGES = ("docker", "br-", "veth", "virbr", "cni", "lxc", "podman")
"""Interfaces with such names lead to containers of this machine, mostly to nowhere from others."""


def own_addresses(listen: str) -> tuple[str, ...]:
    """Say where a node that listens on `listen` can be reached: at most 8, see `ranked`.

    That is `listen` itself, unless it means all interfaces: ``0.0.0.0`` every IPv4 address, ``::``
    or nothing those of both kinds. Blocks for some milliseconds.
    """
    try:
        meant = ipaddress.ip_address(listen or "::")
    except ValueError:
        return (listen,)
    if not meant.is_unspecified:
        return (listen,)
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    found = [
        (name, address.address)
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if name in up
    ]
    return ranked(found, only_v4=meant.version == 4)


def ranked(interfaces: Iterable[tuple[str, str]], *, only_v4: bool = False) -> tuple[str, ...]:
    """Order (interface, address) pairs: private LAN, Tailscale, public, bridges to containers.

    IPv4 comes before IPv6 within each. What no other machine can use (loopback, link-local) and
    what is no IP address (hardware addresses) is left out; at most 8 are returned.
    """
    found: dict[str, tuple[int, int]] = {}
    for name, text in interfaces:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            continue
        if only_v4 and address.version != 4:
            continue
        if not (address.is_loopback or address.is_link_local or not is_unicast(address)):
            rank = 3 if name.startswith(_BRIDGES) else _rank(address)
            found.setdefault(str(address), (rank, address.version))
    return tuple(sorted(found, key=found.__getitem__)[:MAX_ADDRESSES])


def is_unicast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether one machine may be meant by it."""
    return not (address.is_multicast or address.is_unspecified)


def _rank(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    if any(address in network for network in _TAILSCALE):
        return 1
    return 0 if address.is_private else 2
