"""What simulated clients wish: workers that add, claim and end work, readers and operators."""

import random
from collections.abc import Callable
from hashlib import sha256

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.charter import SUPPORTED_FORMAT
from ringrift.node.cluster.members import Abilities, Life
from ringrift.node.cluster.results import (
    Claimed,
    Queued,
    SessionLost,
    SessionOpened,
)
from ringrift.node.cluster.shards import ShardFacts
from ringrift.node.cluster.work import SelfplayOutcome, SelfplayWork
from ringrift.node.control.leases import ClaimKey
from ringrift.node.sim.asks import Change, HandOver, Propose, Read, Told, Wish
from ringrift.wire.log import NO_SESSION, Voters

CONFIG = "hex8_2p"
WORK = SelfplayWork(8, 8, 8, 16, 8, 8, 4, 0.25)
MOST_QUEUED = 30
FEWEST_VOTERS = 3
TROUBLED_PACE_S = 1.2


class Worker:
    """Opens a session, joins by a token, and then does a bit of everything with work items.

    Some depend on others, are meant for itself, are failed and so kept from it, cancelled, retried.
    Now and then it forgets what it holds (the lease must run out), falls silent for long enough to
    lose its session, or starts a new life. Then the old one may still say something.
    """

    def __init__(self, name: str, rng: random.Random, pace: float) -> None:
        self.name = name
        self.held: list[ClaimKey] = []
        self._rng, self._pace = rng, pace
        self._boot = 1
        self._session: int | None = None
        self._seq = 0
        self._member = False
        self._games = 0
        self._todo: list[c.Command] = []
        self._queued = 0
        self._made: list[int] = []
        self._last_words: Propose | None = None
        self._speaks_late = False

    def pause(self) -> float:
        if self._rng.random() < 0.004:
            return self._rng.uniform(14.0, 25.0)
        return self._rng.expovariate(1.0 / self._pace)

    def next_wish(self) -> Wish | None:
        rng, self._speaks_late = self._rng, False
        if self._session is None:
            opened = c.OpenSession(owner=self.name, boot=self._boot)
            return Propose(NO_SESSION, 0, c.encode_command(opened))
        if not self._member:
            self._todo = self._coming_in()
            self._member = True
        if self._last_words is not None:
            words, self._last_words, self._speaks_late = self._last_words, None, True
            return words
        if not self._todo and rng.random() < 0.15:
            return Read()
        command = self._todo.pop(0) if self._todo else self._command()
        if command is None:
            return None
        self._seq += 1
        return Propose(self._session, self._seq, c.encode_command(command))

    def told(self, told: Told) -> None:
        match told.result:
            case SessionOpened(session=session):
                self._session, self._seq = session, 0
            case SessionLost() if not self._speaks_late:
                self._session = None
            case Queued(item=item):
                self._queued += 1
                self._made = [*self._made[-7:], item]
            case Claimed(claim=claim, items=items):
                self.held += [(item, claim) for item in items]
                self._queued = max(0, self._queued - len(items))
            case _:
                pass

    def _coming_in(self) -> list[c.Command]:
        """What makes it a member; in a later life all but the last finds its effect in place."""
        hashes = (sha256(f"{it} of {self.name}".encode()) for it in ("token", "key"))
        token, key = (hashed.hexdigest() for hashed in hashes)
        return [
            c.CreateToken(token=token, role="node", lifetime_s=900, by=self.name),
            c.AdmitMember(token=token, member=self.name, name=self.name, key=key, by=self.name),
            self._join(key),
            c.SetConfigMode(config=CONFIG, mode="active", by=self.name),
        ]

    def _join(self, key: str) -> c.JoinMember:
        life = Life(
            boot=self._boot,
            nonce=f"{self._boot:032x}",
            version="1",
            supports=SUPPORTED_FORMAT,
            abilities=Abilities(kinds=("selfplay",), slots=2, cores=2, memory_bytes=0),
        )
        return c.JoinMember(node=self.name, name=self.name, life=life, key=key)

    def _command(self) -> c.Command | None:
        rng = self._rng
        draw = rng.random()
        if draw < 0.005 and self._session is not None:
            words = c.encode_command(_more_work(50))
            self._last_words = Propose(self._session, self._seq + 1, words)
            self._boot, self._session, self._member = self._boot + 1, None, False
            self.held.clear()
            return None
        if self.held and draw < 0.55:
            return self._end(*self.held.pop(rng.randrange(len(self.held))))
        if draw < 0.75 and self._queued < MOST_QUEUED:
            return self._adds()
        if draw < 0.78 and self._made:
            item = rng.choice(self._made)
            self._todo.append(c.RetryWork(item=item, by=self.name))
            return c.CancelWork(item=item, by=self.name)
        return c.ClaimWork(node=self.name, boot=self._boot, kinds=("selfplay",), slots=2)

    def _adds(self) -> c.AddWork:
        rng = self._rng
        depends = self._made and rng.random() < 0.2
        return _more_work(
            rng.choice((50, 60)),
            depends_on=(rng.choice(self._made),) if depends else (),
            target=self.name if rng.random() < 0.1 else None,
        )

    def _end(self, item: int, claim: int) -> c.Command | None:
        draw = self._rng.random()
        if draw < 0.15:
            return None  # forgotten: nobody renews it any more
        if draw < 0.25:
            return c.FailWork(item=item, claim=claim, reason="it stumbled")
        if draw < 0.35:
            return c.ReturnWork(item=item, claim=claim, reason="it drains")
        self._todo.append(
            c.CompleteWork(item=item, claim=claim, outcome=SelfplayOutcome(8, 100, 1.0))
        )
        return c.RegisterShard(item=item, claim=claim, shard=self._shard())

    def _shard(self) -> ShardFacts:
        number, self._games = self._games, self._games + 8
        return ShardFacts(
            sha256=f"{self._rng.getrandbits(256):064x}",
            bytes=5000,
            config=CONFIG,
            run_id=f"{self._rng.getrandbits(128):032x}",
            first_game=number,
            games=8,
            decisions=100,
            full_rows=25,
            steps=200,
            source="untrained",
        )


