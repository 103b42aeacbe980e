"""What tests of gossip share: places, statements, and a core that is told things by hand."""

import random
from collections.abc import Iterable, Mapping

from fleet import Fleet

from ringrift.node.consensus.raft.timing import TIMINGS
from ringrift.node.gossip.core import Gossip, Sends
from ringrift.node.gossip.places import Place
from ringrift.node.gossip.timing import GossipTiming, gossip_timing
from ringrift.node.sim.network import Weather
from ringrift.wire.gossip import (
    Ack,
    GossipMessage,
    Nack,
    Ping,
    PingFor,
    SoftState,
    Statement,
    Status,
    Talk,
)

TIMING = gossip_timing(TIMINGS["lan"])
SOFT = SoftState(slots=1)


def open_table(*names: str) -> dict[str, Place]:
    return {name: Place() for name in names}


def says(about: str, status: Status, by: str, boot: int = 1, incarnation: int = 0) -> Statement:
    return Statement(about, boot, incarnation, status, by)


def talk(*statements: Statement) -> Talk:
    return Talk(None, statements)


class Told:
    """A core and its time; `sent` is all that it wanted to send."""

    def __init__(
        self, table: Mapping[str, Place], links: Iterable[str] = (), timing: GossipTiming = TIMING
    ) -> None:
        self.now = 100.0
        self.sent: list[tuple[str, GossipMessage]] = []
        self._unanswered: Sends = []
        self.core = Gossip("a", 1, timing, random.Random(1), self.now)
        self.take(self.core.place(table, self.now))
        for peer in links:
            self.take(self.core.linked(peer, self.now))
            self.hear(peer, says(peer, "alive", peer))

    def take(self, sends: Sends) -> None:
        """Note what the core wants to send; it is answered, or not, when time passes."""
        self.sent += sends
        self._unanswered += sends

    def hear(self, peer: str, *statements: Statement) -> None:
        self.take(self.core.receive(peer, talk(*statements), self.now))

    def status(self, of: str) -> str:
        return self.core.standings(self.now)[of].status

    def wait(self, seconds: float, *, answering: Iterable[str] = ()) -> None:
        """Let time pass; those who answer do so to every ping, knowing nothing else."""
        end, answering = self.now + seconds, set(answering)
        self._answer(answering)
        while self.core.next_at <= end:
            self.now = max(self.now, self.core.next_at)
            self.take(self.core.tick(self.now))
            self._answer(answering)
        self.now = end

    def _answer(self, answering: set[str]) -> None:
        while self._unanswered:
            peer, message = self._unanswered.pop(0)
            word = message.word if isinstance(message, Talk) else None
            if peer in answering and isinstance(word, Ping | PingFor):
                answer = Ack(word.probe) if isinstance(word, Ping) else Nack(word.probe)
                said = Talk(answer, (says(peer, "alive", peer),))
                self.take(self.core.receive(peer, said, self.now))

    def told(self, peer: str) -> list[Statement]:
        """What the peer was told, of others than the core itself."""
        return [
            said
            for to, message in self.sent
            if to == peer
            for said in message.statements
            if said.about != "a"
        ]


def fleet(seed: int, table: Mapping[str, Place], lost: float = 0.0) -> Fleet:
    """All nodes of the table started, and thirty seconds on."""
    here = Fleet(seed, table, TIMING, Weather(lost=lost, fastest=0.001, slowest=0.01))
    for name in table:
        here.start(name)
    here.agenda.run(30.0)
    return here


def seen(here: Fleet, of: str) -> dict[str, str]:
    """What each living node believes of one."""
    now = here.agenda.now
    return {
        name: node.core.standings(now)[of].status for name, node in here.nodes.items() if name != of
    }
