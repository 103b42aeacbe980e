"""Multicast DNS: announce this node on the local network and hear who else is announced.

The library has threads of its own. Everything here blocks, so it is called through a `Blocking`;
only `changed` is called by a thread of the library.
"""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psutil

from ringrift.node.net.discovery.announcement import Announcement, Answer

SERVICE = "_ringrift._tcp.local."
MAX_LABEL = 60
"""Characters of a name in DNS (63), less those that tell two of the same name apart."""
ANSWER_MS = 1_000
"""How long the records of an announced name are waited for."""


class MdnsError(Exception):
    """Why nothing can be announced or heard; one sentence."""


class Mdns:
    """An announcement that stands, and an ear, until `close`.

    Making one blocks for about two seconds. `interfaces` are addresses or names of interfaces, none
    means all; `changed(name, gone)` must not block. Raises `MdnsError`.
    """

    def __init__(
        self,
        me: Announcement,
        addresses: Sequence[str],
        interfaces: Sequence[str],
        changed: Callable[[str, bool], None],
    ) -> None:
        # A node that needs no mDNS need not pay for this import.
        import zeroconf as z

        def tell(*, name: str, state_change: z.ServiceStateChange, **_: Any) -> None:
            changed(name, state_change is z.ServiceStateChange.Removed)

        self._z = z
        try:
            self._zeroconf = z.Zeroconf(_addresses_of(interfaces) or z.InterfaceChoice.All)
        except (OSError, RuntimeError) as error:
            raise MdnsError(
                f"this machine cannot multicast on {', '.join(interfaces) or 'any interface'}: "
                f"{error}; correct [discovery] interfaces, or set mdns = false"
            ) from error
        try:
            service = z.ServiceInfo(
                SERVICE,
                f"{me.node[:MAX_LABEL]}.{SERVICE}",
                port=me.port,
                properties=me.txt(),
                parsed_addresses=list(addresses),
            )
            # The name is for people; who it is, the TXT record says.
            self._zeroconf.register_service(service, allow_name_change=True)
            self._browser = z.ServiceBrowser(self._zeroconf, SERVICE, [tell])
        except (OSError, RuntimeError, z.Error) as error:
            self._zeroconf.close()
            reason = str(error) or type(error).__name__
            raise MdnsError(f"this node cannot be announced: {reason}") from error

    def ask(self, name: str) -> Answer | None:
        """Ask for the records of an announced name; None when there is no answer."""
        with suppress(OSError, self._z.Error):
            service = self._z.ServiceInfo(SERVICE, name)
            if service.request(self._zeroconf, ANSWER_MS):
                return Answer(service.properties, tuple(service.parsed_addresses()), service.port)
        return None

    def close(self) -> None:
        """Withdraw the announcement and end the library's threads; takes a quarter of a second."""
        # A browser that is not cancelled first leaves its thread behind.
        self._browser.cancel()
        self._zeroconf.close()


def _addresses_of(interfaces: Sequence[str]) -> list[str]:
    """The addresses of these interfaces, which are given by name (IPv4 only) or by address."""
    known = {
        name: [a.address for a in addresses if a.family in (socket.AF_INET, socket.AF_INET6)]
        for name, addresses in psutil.net_if_addrs().items()
    }
    every = {address for addresses in known.values() for address in addresses}
    found: list[str] = []
    for interface in interfaces:
        named = [address for address in known.get(interface, ()) if ":" not in address]
        if not named and interface not in every:
            raise MdnsError(
                f"there is no interface {interface!r} with an IPv4 address, there are "
                f"{', '.join(sorted(known))}; correct [discovery] interfaces"
            )
        found += named or [interface]
    return found
