"""A process that is announced by mDNS and prints the first address of another node it hears of.

``python announcing.py NODE INCARNATION LISTEN PORT``; it ends when its standard input does.
"""

import sys

import trio

from ringrift.node.net.discovery.announcement import Announcement
from ringrift.node.net.discovery.discovery import Discovery
from ringrift.node.net.discovery.hints import HintBook
from ringrift.node.runtime.blocking import InThreads
from ringrift.node.runtime.clock import SystemClock
from ringrift.node.runtime.loop import LoopRecord, Pulse
from ringrift.node.runtime.settings import DiscoverySettings


async def main(node: str, incarnation: str, listen: str, port: str) -> None:
    book, clock = HintBook(), SystemClock()

    def found() -> None:
        for other in book.nodes(clock.now()):
            host, port = book.addresses(other, clock.now())[0]
            print(f"{other} {host} {port}", flush=True)

    me = Announcement(node, incarnation, "0", int(port))
    settings = DiscoverySettings(tailscale=False)
    discovery = Discovery(me, listen, settings, book, found, clock, InThreads(2))
    async with trio.open_nursery() as nursery:
        pulse = Pulse(LoopRecord(), clock, lambda: None)
        nursery.start_soon(discovery.run_mdns, pulse)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
