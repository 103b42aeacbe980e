"""Pings: whom this node probes when, by what ways, and what it concludes.

A probe goes over the stream to the member, and when that stays unanswered for a while, or there is
no stream, through others. Who is asked to ping for somebody answers in any case, by a `Nack` if it
must: silence of those who are asked tells this node that the fault may be its own.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ringrift.node.gossip.counters import Counters
from ringrift.node.gossip.health import LocalHealth
from ringrift.node.gossip.places import Places
from ringrift.node.gossip.timers import Timers
from ringrift.node.gossip.timing import CONFIRMATIONS, GossipTiming
from ringrift.wire.gossip import Ack, Nack, Ping, PingFor, Status, Word

HELPERS = 3
"""How many are asked to ping for this node."""
MAX_RELAYS = 256
"""Most pings for others under way; beyond, the answer is a `Nack` at once."""
NACK_SHARE = 0.5
"""After this share of the asker's patience it is told that there was no answer yet."""


@dataclass(slots=True)
class _Probe:
    """`silent` are those of the `asked` who have said nothing yet."""

    number: int
    target: str
    cut: bool
    asked: frozenset[str] = frozenset()
    silent: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class _Relay:
    """A ping to `target` on behalf of `asker`, under the asker's number."""

    asker: str
    number: int
    target: str


class Probing:
    """The probes of one node.

    `links` are the peers there is a stream to, `speak` says a word to one of them, `believed` is
    what is believed of a member, and `failed` is called with one that could not be reached, and
    whether it is cut off.
    """

    def __init__(
        self,
        timing: GossipTiming,
        timers: Timers,
        rng: random.Random,
        health: LocalHealth,
        counters: Counters,
        links: set[str],
        *,
        speak: Callable[[str, Word], None],
        believed: Callable[[str], Status | None],
        failed: Callable[[str, bool], None],
    ) -> None:
        self._timing, self._timers, self._rng = timing, timers, rng
        self._health, self._counters, self._links = health, counters, links
        self._speak, self._believed, self._failed = speak, believed, failed
        self._places = Places("", {})
        self._due: dict[str, float] = {}
        self._numbers = 0
        self._probes: dict[int, _Probe] = {}
        self._of: dict[str, _Probe] = {}
        self._relays: dict[int, _Relay] = {}

    def watch(self, places: Places) -> None:
        """Observe the members that this node has to, and nobody else."""
        self._places = places
        for target in [target for target in self._due if target not in places.mine]:
            del self._due[target]
            self._end(target)
        for target in sorted(places.mine - self._due.keys()):
            self._plan(target, self._rng.random() * self._period(target))

    def hasten(self, target: str) -> None:
        """Probe a suspect soon, so that in one interval enough observers do to settle it.

        The usual probes keep their times: observers that all began anew would all wait together.
        """
        everyone = len(self._places.observers(target))
        within = self._timing.probe * max(1.0, everyone / (2 * CONFIRMATIONS))
        self._timers.after(self._rng.random() * within, self._look_again, target)

    def now(self, target: str, *, cut: bool = False) -> None:
        """Probe a member at once, in place of a probe that is under way.

        `cut` says that the stream to it is gone for good, as far as this node can tell.
        """
        under_way = self._of.get(target)
        if target not in self._due or (cut and under_way is not None and under_way.cut):
            return
        self._end(target)
        self._numbers += 1
        self._counters.probes += 1
        probe = _Probe(self._numbers, target, cut)
        self._probes[probe.number] = self._of[target] = probe
        factor = self._health.factor
        self._timers.after(self._timing.probe * factor, self._give_up, probe)
        if target in self._links:
            self._speak(target, Ping(probe.number))
            self._timers.after(self._timing.answer * factor, self._ask_others, probe)
        else:
            self._ask_others(probe)

    def hear(self, peer: str, word: Word) -> None:
        """Take in a word of probing."""
        match word:
            case Ping(probe=number):
                self._speak(peer, Ack(number))
            case PingFor():
                self._ping_for(peer, word)
            case Ack(probe=number):
                self._acked(peer, number)
            case Nack(probe=number):
                probe = self._probes.get(number)
                if probe is not None:
                    probe.silent.discard(peer)
                    # Without a stream of one's own, nothing more can come.
                    if probe.cut and probe.asked and not probe.silent:
                        self._give_up(probe)

    def _period(self, target: str) -> float:
        observers = max(1, len(self._places.observers(target)))
        jitter = 0.75 + 0.5 * self._rng.random()
        return self._timing.probe * observers * self._health.factor * jitter

    def _plan(self, target: str, seconds: float) -> None:
        self._due[target] = self._timers.lived + seconds
        self._timers.after(seconds, self._round, target, self._due[target])

    def _round(self, target: str, planned: float) -> None:
        if self._due.get(target) == planned:
            self._plan(target, self._period(target))
            reachable = target in self._links or self._believed(target) in ("alive", "suspect")
            if target not in self._of and reachable:
                self.now(target)

    def _look_again(self, target: str) -> None:
        if target not in self._of and self._believed(target) == "suspect":
            self.now(target)

    def _end(self, target: str) -> None:
        probe = self._of.pop(target, None)
        if probe is not None:
            del self._probes[probe.number]

    def _ask_others(self, probe: _Probe) -> None:
        if self._of.get(probe.target) is not probe:
            return
        helpers = sorted(
            peer
            for peer in self._places.observers(probe.target) & self._links
            if self._believed(peer) == "alive"
        )
        chosen = self._rng.sample(helpers, min(HELPERS, len(helpers)))
        probe.asked, probe.silent = frozenset(chosen), set(chosen)
        self._counters.indirect += bool(chosen)
        left = (self._timing.probe - self._timing.answer) * self._health.factor
        for helper in chosen:
            self._speak(helper, PingFor(probe.number, probe.target, int(1000 * left)))

    def _give_up(self, probe: _Probe) -> None:
        if self._of.get(probe.target) is not probe:
            return
        self._end(probe.target)
        self._counters.failed += 1
        self._health.worse(len(probe.silent) if probe.asked else 1)
        self._failed(probe.target, probe.cut and len(probe.silent) < len(probe.asked))

    def _acked(self, peer: str, number: int) -> None:
        relay = self._relays.get(number)
        if relay is not None and peer == relay.target:
            del self._relays[number]
            self._speak(relay.asker, Ack(relay.number))
        probe = self._probes.get(number)
        if probe is not None and (peer == probe.target or peer in probe.asked):
            self._end(probe.target)
            self._health.better()

    def _ping_for(self, asker: str, word: PingFor) -> None:
        if word.target not in self._links or len(self._relays) >= MAX_RELAYS:
            self._speak(asker, Nack(word.probe))
            return
        self._numbers += 1
        self._relays[self._numbers] = _Relay(asker, word.probe, word.target)
        patience = word.patience_ms / 1000
        self._timers.after(NACK_SHARE * patience, self._nack, self._numbers)
        self._timers.after(2 * patience, self._relays.pop, self._numbers, None)
        self._speak(word.target, Ping(self._numbers))

    def _nack(self, number: int) -> None:
        relay = self._relays.get(number)
        if relay is not None:
            self._speak(relay.asker, Nack(relay.number))
