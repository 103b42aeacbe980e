"""What each command does to the state, and what is refused."""

import pytest
from cluster_support import (
    CONFIG,
    SELFPLAY,
    SELFPLAY_DONE,
    Ledger,
    joins,
    match,
    sha,
    shard,
    trained,
    training,
)

from ringrift.node.cluster import commands as c
from ringrift.node.cluster.models import Check, Verdict
from ringrift.node.cluster.results import (
    Claimed,
    Done,
    Queued,
    Refused,
    SessionLost,
    SessionOpened,
    ShardKept,
)
from ringrift.node.cluster.sessions import WINDOW
from ringrift.node.cluster.work import EvaluationWork, SelfplayWork
from ringrift.wire.events import VotersChanged
from ringrift.wire.log import MAX_COMMAND_BYTES, Entry


def verdict(decision: str = "promoted", against: str | None = None) -> Verdict:
    return Verdict(decision, against, (Check("better than random", "> 50 %", "90 %", True),), "so")  # pyright: ignore[reportArgumentType]


# Sessions


def test_a_repeated_number_gets_its_first_result_and_runs_once() -> None:
    ledger = Ledger.founded()
    add = c.AddWork(config=CONFIG, payload=SELFPLAY, priority=1, max_attempts=3, timeout_s=60)
    first = ledger.enter(1, 50, add)
    again = ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 1, 50, c.encode_command(add)))
    assert isinstance(first, Queued)
    assert again.result == first
    assert (again.first_index, again.index, again.events) == (first.item, first.item + 1, ())
    assert list(ledger.state.work.rows) == [first.item]


def test_a_number_that_left_the_window_is_refused_and_not_run() -> None:
    ledger = Ledger.founded()
    for seq in range(100, 100 + WINDOW + 1):
        ledger.enter(1, seq, c.RestartNode(node="n", by="n"))
    generation = ledger.state.members.rows["n"].restart_generation
    assert isinstance(ledger.enter(1, 100, c.RestartNode(node="n", by="n")), SessionLost)
    assert isinstance(ledger.enter(1, 90, c.RestartNode(node="n", by="n")), SessionLost)
    assert isinstance(ledger.enter(1, 101, c.RestartNode(node="n", by="n")), Done)
    assert ledger.state.members.rows["n"].restart_generation == generation


def test_a_session_that_expired_or_never_was_runs_nothing() -> None:
    ledger = Ledger.founded()
    other = ledger.enter(0, 0, c.OpenSession(owner="m", boot=1))
    assert isinstance(other, SessionOpened)
    row = ledger.state.sessions.rows[other.session]
    used = c.ExpireSession(session=other.session, last_index=row.last_index - 1)
    assert isinstance(ledger.do(used), Refused)
    ledger.do(c.ExpireSession(session=other.session, last_index=row.last_index))
    assert isinstance(ledger.enter(other.session, 1, c.RestartNode(node="n", by="n")), SessionLost)
    assert isinstance(ledger.enter(777, 1, c.RestartNode(node="n", by="n")), SessionLost)
    assert isinstance(ledger.enter(0, 0, c.RestartNode(node="n", by="n")), SessionLost)
    assert ledger.state.members.rows["n"].restart_generation == 0


def change(index: int, voters: tuple[str, ...] | None, session: int = 0, seq: int = 0) -> Entry:
    return Entry(index, 1, 0, session, seq, c.encode_command(c.ChangeVoters()), voters)


def test_the_voters_are_those_whom_the_newest_entry_named() -> None:
    state = Ledger().state
    assert state.voters == ()
    applied = state.apply(change(1, ("a", "b", "c")))
    assert applied.result == Done("the voters are now a, b, c")
    assert applied.events == (VotersChanged(voters="a, b, c"),)
    state.apply(change(2, ("a",)))
    assert state.voters == ("a",)
    assert isinstance(state.apply(change(3, None)).result, Refused)
    assert state.voters == ("a",)
    restart = c.encode_command(c.RestartNode(node="n", by="n"))
    with pytest.raises(AssertionError):
        state.apply(Entry(4, 1, 0, 0, 0, restart, ("b",)))


def test_a_repeated_change_of_voters_answers_as_at_first_but_the_log_is_obeyed() -> None:
    ledger = Ledger.founded()
    index = ledger.state.index
    first = ledger.state.apply(change(index + 1, ("a", "n"), 1, 70))
    again = ledger.state.apply(change(index + 2, ("n",), 1, 70))
    assert (again.first_index, again.result, again.events) == (index + 1, first.result, ())
    lost = ledger.state.apply(change(index + 3, ("b",), 777, 1))
    assert isinstance(lost.result, SessionLost)
    assert ledger.state.voters == ("b",)


