"""Each work item is effective once, under the one claim that was current, and in its order.

A second account of the work queue, kept from commands, results and events of the history.
"""

from bisect import bisect_left, insort

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Claimed, Done, ShardKept
from ringrift.node.cluster.state import ClusterState
from ringrift.node.sim.checkers.history import Decided
from ringrift.node.sim.checkers.violation import Now, Rule, Violation
from ringrift.wire.events import (
    AnyEvent,
    EvaluationCompleted,
    ModelPublished,
    ShardRegistered,
    WorkCancelled,
    WorkClaimed,
    WorkCompleted,
    WorkFailed,
    WorkQueued,
    WorkReturned,
)

_NO_CLAIM = (0, "")


class Work:
    """Items queued, claimed and ended; games, models and matches that count."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._queued: set[int] = set()
        self._live: dict[int, tuple[int, str]] = {}
        self._ended: dict[int, int] = {}
        self._needed: dict[int, tuple[int, ...]] = {}
        self._shards: set[str] = set()
        self._games: dict[str, list[tuple[int, int]]] = {}
        self._game_counts: dict[str, int] = {}
        self._effects: set[tuple[str, str]] = set()

    def decided(self, decided: Decided) -> None:
        """One more entry of the history, in order."""
        applied = decided.applied
        if applied.first_index != applied.index:
            return
        for event in applied.events:
            self._happened(decided, event)
        match decided.command, applied.result:
            case c.ClaimWork(), Claimed() as claimed:
                self._granted(decided, claimed)
            case c.CompleteWork(item=item, claim=claim), Done():
                if self._ended.get(item) != claim:
                    raise self._stale(decided, item, f"was completed under claim {claim}")
            case (c.ReturnWork() | c.FailWork() | c.ExpireClaim() | c.ReapClaim()) as end, Done():
                if not applied.events:
                    raise self._stale(decided, end.item, f"was ended under claim {end.claim}")
            case c.RegisterShard(shard=facts), ShardKept(sha256=sha256):
                if sha256 != facts.sha256 or sha256 not in self._shards:
                    text = f"shard {sha256[:12]} is said to be kept, but it is not"
                    raise self._broken("games count once", decided, text)
            case _:
                pass

    def agrees(self, node: str, state: ClusterState) -> None:
        """A full pass at the end: a node's state holds exactly the claims and games seen here."""
        claims = {i.id: (i.claim.index, i.claim.node) for i in state.work.claimed() if i.claim}
        if claims != self._live:
            text = f"its state has claims {claims}, but those granted and not ended {self._live}."
            raise Violation("one live claim an item", node, self._now(), text)
        games = {config: totals.games for config, totals in state.shards.totals.items()}
        if games != self._game_counts:
            text = f"its state counts games {games}, but registered were {self._game_counts}."
            raise Violation("games count once", node, self._now(), text)

    def _happened(self, decided: Decided, event: AnyEvent) -> None:
        match event:
            case WorkQueued(item=item):
                self._queued.add(item)
                if isinstance(decided.command, c.AddWork):
                    self._needed[item] = decided.command.depends_on
            case WorkClaimed():
                self._claimed(decided, event)
            case WorkCompleted():
                self._completed(decided, event)
            case WorkReturned(item=item):
                self._released(decided, item)
            case WorkFailed(item=item):
                if not self._waited_in_vain(item):
                    self._released(decided, item)
                self._ended[item] = 0
            case WorkCancelled(item=item):
                if item in self._ended:
                    raise self._stale(decided, item, "was cancelled after its end")
                self._live.pop(item, None)
                self._ended[item] = 0
            case ShardRegistered():
                self._registered(decided, event)
            case ModelPublished(model=model):
                self._effect(decided, model, "")
            case EvaluationCompleted(model=model, opponent=opponent):
                self._effect(decided, model, opponent)
            case _:
                pass

    def _claimed(self, decided: Decided, event: WorkClaimed) -> None:
        item = event.item
        if item not in self._queued or item in self._ended:
            text = f"item {item} was claimed, which is not pending"
        elif item in self._live:
            claim, node = self._live[item]
            text = f"item {item} was claimed, which {node} holds by claim {claim}"
        elif event.claim != decided.index:
            text = f"item {item} was claimed under the name {event.claim}"
        else:
            self._in_its_order(decided, item)
            self._live[item] = (event.claim, event.node)
            return
        raise self._broken("one live claim an item", decided, text)

    def _in_its_order(self, decided: Decided, item: int) -> None:
        early = [other for other in self._needed.get(item, ()) if not self._ended.get(other)]
        if early:
            text = f"item {item} was claimed before {early}, on which it depends, was completed"
            raise self._broken("work after what it depends on", decided, text)

    def _waited_in_vain(self, item: int) -> bool:
        """Whether an item that nobody works on depends on one that ended badly."""
        ends = [self._ended.get(other) for other in self._needed.get(item, ())]
        return item not in self._live and item not in self._ended and 0 in ends

    def _granted(self, decided: Decided, claimed: Claimed) -> None:
        items = tuple(e.item for e in decided.applied.events if isinstance(e, WorkClaimed))
        if claimed.items != items or claimed.claim != decided.index:
            text = f"{claimed} was answered, but granted were {items}"
            raise self._broken("one live claim an item", decided, text)

    def _completed(self, decided: Decided, event: WorkCompleted) -> None:
        match decided.command:
            case c.CompleteWork(item=event.item, claim=claim) if self._live.get(event.item) == (
                claim,
                event.node,
            ):
                del self._live[event.item]
                self._ended[event.item] = claim
            case command:
                raise self._stale(decided, event.item, f"was completed by {event.node}: {command}")

    def _released(self, decided: Decided, item: int) -> None:
        claim, node = self._live.get(item, _NO_CLAIM)
        match decided.command:
            case c.JoinMember(node=joined):
                own = joined == node
            case c.RevokeMember(member=revoked):
                own = revoked == node
            case (c.ReturnWork() | c.FailWork() | c.ExpireClaim() | c.ReapClaim()) as end:
                own = (end.item, end.claim) == (item, claim)
            case _:
                own = False
        if not own:
            raise self._stale(decided, item, f"lost its claim to {decided.command}")
        del self._live[item]

    def _registered(self, decided: Decided, event: ShardRegistered) -> None:
        command = decided.command
        if not isinstance(command, c.RegisterShard) or command.shard.sha256 != event.shard:
            text = f"shard {event.shard[:12]} was registered by {command}"
            raise self._broken("games count once", decided, text)
        facts = command.shard
        first, end = facts.first_game, facts.first_game + facts.games
        ranges = self._games.setdefault(facts.run_id, [])
        place = bisect_left(ranges, (first, end))
        near = ranges[max(0, place - 1) : place + 1]
        if facts.sha256 in self._shards or any(a < end and first < b for a, b in near):
            text = f"games {first} to {end - 1} of run {facts.run_id[:12]} were counted again"
            raise self._broken("games count once", decided, text)
        insort(ranges, (first, end))
        self._shards.add(facts.sha256)
        counted = self._game_counts.get(facts.config, 0)
        self._game_counts[facts.config] = counted + facts.games
        late = self._live.get(command.item, _NO_CLAIM)[0] != command.claim
        if decided.applied.result != ShardKept(facts.sha256, late):
            text = f"got a shard under claim {command.claim}, not recorded as late={late}"
            raise self._stale(decided, command.item, text)

    def _effect(self, decided: Decided, model: str, opponent: str) -> None:
        """A model published or a match recorded: new, and in the entry that ends its item."""
        completed = any(isinstance(e, WorkCompleted) for e in decided.applied.events)
        if (model, opponent) in self._effects or not completed:
            text = f"{model[:12]} {opponent[:12]} took effect again or without a completion"
            raise self._broken("effects happen once", decided, text)
        self._effects.add((model, opponent))

    def _stale(self, decided: Decided, item: int, what: str) -> Violation:
        claim, node = self._live.get(item, _NO_CLAIM)
        holder = f"claim {claim} of {node} is current" if claim else "no claim is current"
        text = f"item {item} {what}, when {holder}"
        return self._broken("work under its current claim", decided, text)

    def _broken(self, rule: Rule, decided: Decided, text: str) -> Violation:
        return Violation(rule, decided.node, self._now(), f"in entry {decided.index}, {text}.")
