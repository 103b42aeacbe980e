"""The work checker finds every way in which an item could be effective twice or under no claim."""

import msgspec
import pytest
from cluster_support import CONFIG, SELFPLAY, SELFPLAY_DONE, joins, shard, trained, training
from cluster_support import match as match_of
from observing import Cluster, caught, forged

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.results import Applied, Claimed, Done, ShardKept
from ringrift.node.cluster.work import EvaluationWork, Payload
from ringrift.node.sim.checkers.violation import Rule
from ringrift.wire.events import (
    AnyEvent,
    EvaluationCompleted,
    ModelPublished,
    ShardRegistered,
    WorkCancelled,
    WorkClaimed,
    WorkCompleted,
    WorkFailed,
    WorkReturned,
)

SHARD = shard(1, games=8)


class Shop:
    """A founded cluster that queues and claims; `next` forges the entry after the newest."""

    def __init__(self) -> None:
        self.cluster = Cluster.founded()
        self.seq = 2

    def do(self, command: c.Command) -> Applied:
        self.seq += 1
        return self.cluster.enter(command, 1, self.seq)

    def add(self, payload: Payload = SELFPLAY, after: tuple[int, ...] = ()) -> int:
        return self.do(
            c.AddWork(
                config=CONFIG,
                payload=payload,
                priority=50,
                max_attempts=3,
                timeout_s=9,
                depends_on=after,
            )
        ).index

    def claim(self) -> int:
        kinds = ("selfplay", "training", "evaluation")
        applied = self.do(c.ClaimWork(node="n", boot=1, kinds=kinds, slots=1))
        assert isinstance(applied.result, Claimed) and applied.result.items
        return applied.index

    def claimed(self, payload: Payload = SELFPLAY) -> tuple[int, int]:
        return self.add(payload), self.claim()

    def next(self, command: c.Command, result: object, *events: AnyEvent) -> Applied:
        applied = forged(self.cluster.truth.index + 1, command=command, session=1, seq=900)
        return msgspec.structs.replace(applied, result=result, events=events)

    def refuses(self, rule: Rule, command: c.Command, result: object, *events: AnyEvent) -> None:
        with caught(rule, "a"):
            self.cluster.watch.applied("a", self.next(command, result, *events))


def _claim(item: int, claim: int) -> WorkClaimed:
    return WorkClaimed(item=item, kind="selfplay", config=CONFIG, node="n", claim=claim)


def _completed(item: int, node: str = "n") -> WorkCompleted:
    return WorkCompleted(item=item, kind="selfplay", config=CONFIG, node=node)


def _complete(item: int, claim: int) -> c.CompleteWork:
    return c.CompleteWork(item=item, claim=claim, outcome=SELFPLAY_DONE)


CLAIM = c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=1)


def test_a_claimed_item_is_not_claimed_again() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    index = claim + 1
    shop.refuses("one live claim an item", CLAIM, Claimed(index, (item,), {}), _claim(item, index))


def test_an_ended_or_unknown_item_is_not_claimed() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    shop.do(_complete(item, claim))
    index = claim + 2
    shop.refuses("one live claim an item", CLAIM, Claimed(index, (item,), {}), _claim(item, index))
    other = Shop()
    other.refuses("one live claim an item", CLAIM, Claimed(4, (3,), {}), _claim(3, 4))


def test_a_claim_is_named_by_its_index_and_answers_what_was_granted() -> None:
    shop = Shop()
    item = shop.add()
    index = item + 1
    shop.refuses("one live claim an item", CLAIM, Claimed(3, (item,), {}), _claim(item, 3))
    other = Shop()
    other.add()
    other.refuses("one live claim an item", CLAIM, Claimed(index, (item,), {}))


def test_a_completion_needs_the_current_claim() -> None:
    shop = Shop()
    item, stale = shop.claimed()
    shop.do(c.ExpireClaim(item=item, claim=stale))
    pending = Shop()
    pending.claimed()
    pending.do(c.ExpireClaim(item=item, claim=stale))
    shop.claim()
    for late in (shop, pending):
        late.refuses(
            "work under its current claim", _complete(item, stale), Done("ok"), _completed(item)
        )


def test_a_completion_without_effect_needs_an_earlier_one_under_its_claim() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    shop.do(c.FailWork(item=item, claim=claim, reason="crashed"))
    shop.refuses("work under its current claim", _complete(item, claim), Done("ok"))
    fine = Shop()
    item, claim = fine.claimed()
    fine.do(_complete(item, claim))
    assert not fine.do(_complete(item, claim)).events


def test_a_completion_counts_for_the_node_that_claimed() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    command = _complete(item, claim)
    shop.refuses("work under its current claim", command, Done("ok"), _completed(item, "m"))


@pytest.mark.parametrize("verb", ["return", "fail", "expire"])
def test_a_claim_ends_only_by_its_own_index(verb: str) -> None:
    shop = Shop()
    item, claim = shop.claimed()
    commands: dict[str, c.Command] = {
        "return": c.ReturnWork(item=item, claim=claim - 1, reason="drain"),
        "fail": c.FailWork(item=item, claim=claim - 1, reason="crash"),
        "expire": c.ExpireClaim(item=item, claim=claim - 1),
    }
    event = WorkReturned(item=item, kind="selfplay", config=CONFIG, reason="x")
    shop.refuses("work under its current claim", commands[verb], Done("ok"), event)
    silent = Shop()
    silent.claimed()
    silent.refuses("work under its current claim", commands[verb], Done("ok"))