def test_a_new_life_ends_the_sessions_of_earlier_ones() -> None:
    ledger = Ledger.founded()
    other = ledger.enter(0, 0, c.OpenSession(owner="m", boot=1))
    opened = ledger.enter(0, 0, c.OpenSession(owner="n", boot=2))
    assert isinstance(opened, SessionOpened) and isinstance(other, SessionOpened)
    assert list(ledger.state.sessions.rows) == [other.session, opened.session]
    assert isinstance(ledger.do(c.RestartNode(node="n", by="n")), SessionLost)
    assert isinstance(ledger.enter(0, 0, c.OpenSession(owner="n", boot=1)), Refused)


# Members and desired state


def test_a_copy_of_an_earlier_life_may_not_join() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("n", 3))
    assert isinstance(ledger.do(joins("n", 2)), Refused)
    assert ledger.state.members.rows["n"].boot == 3


def test_a_new_life_returns_the_claims_of_the_old_one_unhurt() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claimed = ledger.claim()
    ledger.do(joins("n", 2))
    row = ledger.state.work.rows[item]
    assert (row.state, row.attempts, row.error) == ("pending", 0, None)
    late = c.CompleteWork(item=item, claim=claimed.claim, outcome=SELFPLAY_DONE)
    assert isinstance(ledger.do(late), Refused)
    stale = c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=1)
    assert isinstance(ledger.do(stale), Refused)


def test_a_draining_node_claims_nothing_and_is_drained_with_its_last_claim() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claimed = ledger.claim()
    ledger.do(c.SetNodeMode(node="n", mode="draining", by="n"))
    assert ledger.state.node_mode("n") == "draining"
    claim = c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=1)
    assert isinstance(ledger.do(claim), Refused)
    ledger.do(c.ReturnWork(item=item, claim=claimed.claim, reason="draining"))
    assert ledger.state.node_mode("n") == "drained"
    assert ledger.state.work.rows[item].attempts == 0


def test_restart_raises_the_generation_and_strangers_are_refused() -> None:
    ledger = Ledger.founded()
    ledger.do(c.RestartNode(node="n", by="n"))
    assert ledger.state.members.rows["n"].restart_generation == 1
    assert isinstance(ledger.do(c.RestartNode(node="x", by="n")), Refused)
    assert isinstance(ledger.do(c.SetNodeMode(node="x", mode="draining", by="n")), Refused)


# The queue


def test_claims_go_by_priority_then_age_and_count_who_was_passed_over() -> None:
    ledger = Ledger.founded()
    low, high, later = ledger.add(priority=1), ledger.add(priority=9), ledger.add(priority=9)
    ledger.register(1)
    fit = ledger.add(training((sha(1),)), priority=99)
    kinds = c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=2)
    claimed = ledger.do(kinds)
    assert claimed == Claimed(ledger.state.index, (high, later), {"kind": 1, "slots": 1})
    ledger.do(c.SetConfigMode(config=CONFIG, mode="paused", by="n"))
    assert ledger.claim(slots=5).rejections == {"paused": 2}
    ledger.do(c.SetConfigMode(config=CONFIG, mode="active", by="n"))
    assert ledger.claim(slots=5).items == (fit, low)


def test_a_claim_hands_selfplay_the_generator_of_that_moment() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    model = ledger.publish(5)
    ledger.do(c.SetGenerator(config=CONFIG, model=model, reason="newest"))
    ledger.claim()
    payload = ledger.state.work.rows[item].payload
    assert isinstance(payload, SelfplayWork) and payload.weights == model


def test_completion_is_idempotent_by_its_claim() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claimed = ledger.claim()
    done = c.CompleteWork(item=item, claim=claimed.claim, outcome=SELFPLAY_DONE)
    first = ledger.do(done)
    digest_of_rows = ledger.state.work.rows[item]
    assert ledger.do(done) == first
    assert ledger.state.work.rows[item] is digest_of_rows
    other = c.CompleteWork(item=item, claim=claimed.claim + 1, outcome=SELFPLAY_DONE)
    assert isinstance(ledger.do(other), Refused)


def test_an_expired_claim_cannot_complete_after_somebody_else_claimed() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    old = ledger.claim().claim
    ledger.do(c.ExpireClaim(item=item, claim=old))
    new = ledger.claim().claim
    late = c.CompleteWork(item=item, claim=old, outcome=SELFPLAY_DONE)
    assert isinstance(ledger.do(late), Refused)
    assert isinstance(ledger.do(c.ExpireClaim(item=item, claim=old)), Refused)
    assert isinstance(ledger.do(c.FailWork(item=item, claim=old, reason="x")), Refused)
    row = ledger.state.work.rows[item]
    assert row.claim is not None and (row.state, row.claim.index) == ("claimed", new)


