"""What nodes say of themselves on the local network, and what is made of it.

Anybody on that network may say anything, so all of it is bounded and checked, and what does not fit
is counted, not believed.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ringrift.node.net.discovery.hints import Hint
from ringrift.node.net.discovery.own import MAX_ADDRESSES, is_unicast

MAX_NAMES = 128
"""Announcements that are kept in mind; more are not looked at until some are withdrawn."""

_FIELDS = {
    b"incarnation": re.compile(rb"[0-9a-f]{32}"),
    b"node": re.compile(rb"[A-Za-z0-9._-]{1,64}"),
    b"version": re.compile(rb"[A-Za-z0-9.+_-]{1,64}"),
}


@dataclass(frozen=True, slots=True)
class Announcement:
    """I am `node` of the cluster `incarnation`, run `version` and accept streams at `port`."""

    node: str
    incarnation: str
    version: str
    port: int

    def txt(self) -> dict[str, str]:
        """What the TXT record says; the port is the SRV record's."""
        return {"incarnation": self.incarnation, "node": self.node, "version": self.version}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the records of one announced name said."""

    txt: Mapping[bytes, bytes | None]
    addresses: tuple[str, ...]
    port: int | None


def read(answer: Answer) -> tuple[Announcement, tuple[str, ...]] | None:
    """Return who announces, and at which addresses (at most 8); None when it makes no sense."""
    values: dict[bytes, str] = {}
    for name, pattern in _FIELDS.items():
        value = answer.txt.get(name) or b""
        if not pattern.fullmatch(value):
            return None
        values[name] = value.decode("ascii")
    if answer.port is None or not 1 <= answer.port <= 65_535:
        return None
    who = Announcement(values[b"node"], values[b"incarnation"], values[b"version"], answer.port)
    return who, tuple(_usable(answer.addresses))[:MAX_ADDRESSES]


def _usable(addresses: Iterable[str]) -> Iterable[str]:
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            continue
        # A link-local IPv6 address means nothing without the interface it was heard on.
        if is_unicast(address) and not (address.version == 6 and address.is_link_local):
            yield str(address)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is known behind a name; not yet anything, while nobody answered for it."""

    answered: bool = False
    who: Announcement | None = None
    hints: tuple[Hint, ...] = ()


@dataclass(slots=True)
class Neighbourhood:
    """All that is announced on this network now, by announced name."""

    me: Announcement
    _heard: dict[str, _Heard] = field(default_factory=dict[str, _Heard])
    _asked: dict[str, None] = field(default_factory=dict[str, None])

    def changed(self, name: str, *, gone: bool) -> None:
        """A name was announced, changed or (`gone`) withdrawn."""
        if gone:
            self._drop(name)
            return
        if name not in self._heard and len(self._heard) >= MAX_NAMES:
            useless = (n for n, heard in self._heard.items() if not self._is_ours(heard))
            self._drop(next(useless, name))
        if name in self._heard or len(self._heard) < MAX_NAMES:
            self._heard.setdefault(name, _Heard())
            self._asked[name] = None

    def to_ask(self, at_most: int) -> tuple[str, ...]:
        """Take names whose records are to be asked for, the longest waiting first."""
        names = tuple(self._asked)[:at_most]
        for name in names:
            del self._asked[name]
        return names

    def answered(self, name: str, answer: Answer | None) -> None:
        """Take the records of a name, unless it was withdrawn meanwhile; None: nobody answered."""
        if name in self._heard and answer is not None:
            who, addresses = read(answer) or (None, ())
            self._heard[name] = _Heard(
                True, who, tuple(Hint(a, who.port, who.node, "mdns") for a in addresses if who)
            )

    @property
    def is_asking(self) -> bool:
        """Whether there are names to ask for."""
        return bool(self._asked)

    def ask_again(self) -> None:
        """Let the names that nobody answered for be asked for once more."""
        self._asked |= {name: None for name, heard in self._heard.items() if not heard.answered}

    def hints(self) -> list[Hint]:
        """Where other nodes of this cluster say they are."""
        return [
            hint for heard in self._heard.values() if self._is_ours(heard) for hint in heard.hints
        ]

    def figures(self) -> dict[str, int]:
        """Counts: other nodes of this cluster, other clusters and their nodes, what is no node."""
        heard = self._heard.values()
        others = {(h.who.incarnation, h.who.node) for h in heard if h.who and not self._is_ours(h)}
        others.discard((self.me.incarnation, self.me.node))
        return {
            "nodes": len({h.who.node for h in heard if h.who and self._is_ours(h)}),
            "foreign_nodes": len(others),
            "foreign_clusters": len({incarnation for incarnation, _ in others}),
            "unreadable": sum(h.answered and h.who is None for h in heard),
        }

    def _is_ours(self, heard: _Heard) -> bool:
        """Whether another node of this cluster is behind it."""
        who, me = heard.who, self.me
        return who is not None and who.incarnation == me.incarnation and who.node != me.node

    def _drop(self, name: str) -> None:
        self._heard.pop(name, None)
        self._asked.pop(name, None)