class Reader:
    """Reads from whoever answered last, while it does: a leader that is none any more keeps it."""

    def __init__(self, rng: random.Random, pace: float) -> None:
        self._rng, self._pace = rng, pace

    def pause(self) -> float:
        return self._rng.expovariate(1.0 / self._pace)

    def next_wish(self) -> Wish:
        return Read()

    def told(self, told: Told) -> None:
        pass


class Operator:
    """Adds and removes voters one by one, and hands leadership over; more often amid trouble.

    Sometimes it changes its mind at once: then two voters were told to campaign.
    """

    def __init__(
        self,
        rng: random.Random,
        nodes: Voters,
        voters: Callable[[], Voters],
        in_trouble: Callable[[], bool],
        pace: float,
    ) -> None:
        self._rng, self._nodes, self._voters, self._pace = rng, nodes, voters, pace
        self._in_trouble = in_trouble
        self._hands_over, self._restless = False, rng.uniform(0.1, 0.7)

    def pause(self) -> float:
        if self._hands_over and self._rng.random() < 0.6:
            return 0.0
        pace = min(self._pace, TROUBLED_PACE_S) if self._in_trouble() else self._pace
        return self._rng.expovariate(1.0 / pace)

    def next_wish(self) -> Wish | None:
        rng, voters = self._rng, self._voters()
        self._hands_over = rng.random() < self._restless
        if self._hands_over:
            return HandOver(rng.random())
        others = [node for node in self._nodes if node not in voters]
        changed = set(voters)
        if others and (len(voters) <= FEWEST_VOTERS or rng.random() < 0.6):
            changed.add(rng.choice(others))
        elif len(voters) > FEWEST_VOTERS:
            changed.remove(rng.choice(voters))
        else:
            return None
        return Change(tuple(sorted(changed)), c.encode_command(c.ChangeVoters()))

    def told(self, told: Told) -> None:
        pass


def _more_work(
    priority: int, depends_on: tuple[int, ...] = (), target: str | None = None
) -> c.AddWork:
    return c.AddWork(
        config=CONFIG,
        payload=WORK,
        priority=priority,
        max_attempts=3,
        timeout_s=60,
        depends_on=depends_on,
        target=target,
    )
