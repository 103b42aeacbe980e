"""Looking for other nodes all the time: fills the book of hints, and rings when there is news."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import trio

from ringrift.node.net.discovery import tailscale
from ringrift.node.net.discovery.announcement import Announcement, Neighbourhood
from ringrift.node.net.discovery.hints import Hint, HintBook
from ringrift.node.net.discovery.mdns import Mdns, MdnsError
from ringrift.node.net.discovery.own import own_addresses
from ringrift.node.net.discovery.static import static_hints
from ringrift.node.net.discovery.tailscale import TailscaleError
from ringrift.node.runtime.blocking import Blocking
from ringrift.node.runtime.clock import Clock
from ringrift.node.runtime.loop import Loop, Pulse
from ringrift.node.runtime.settings import DiscoverySettings
from ringrift.node.runtime.wakeup import Wakeup

ROUND_S = 60.0
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 120.0
LOOPBACK = ("127.0.0.1", "::1")
ASKED_AT_ONCE = 32
"""Names whose records are asked for in one round, one after the other."""


class Discovery:
    """Both sources that are asked again and again, and the operator's own list.

    `me` is what is announced, `listen` the address where streams are accepted, `found` is rung when
    an address is new, and must not block. Making one raises `StaticError` for a wrong seed.
    """

    def __init__(
        self,
        me: Announcement,
        listen: str,
        settings: DiscoverySettings,
        book: HintBook,
        found: Callable[[], None],
        clock: Clock,
        blocking: Blocking,
        programs: Sequence[str] = tailscale.PROGRAMS,
    ) -> None:
        self._me, self._listen, self._settings = me, listen, settings
        self._book, self._found = book, found
        self._clock, self._blocking, self._programs = clock, blocking, programs
        book.replace("static", static_hints(settings.seeds, me.port), clock.now())

    def loops(self) -> list[Loop]:
        """What is to be kept alive: a loop for each source that the settings want."""
        wanted = (
            (self._settings.mdns, "mdns", self.run_mdns),
            (self._settings.tailscale, "tailscale", self.run_tailscale),
        )
        return [Loop(name, body, ROUND_S) for is_on, name, body in wanted if is_on]

    async def run_tailscale(self, pulse: Pulse) -> None:
        """Ask which machines are on, until cancelled."""
        pulse.ready()
        while True:
            try:
                net = await tailscale.ask(self._me.port, self._clock, self._programs)
            except TailscaleError as error:
                pulse.ran(reason=str(error), well=False)
            else:
                self._note(net.hints)
                pulse.ran({"machines": net.machines, "online": net.online}, net.reason)
            await self._clock.sleep(ROUND_S)

    async def run_mdns(self, pulse: Pulse) -> None:
        """Be announced and listen, until cancelled; what fails is tried again."""
        pulse.ready("announcing this node")
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._be_announced(pulse)
                pause_s = FIRST_PAUSE_S
            except MdnsError as error:
                pulse.ran(reason=str(error), well=False)
                await self._clock.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _be_announced(self, pulse: Pulse) -> None:
        """Be announced and listen for as long as this node's addresses stay the same."""
        addresses = await self._own_addresses()
        if not addresses:
            raise MdnsError("this machine is in no network; connect it to one")
        around, bell = Neighbourhood(self._me), Wakeup()
        token = trio.lowlevel.current_trio_token()

        def hear(name: str, gone: bool) -> None:
            around.changed(name, gone=gone)
            bell.ring()

        changed = partial(token.run_sync_soon, hear)
        interfaces = self._interfaces(addresses)
        mdns = await self._blocking(partial(Mdns, self._me, addresses, interfaces, changed))
        try:
            asked_at = self._clock.now()
            # An interface that comes later is only listened to after a new start.
            while await self._own_addresses() == addresses:
                if self._clock.now() - asked_at >= ROUND_S:
                    asked_at = self._clock.now()
                    around.ask_again()
                for name in around.to_ask(ASKED_AT_ONCE):
                    around.answered(name, await self._blocking(partial(mdns.ask, name)))
                self._note(around.hints())
                figures = around.figures()
                pulse.ran(figures, _in_words(figures))
                await bell.wait(0.0 if around.is_asking else ROUND_S)
        finally:
            with trio.CancelScope(shield=True):
                await self._blocking(mdns.close)

    async def _own_addresses(self) -> tuple[str, ...]:
        return await self._blocking(partial(own_addresses, self._listen))

    def _interfaces(self, addresses: Sequence[str]) -> Sequence[str]:
        """Where to multicast: what only this machine can reach is not told to others."""
        local = all(address in LOOPBACK for address in addresses)
        return self._settings.interfaces or (addresses if local else ())

    def _note(self, hints: Sequence[Hint]) -> None:
        if self._book.note(hints, self._clock.now()):
            self._found()


def _in_words(figures: Mapping[str, int]) -> str:
    nodes, foreign = figures["nodes"], figures["foreign_clusters"]
    others = f", and nodes of {foreign} other cluster(s)" if foreign else ""
    return f"{nodes} other node(s) of this cluster on this network{others}"