def test_an_item_fails_for_good_after_its_attempts() -> None:
    ledger = Ledger.founded()
    item = ledger.add(attempts=2)
    for reason in ("first", "second"):
        ledger.do(c.FailWork(item=item, claim=ledger.claim().claim, reason=reason))
    row = ledger.state.work.rows[item]
    assert (row.state, row.attempts, row.error, row.claim) == ("failed", 2, "second", None)
    assert ledger.claim().items == ()


def test_a_cancelled_item_takes_nothing_more() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claimed = ledger.claim()
    ledger.do(c.CancelWork(item=item, by="n"))
    done = c.CompleteWork(item=item, claim=claimed.claim, outcome=SELFPLAY_DONE)
    assert isinstance(ledger.do(done), Refused)
    assert isinstance(ledger.do(c.CancelWork(item=item, by="n")), Done)
    ledger.do(c.EvictWork(items=(item, 4711)))
    assert item not in ledger.state.work.rows


def test_only_ended_items_can_be_evicted() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    ledger.do(c.EvictWork(items=(item,)))
    assert item in ledger.state.work.rows


def test_work_that_makes_no_sense_is_refused() -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    ledger.record(model, "random-1", 0, 5, 15)
    wrong = {
        "no such shard": training((sha(55),)),
        "no such parent": training((sha(1),), sha(56)),
        "no such candidate": EvaluationWork(sha(57), "random-1", 20, 32),
        "no such opponent": EvaluationWork(model, sha(58), 20, 32),
        "met already": EvaluationWork(model, "random-1", 20, 32),
    }
    for payload in wrong.values():
        command = c.AddWork(config=CONFIG, payload=payload, priority=1, max_attempts=1, timeout_s=1)
        assert isinstance(ledger.do(command), Refused), payload
    ledger.add(training((sha(1),)))
    ledger.add(EvaluationWork(model, "heuristic-1", 20, 32))
    for payload in (training((sha(1),)), EvaluationWork(model, "heuristic-1", 20, 32)):
        command = c.AddWork(config=CONFIG, payload=payload, priority=1, max_attempts=1, timeout_s=1)
        assert isinstance(ledger.do(command), Refused), payload


# Shards


def test_no_game_counts_twice_however_shards_are_cut() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim

    def register(number: int, first: int, games: int) -> object:
        facts = shard(number, run=1, first=first, games=games)
        return ledger.do(c.RegisterShard(item=item, claim=claim, shard=facts))

    assert register(1, 10, 10) == ShardKept(sha(1), False)
    assert register(1, 10, 10) == ShardKept(sha(1), False)
    for number, (first, games) in enumerate([(10, 10), (0, 11), (19, 1), (12, 2), (0, 99)], 2):
        assert isinstance(register(number, first, games), Refused), (first, games)
    assert register(9, 0, 10) == ShardKept(sha(9), False)
    assert register(10, 20, 5) == ShardKept(sha(10), False)
    assert ledger.state.shards.of(CONFIG).games == 25
    ledger.state.check()


def test_a_shard_of_a_lost_claim_is_kept_as_late() -> None:
    ledger = Ledger.founded()
    item = ledger.add()
    claim = ledger.claim().claim
    ledger.do(c.ExpireClaim(item=item, claim=claim))
    assert ledger.register(3, item, claim) == ShardKept(sha(3), True)
    assert ledger.register(4, 4711, claim) == ShardKept(sha(4), True)
    assert ledger.state.shards.of(CONFIG).games == 64


def test_whoever_registers_a_shard_is_its_maker_also_when_its_claim_is_gone() -> None:
    ledger = Ledger.founded()
    ledger.register(3, 4711, 12)
    ledger.enter(0, 0, c.OpenSession(owner="gpu-2", boot=1))
    command = c.RegisterShard(item=4711, claim=12, shard=shard(4))
    ledger.enter(ledger.state.index, 1, command)
    assert ledger.state.shards.rows[sha(3)].maker == "n"
    assert ledger.state.shards.rows[sha(4)].maker == "gpu-2"


def test_whoever_claimed_the_training_is_the_maker_of_its_model() -> None:
    ledger = Ledger.founded()
    ledger.do(joins("gpu-2"))
    ledger.register(1)
    item = ledger.add(training((sha(1),)))
    claim = ledger.claim(node="gpu-2").claim
    ledger.do(c.CompleteWork(item=item, claim=claim, outcome=trained(sha(50))))
    assert ledger.state.models.rows[sha(50)].maker == "gpu-2"


def test_the_same_hash_with_other_facts_is_refused() -> None:
    ledger = Ledger.founded()
    ledger.register(3)
    assert isinstance(ledger.register(3, games=31), Refused)


# Models