def test_a_new_life_returns_only_its_own_claims() -> None:
    shop = Shop()
    item, _ = shop.claimed()
    join = joins("m")
    event = WorkReturned(item=item, kind="selfplay", config=CONFIG, reason="x")
    shop.refuses("work under its current claim", join, Done("ok"), event)
    fine = Shop()
    fine.claimed()
    assert fine.do(joins("n", 2)).events[1:]


def test_an_item_is_claimed_only_after_what_it_depends_on() -> None:
    shop = Shop()
    first = shop.add()
    second = shop.add(after=(first,))
    index = second + 1
    granted = Claimed(index, (second,), {})
    shop.refuses("work after what it depends on", CLAIM, granted, _claim(second, index))
    cancelled = Shop()
    first = cancelled.add()
    second = cancelled.add(after=(first,))
    assert cancelled.do(c.CancelWork(item=first, by="n")).events[1:]
    index = second + 2
    granted = Claimed(index, (second,), {})
    cancelled.refuses("one live claim an item", CLAIM, granted, _claim(second, index))


def test_an_item_fails_unclaimed_only_when_what_it_waits_for_ended_badly() -> None:
    shop = Shop()
    first = shop.add()
    second = shop.add(after=(first,))
    event = WorkFailed(item=second, kind="selfplay", config=CONFIG, reason="x")
    wish = c.ReleaseWork(item=second)
    shop.refuses("work under its current claim", wish, Done("ok"), event)


def test_an_ended_item_is_not_cancelled() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    shop.do(_complete(item, claim))
    event = WorkCancelled(item=item, kind="selfplay", config=CONFIG)
    shop.refuses("work under its current claim", c.CancelWork(item=item, by="n"), Done("ok"), event)


@pytest.mark.parametrize("first", [0, 1, 7])
def test_games_never_overlap(first: int) -> None:
    shop = Shop()
    item, claim = shop.claimed()
    shop.do(c.RegisterShard(item=item, claim=claim, shard=SHARD))
    again = shard(2, games=8, run=1, first=first)
    event = ShardRegistered(config=CONFIG, shard=again.sha256, games=8, total=16)
    command = c.RegisterShard(item=item, claim=claim, shard=again)
    shop.refuses("games count once", command, ShardKept(again.sha256, False), event)


def test_a_shard_before_or_after_another_is_sound_and_the_same_one_counts_once() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    for number, first in ((1, 8), (2, 16), (3, 0)):
        part = shard(number, games=8, run=1, first=first)
        shop.do(c.RegisterShard(item=item, claim=claim, shard=part))
        assert not shop.do(c.RegisterShard(item=item, claim=claim, shard=part)).events
    part = shard(3, games=8, run=1, first=0)
    event = ShardRegistered(config=CONFIG, shard=part.sha256, games=8, total=32)
    command = c.RegisterShard(item=item, claim=claim, shard=part)
    shop.refuses("games count once", command, ShardKept(part.sha256, False), event)


def test_a_shard_is_late_exactly_when_its_claim_is_not_current() -> None:
    event = ShardRegistered(config=CONFIG, shard=SHARD.sha256, games=8, total=8)
    for stale in (0, 1):
        shop = Shop()
        item, claim = shop.claimed()
        command = c.RegisterShard(item=item, claim=claim - stale, shard=SHARD)
        kept = ShardKept(SHARD.sha256, not stale)
        shop.refuses("work under its current claim", command, kept, event)


def test_an_answer_that_a_shard_is_kept_is_true() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    command = c.RegisterShard(item=item, claim=claim, shard=SHARD)
    shop.refuses("games count once", command, ShardKept(SHARD.sha256, False))


def _trained(shop: Shop) -> tuple[int, c.CompleteWork]:
    item, claim = shop.claimed()
    if not shop.cluster.truth.shards.rows:
        shop.do(c.RegisterShard(item=item, claim=claim, shard=SHARD))
    shop.do(_complete(item, claim))
    item, claim = shop.claimed(training((SHARD.sha256,)))
    command = c.CompleteWork(item=item, claim=claim, outcome=trained("7" * 64))
    return item, command


def test_a_model_is_published_once_and_only_by_a_completion() -> None:
    shop = Shop()
    item, command = _trained(shop)
    event = ModelPublished(config=CONFIG, model="7" * 64, generation=1, rows=5)
    shop.refuses("effects happen once", command, Done("ok"), event)
    shop = Shop()
    shop.do(_trained(shop)[1])
    item, command = _trained(shop)
    shop.refuses("effects happen once", command, Done("ok"), _completed(item), event)


def test_a_match_is_recorded_once() -> None:
    shop = Shop()
    shop.do(_trained(shop)[1])
    item, claim = shop.claimed(EvaluationWork("7" * 64, "random-1", 20, 32))
    shop.do(c.CompleteWork(item=item, claim=claim, outcome=match_of(5, 5, 10)))
    item, claim = shop.claimed()
    event = EvaluationCompleted(config=CONFIG, model="7" * 64, opponent="random-1", wins=1, games=2)
    shop.refuses("effects happen once", _complete(item, claim), Done("ok"), _completed(item), event)


def test_the_final_state_holds_the_claims_and_games_that_were_seen() -> None:
    shop = Shop()
    item, claim = shop.claimed()
    shop.do(c.RegisterShard(item=item, claim=claim, shard=SHARD))
    watch, truth = shop.cluster.watch, shop.cluster.truth
    watch.work.agrees("a", truth)
    truth.shards.totals.clear()
    with caught("games count once", "a"):
        watch.work.agrees("a", truth)
    silent = Shop()
    silent.claimed()
    state = silent.cluster.truth
    silent.cluster.decide(c.ExpireClaim(item=item, claim=claim), 1, 99)
    with caught("one live claim an item", "a"):
        silent.cluster.watch.work.agrees("a", state)
