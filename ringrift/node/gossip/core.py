"""Gossip of one node as a pure machine: told what happened and when, it returns what to send."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ringrift.node.gossip.beliefs import Belief, Beliefs, strength
from ringrift.node.gossip.counters import Counters
from ringrift.node.gossip.health import LocalHealth
from ringrift.node.gossip.pace import Pacing, Partition, partition_of
from ringrift.node.gossip.places import Place, Places
from ringrift.node.gossip.probing import Probing
from ringrift.node.gossip.rumours import Rumours
from ringrift.node.gossip.softstate import Kept, SoftStates
from ringrift.node.gossip.timers import ROUNDING_S, Timers
from ringrift.node.gossip.timing import CONFIRMATIONS, GossipTiming
from ringrift.wire.gossip import (
    MAX_FILL_SOFT,
    MAX_NEWS,
    MAX_NEWS_SOFT,
    Compare,
    Fill,
    GossipMessage,
    Soft,
    SoftState,
    Statement,
    Status,
    Talk,
    Word,
)

Sends = list[tuple[str, GossipMessage]]
"""What to send, as (peer, message)."""

FANOUT = 3
"""How many peers are told at once."""
TELLINGS = 3
"""A statement is told so many times the logarithm of the members, by each who hears it."""
SOFT_TELLINGS = 3
"""A soft state is told so many times by each: nearly all hear it, comparing does the rest."""
WONDER_S = 10.0
"""So long others are asked again and again of a new member of which nothing is known."""
LAST_INCARNATION = 2**53


@dataclass(frozen=True, slots=True)
class Standing:
    """What this node believes of a member, for `since_s` seconds.

    A member of which nobody has said anything, or nobody is left who might, is unknown.
    """

    status: Status | Literal["unknown"]
    since_s: float
    boot: int = 0
    incarnation: int = 0
    accusers: tuple[str, ...] = ()


class Gossip:
    """Membership and soft state as `me` sees them, in its life `boot`.

    Every call takes the time, in seconds that never go back, and returns what to send; `next_at`
    says when `tick` has something to do. Only members that are linked are ever sent anything.
    """

    def __init__(
        self, me: str, boot: int, timing: GossipTiming, rng: random.Random, now: float
    ) -> None:
        self.me, self.timing, self.counters = me, timing, Counters()
        self.health = LocalHealth(timing.worst)
        self._own = Statement(me, boot, 0, "alive", me)
        self._rng, self._now = rng, now
        self._timers = Timers(now, timing.late, timing.answer)
        self._links: set[str] = set()
        self._places = Places(me, {})
        self._met: dict[str, float] = {}
        self._beliefs, self._soft, self._pacing = Beliefs(), SoftStates(), Pacing()
        self._statements: Rumours[Statement] = Rumours(2)
        self._news: Rumours[str] = Rumours(1)
        self._telling, self._compare_at, self._said = False, 0.0, 0
        self._sends: Sends = []
        self._probing = Probing(
            timing, self._timers, rng, self.health, self.counters, self._links,
            speak=self._speak, believed=self._believed, failed=self._failed,
        )  # fmt: skip
        self._plan_compare(rng.random() * self._pacing.interval)

    @property
    def next_at(self) -> float:
        """When `tick` is to be called, at the latest."""
        return self._timers.next_at

    def place(self, table: Mapping[str, Place], now: float) -> Sends:
        """Know the members as they are now; who is not among them is forgotten."""
        self._enter(now)
        old = self._places.table
        self._places = Places(self.me, table)
        for gone in old.keys() - table.keys():
            self._forget(gone)
        self._met = {n: self._met.get(n, now) for n in table if n != self.me}
        self._depend()
        self._probing.watch(self._places)
        for belief in list(self._beliefs.of.values()):
            if belief.status == "suspect":
                self._await_death(belief)
        for new in sorted(table.keys() - old.keys() - {self.me}):
            if new in self._links:
                self._probing.now(new)
        if self._wonders():
            self._plan_compare(self._rng.random() * self.timing.probe)
        return self._leave()

    def linked(self, peer: str, now: float) -> Sends:
        """There is a stream to a peer now."""
        self._enter(now)
        self._links.add(peer)
        self._depend()
        self._probing.now(peer)
        if self._pacing.pace == "partitioned":
            self._compare(peer)
        return self._leave()

    def lost(self, peer: str, now: float) -> Sends:
        """There is no stream to a peer any more."""
        self._enter(now)
        self._links.discard(peer)
        self._depend()
        return self._leave()

    def redial_failed(self, peer: str, now: float) -> Sends:
        """A peer whose stream ended could not be dialled; a voter or anchor has others look."""
        self._enter(now)
        belief, mine = self._beliefs.of.get(peer), self._places.table.get(self.me)
        if (
            belief is not None and belief.status != "dead" and not belief.cut
            and mine is not None and mine.witness and peer not in self._links
        ):  # fmt: skip
            self._probing.now(peer, cut=True)
        return self._leave()

    def publish(self, state: SoftState, now: float) -> Sends:
        """Have everybody know how this node is."""
        self._enter(now)
        self._said += 1
        self._hear_soft(Soft(self.me, self._own.boot, self._said, 0, state), self.me)
        return self._leave()

    def receive(self, peer: str, message: GossipMessage, now: float) -> Sends:
        """Take in what a peer said."""
        self._enter(now)
        for said in message.statements:
            self._hear(said, peer)
        if not isinstance(message, Compare):
            for soft in message.soft:
                if soft.node != self.me and soft.node in self._places.table:
                    self._hear_soft(soft, peer)
        match message:
            case Talk(word=word):
                if word is not None:
                    self._probing.hear(peer, word)
            case Compare():
                self._fill(peer, message)
            case Fill(wants=wants):
                if wants:
                    self._send(peer, Fill((self._own,), self._told(wants)))
        return self._leave()

    def tick(self, now: float) -> Sends:
        """Let time pass."""
        self._enter(now)
        self._timers.run()
        return self._leave()

    def standings(self, now: float) -> dict[str, Standing]:
        """What is believed of every other member."""
        return {name: self._standing(name, now) for name in self._met}

    def soft_states(self) -> dict[str, Kept]:
        """The newest soft state of every member that has told one, this node among them."""
        return dict(self._soft.of)

    def partition(self, now: float) -> Partition:
        """How much of the cluster is seen."""
        standings = (self._standing(name, now) for name in self._met)
        # A suspect has not been missed yet.
        return partition_of((s.status in ("alive", "suspect"), s.since_s) for s in standings)

    @property
    def pacing(self) -> Pacing:
        """How often this node compares all it knows with another."""
        return self._pacing

    def _standing(self, name: str, now: float) -> Standing:
        belief = self._beliefs.of.get(name)
        if belief is None:
            return Standing("unknown", now - self._met[name])
        status: Status | Literal["unknown"] = belief.status
        observers = self._places.observers(name)
        if (
            status != "dead" and observers and self.me not in observers
            and all(self._believed(anchor) == "dead" for anchor in observers)
        ):  # fmt: skip
            status = "unknown"
        said = belief.statement
        accusers = () if belief.status == "alive" else tuple(belief.accusers)
        return Standing(status, now - belief.since, said.boot, said.incarnation, accusers)

    def _believed(self, name: str) -> Status | None:
        belief = self._beliefs.of.get(name)
        return None if belief is None else belief.status

    def _enter(self, now: float) -> None:
        self._now = now
        if self._timers.wake(now):
            self.counters.stopped += 1
            self.health.worse()

    def _leave(self) -> Sends:
        sends, self._sends = self._sends, []
        return sends

    def _send(self, peer: str, message: GossipMessage) -> None:
        if peer in self._links and peer in self._places.table:
            self._sends.append((peer, message))

    def _speak(self, peer: str, word: Word | None) -> None:
        """Say a word, and what news there is for the peer, that it is itself accused first."""
        statements = [self._own]
        belief = self._beliefs.of.get(peer)
        if belief is not None and belief.status != "alive":
            statements.append(belief.statement)
        told = self._statements.take(peer, MAX_NEWS - len(statements))
        statements += [said for said in told if said is not self._own]
        # Soft state makes no traffic of its own: it rides on the pings.
        soft = () if word is None else self._told(self._news.take(peer, MAX_NEWS_SOFT))
        self._send(peer, Talk(word, tuple(statements), soft))

    def _depend(self) -> None:
        always = self._places.clients & self._links
        self._statements.always = self._news.always = always

    def _forget(self, member: str) -> None:
        belief = self._beliefs.of.pop(member, None)
        if belief is not None:
            self._drop(belief)
        self._soft.of.pop(member, None)
        self._news.drop((member, ""))

    def _hear(self, said: Statement, source: str) -> None:
        if said.about == self.me:
            self._hear_of_me(said)
            return
        observers = self._places.observers(said.about)
        if said.about not in self._places.table or (
            said.by != said.about if said.status == "alive" else said.by not in observers
        ):
            self.counters.ignored += 1
            return
        before = self._beliefs.of.get(said.about)
        change = self._beliefs.hear(said, self._now, self._timers.lived)
        if change == "known":
            self._statements.knows(source, (said.about, said.by))
            return
        belief = self._beliefs.of[said.about]
        if change == "new" and before is not None:
            self._drop(before)
        self._spread(said)
        self._statements.knows(source, (said.about, said.by))
        if said.status == "suspect":
            self._await_death(belief)
            if change == "new" and said.by != self.me:
                self._probing.hasten(said.about)
        before_s = self._pacing.interval
        self._pacing.look(self.partition(self._now))
        if self._pacing.interval < before_s:
            self._plan_compare(self._rng.random() * self._pacing.interval)

    def _hear_of_me(self, said: Statement) -> None:
        own = self._own
        if (
            said.status != "alive" and said.boot == own.boot
            and own.incarnation <= said.incarnation < LAST_INCARNATION
        ):  # fmt: skip
            self._own = Statement(self.me, own.boot, said.incarnation + 1, "alive", self.me)
            self.counters.denied += 1
            self.health.worse()
            self._spread(self._own)

    def _spread(self, said: Statement) -> None:
        times = TELLINGS * max(1, len(self._places.table).bit_length())
        key = (said.about, said.by)
        self._statements.put(key, said, times)
        if said.status == "alive":
            self._statements.knows(said.about, key)
        self._tell_soon()

    def _drop(self, belief: Belief) -> None:
        for accuser in belief.accusers:
            self._statements.drop((belief.statement.about, accuser))

    def _tell_soon(self) -> None:
        if not self._telling:
            self._telling = True
            self._timers.after(self._rng.random() * self.timing.rumour, self._tell)

    def _tell(self) -> None:
        waiting = self._statements.waiting(sorted(self._links & self._places.table.keys()))
        accused = [peer for peer in waiting if self._believed(peer) in ("suspect", "dead")]
        others = [peer for peer in waiting if peer not in accused]
        self._rng.shuffle(others)
        for peer in accused[:1] + others[:FANOUT]:
            self._speak(peer, None)
        self._telling = False
        if len(others) > FANOUT or len(accused) > 1:
            self._telling = True
            self._timers.after(self.timing.rumour, self._tell)

    def _failed(self, target: str, cut: bool) -> None:
        """This node could not reach a member: accuse it, if anything is known of it at all."""
        belief = self._beliefs.of.get(target)
        if belief is None or belief.status == "dead":
            return
        said = belief.statement
        self.counters.accused += self.me not in belief.accusers
        self._hear(Statement(target, said.boot, said.incarnation, "suspect", self.me), self.me)
        belief = self._beliefs.of[target]
        if cut and belief.status == "suspect":
            belief.cut = True
            self._await_death(belief)

    def _await_death(self, belief: Belief) -> None:
        about = belief.statement.about
        if self.me in self._places.observers(about):
            left = self._dies_at(belief) - self._timers.lived
            self._timers.after(max(0.0, left), self._bury, about, belief)

    def _dies_at(self, belief: Belief) -> float:
        others = len(self._places.observers(belief.statement.about)) - 1
        wanted = max(0, min(CONFIRMATIONS, others))
        lasts = self.timing.suspicion(len(self._places.table), len(belief.accusers) - 1, wanted)
        return belief.lived + (min(lasts, self.timing.cut) if belief.cut else lasts)

    def _bury(self, about: str, belief: Belief) -> None:
        if self._beliefs.of.get(about) is not belief:
            return
        if self._timers.lived < self._dies_at(belief) - ROUNDING_S:
            # The cluster has grown meanwhile.
            self._await_death(belief)
            return
        said = belief.statement
        self.counters.declared += 1
        self._hear(Statement(about, said.boot, said.incarnation, "dead", self.me), self.me)

    def _hear_soft(self, soft: Soft, source: str) -> None:
        if self._soft.hear(soft, self._now):
            self._news.put((soft.node, ""), soft.node, SOFT_TELLINGS)
        if self._soft.version(soft.node) == (soft.boot, soft.version):
            self._news.knows(source, (soft.node, ""))

    def _plan_compare(self, seconds: float) -> None:
        self._compare_at = self._timers.after(seconds, self._round)

    def _round(self) -> None:
        if self._timers.lived < self._compare_at:
            return
        wonders = self._wonders()
        judge = self._pacing.look if wonders else self._pacing.round
        judge(self.partition(self._now))
        peers = sorted(self._links & self._places.mine)
        if peers:
            self._compare(self._rng.choice(peers))
        every_s = self.timing.probe if wonders else self._pacing.interval
        self._plan_compare(every_s * (1.0 + 0.2 * self._rng.random()))

    def _wonders(self) -> bool:
        """Whether a new member is unknown: what was said of it before was not believed."""
        recent = self._now - WONDER_S
        return any(at > recent and name not in self._beliefs.of for name, at in self._met.items())

    def _compare(self, peer: str) -> None:
        self.counters.compared += 1
        versions = tuple((node, kept.boot, kept.version) for node, kept in self._soft.of.items())
        self._send(peer, Compare(self._everything(), versions))

    def _everything(self) -> tuple[Statement, ...]:
        return self._own, *(belief.statement for belief in self._beliefs.of.values())

    def _fill(self, peer: str, theirs: Compare) -> None:
        """Answer with what the other lacked, a random part of it when it is much."""
        heard = {said.about: strength(said) for said in theirs.statements}
        statements = tuple(
            said
            for said in self._everything()
            if said.about not in heard or strength(said) > heard[said.about]
        )
        versions = {node: (boot, version) for node, boot, version in theirs.versions}
        newer = [n for n in self._soft.of if self._soft.version(n) > versions.get(n, (-1, -1))]
        older = [n for n in versions if versions[n] > self._soft.version(n)]
        wanted = [node for node in older if node in self._places.table]
        self._send(peer, Fill(statements, self._told(self._some(newer)), self._some(wanted)))

    def _some(self, nodes: list[str]) -> tuple[str, ...]:
        return tuple(self._rng.sample(nodes, min(MAX_FILL_SOFT, len(nodes))))

    def _told(self, nodes: Iterable[str]) -> tuple[Soft, ...]:
        kept = ((node, self._soft.of.get(node)) for node in nodes)
        return tuple(state.told(node, self._now) for node, state in kept if state is not None)