def test_training_publishes_a_candidate_with_what_it_saw() -> None:
    ledger = Ledger.founded()
    first = ledger.publish(5, games=20)
    second = ledger.publish(6, games=30, parent=first)
    rows = ledger.state.models.of(CONFIG)
    assert [(m.sha256, m.generation, m.parent) for m in rows] == [
        (first, 1, None),
        (second, 2, first),
    ]
    row = ledger.state.configs.rows[CONFIG]
    assert (row.generation, row.games_fitted, row.generator) == (2, 30, None)
    assert ledger.state.model_status(rows[0]) == "candidate"


def test_training_that_reproduces_a_known_model_makes_nothing_new() -> None:
    ledger = Ledger.founded()
    ledger.publish(5, games=20)
    ledger.publish(5, games=32)
    assert len(ledger.state.models.rows) == 1
    row = ledger.state.configs.rows[CONFIG]
    assert (row.generation, row.games_fitted) == (1, 32)


def test_a_match_is_recorded_and_a_wrong_outcome_is_refused() -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    item = ledger.add(EvaluationWork(model, "random-1", 20, 32))
    claim = ledger.claim().claim
    for outcome in (SELFPLAY_DONE, trained(sha(8)), match(1, 2, 3, 4), match(0, 0, 0)):
        command = c.CompleteWork(item=item, claim=claim, outcome=outcome)
        assert isinstance(ledger.do(command), Refused), outcome
    ledger.do(c.CompleteWork(item=item, claim=claim, outcome=match(1, 4, 15)))
    assert ledger.state.models.rows[model].matches == {"random-1": match(1, 4, 15)}


def test_promotion_is_conditional_on_the_champion_it_was_judged_against() -> None:
    ledger = Ledger.founded()
    first, second = ledger.publish(5), ledger.publish(6)
    stale = c.Promote(config=CONFIG, model=first, verdict=verdict(against=second))
    assert isinstance(ledger.do(stale), Refused)
    ledger.do(c.Promote(config=CONFIG, model=first, verdict=verdict()))
    assert ledger.state.configs.rows[CONFIG].champion == first
    assert isinstance(ledger.do(c.Promote(config=CONFIG, model=second, verdict=verdict())), Refused)
    ledger.do(c.Reject(config=CONFIG, model=second, verdict=verdict("rejected", first)))
    again = c.Promote(config=CONFIG, model=second, verdict=verdict(against=first))
    assert isinstance(ledger.do(again), Refused)
    rows = ledger.state.models.rows
    assert ledger.state.model_status(rows[first]) == "champion"
    assert ledger.state.model_status(rows[second]) == "rejected"
    assert rows[first].verdict == verdict()


def test_a_dethroned_champion_is_retired_not_rejected() -> None:
    ledger = Ledger.founded()
    first, second = ledger.publish(5), ledger.publish(6)
    ledger.do(c.Promote(config=CONFIG, model=first, verdict=verdict()))
    ledger.do(c.Promote(config=CONFIG, model=second, verdict=verdict(against=first)))
    assert ledger.state.model_status(ledger.state.models.rows[first]) == "retired"
    assert ledger.state.model_status(ledger.state.models.rows[second]) == "champion"


def test_a_rejection_may_not_promote_nor_name_a_stranger() -> None:
    ledger = Ledger.founded()
    model = ledger.publish(5)
    assert isinstance(ledger.do(c.Reject(config=CONFIG, model=model, verdict=verdict())), Refused)
    stranger = c.Reject(config=CONFIG, model=sha(9), verdict=verdict("rejected"))
    assert isinstance(ledger.do(stranger), Refused)
    generator = c.SetGenerator(config=CONFIG, model=sha(9), reason="x")
    assert isinstance(ledger.do(generator), Refused)
    other = c.SetGenerator(config="hex8_3p", model=model, reason="x")
    assert isinstance(ledger.do(other), Refused)


# Encoding


def test_a_command_out_of_bounds_is_refused_before_it_is_logged() -> None:
    with pytest.raises(c.CommandError, match=r"\$\.slots"):
        c.encode_command(c.ClaimWork(node="n", boot=1, kinds=("selfplay",), slots=0))
    huge = joins("n", 1, name="n" * MAX_COMMAND_BYTES)
    with pytest.raises(c.CommandError, match="is the most"):
        c.encode_command(huge)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81\xa2do\xa7unknown", b"\x91" * 5000, b"\xff"])
def test_an_unreadable_command_stops_apply_and_changes_nothing(data: bytes) -> None:
    ledger = Ledger.founded()
    before = ledger.state.digest()
    with pytest.raises(c.CommandError):
        ledger.state.apply(Entry(ledger.state.index + 1, 1, 0, 1, 99, data))
    assert ledger.state.digest() == before


def test_a_long_reason_is_clipped_to_what_may_be_logged() -> None:
    text = c.clipped("line one\n" + "x" * 900)
    assert len(text) == 500 and "\n" not in text
    c.encode_command(c.FailWork(item=1, claim=1, reason=text))
