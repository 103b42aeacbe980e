"""One core, told things by hand: whom it probes, what it believes, what it tells whom."""

import random
from dataclasses import replace

from gossip_town import SOFT, TIMING, Told, open_table, says, talk
from hypothesis import given, settings
from hypothesis import strategies as st

from ringrift.node.gossip.beliefs import MAX_ACCUSERS, Beliefs, strength
from ringrift.node.gossip.core import Gossip
from ringrift.node.gossip.places import Place
from ringrift.wire.gossip import (
    Ack,
    Compare,
    Fill,
    Nack,
    Ping,
    PingFor,
    Soft,
    Statement,
    Status,
    Talk,
)

STATUSES: list[Status] = ["alive", "suspect", "dead"]
FOUR = open_table("a", "b", "c", "d")
STATEMENTS = st.lists(
    st.builds(
        lambda about, boot, incarnation, status, by: Statement(
            about, boot, incarnation, status, about if status == "alive" else by
        ),
        st.sampled_from("bcd"),
        st.integers(1, 3),
        st.integers(0, 3),
        st.sampled_from(STATUSES),
        st.sampled_from("abcd"),
    ).filter(lambda said: said.status == "alive" or said.by != said.about),
    max_size=12,
)


@given(STATEMENTS, st.randoms())
def test_beliefs_are_the_same_in_any_order_and_however_often_heard(
    statements: list[Statement], rng: random.Random
) -> None:
    one, other = Beliefs(), Beliefs()
    for said in statements:
        one.hear(said, 0.0, 0.0)
    again = statements * 2
    rng.shuffle(again)
    for said in again:
        other.hear(said, 0.0, 0.0)
    assert one.of.keys() == other.of.keys()
    for about, belief in one.of.items():
        strongest = max(strength(said) for said in statements if said.about == about)
        assert strength(belief.statement) == strength(other.of[about].statement) == strongest
        if belief.status == "suspect":
            assert set(belief.accusers) == set(other.of[about].accusers)
            assert len(belief.accusers) <= MAX_ACCUSERS


@given(STATEMENTS, st.lists(st.floats(0, 20), max_size=12))
def test_a_higher_incarnation_always_wins(statements: list[Statement], waits: list[float]) -> None:
    here = Told(FOUR, "bcd")
    for said, wait in zip(statements, waits, strict=False):
        here.hear("b", said)
        here.wait(wait)
    for name in "bcd":
        held = here.core.standings(here.now)[name]
        here.hear("c", says(name, "alive", name, held.boot, held.incarnation + 1))
        assert here.status(name) == "alive"
        here.hear("c", says(name, "dead", "c", held.boot, held.incarnation))
        assert here.status(name) == "alive"
        here.hear("c", says(name, "alive", name, held.boot + 1))
        now = here.core.standings(here.now)[name]
        assert (now.status, now.boot, now.incarnation) == ("alive", held.boot + 1, 0)


@settings(max_examples=40)
@given(st.integers(0, 5), st.floats(0.0, 3.5), st.sets(st.sampled_from("cd"), max_size=2))
def test_a_refuted_suspicion_never_becomes_a_death(
    incarnation: int, after: float, more: set[str]
) -> None:
    here = Told(FOUR, "bcd")
    here.hear("b", says("b", "alive", "b", incarnation=incarnation))
    here.hear("c", says("b", "suspect", "c", incarnation=incarnation))
    for accuser in sorted(more):
        here.hear(accuser, says("b", "suspect", accuser, incarnation=incarnation))
    assert here.status("b") == "suspect"
    here.wait(min(after, TIMING.suspicion(4, 2, 2) - 0.1), answering="bcd")
    here.hear("b", says("b", "alive", "b", incarnation=incarnation + 1))
    for _ in range(20):
        here.wait(1.0, answering="bcd")
        assert here.status("b") == "alive"
    assert here.core.counters.declared == 0


def test_who_answers_is_never_accused_and_who_does_not_dies() -> None:
    here = Told(FOUR, "bcd")
    here.wait(300.0, answering="bcd")
    assert here.core.counters.failed == 0
    assert here.core.counters.probes > 200
    assert {here.status(name) for name in "bcd"} == {"alive"}
    here.wait(60.0, answering="bc")
    assert here.status("d") == "dead"
    assert {here.status(name) for name in "bc"} == {"alive"}
    assert here.core.standings(here.now)["d"].accusers == ("a",)


def test_a_suspicion_lasts_the_shorter_the_more_confirm_it() -> None:
    lasted: list[float] = []
    for accusers in ("c", "cd", "cde", "cdef"):
        here = Told(open_table(*"abcdef"), "bcdef")
        for accuser in accusers:
            here.hear(accuser, says("b", "suspect", accuser))
        began = here.now
        while here.status("b") == "suspect":
            # Answers keep this observer from confirming it, too.
            here.wait(0.1, answering="bcdef")
        lasted.append(here.now - began)
    assert lasted == sorted(lasted, reverse=True)
    assert abs(lasted[0] - TIMING.suspicion(6, 0, 3)) < 0.2
    assert abs(lasted[-1] - TIMING.suspicion(6, 3, 3)) < 0.2


def test_a_suspect_is_told_first_of_all() -> None:
    here = Told(FOUR, "bcd")
    here.sent.clear()
    accused = says("b", "suspect", "c")
    here.hear("c", accused)
    here.wait(1.0)
    assert accused in here.told("b")
    for to, message in here.sent:
        if to == "b":
            assert accused in message.statements[:2]


def test_an_accusation_is_denied_once_in_the_answer_to_it() -> None:
    here = Told(FOUR, "bcd")
    said = Talk(Ping(9), (says("b", "alive", "b"), says("a", "dead", "b")))
    ((to, answer),) = here.core.receive("b", said, here.now)
    assert to == "b"
    assert isinstance(answer, Talk) and answer.word == Ack(9)
    assert [s for s in answer.statements if s.about == "a"] == [
        says("a", "alive", "a", incarnation=1)
    ]
    here.hear("c", says("a", "suspect", "c"))
    assert here.core.counters.denied == 1, "it was denied already"
    here.hear("c", says("a", "suspect", "c", boot=2))
    assert here.core.counters.denied == 1, "it is another life that is meant"
    assert here.core.health.score == 1


def test_those_who_are_asked_to_ping_answer_in_any_case() -> None:
    here = Told(FOUR, "bc")
    here.sent.clear()
    asked = here.core.receive("b", Talk(PingFor(5, "d", 1000), ()), here.now)
    assert [(to, m.word) for to, m in asked if isinstance(m, Talk)] == [("b", Nack(5))]
    ((to, ping),) = here.core.receive("b", Talk(PingFor(6, "c", 1000), ()), here.now)
    assert isinstance(ping, Talk) and isinstance(ping.word, Ping) and to == "c"
    here.wait(0.6)
    words = [(to, m.word) for to, m in here.sent if isinstance(m, Talk)]
    assert ("b", Nack(6)) in words
    answer = Talk(Ack(ping.word.probe), ())
    assert here.core.receive("b", answer, here.now) == [], "it was not asked"
    ((to, passed),) = here.core.receive("c", answer, here.now)
    assert isinstance(passed, Talk) and (to, passed.word) == ("b", Ack(6))


def test_local_health_falls_by_silence_and_not_by_nacks() -> None:
    here = Told(FOUR, "bcd")
    here.wait(20.0, answering="bc")
    assert here.core.counters.failed >= 1
    assert here.core.health.score == 0, "b and c said that they had no answer either"
    here.wait(60.0)
    assert here.core.health.score == TIMING.worst
    probes = here.core.counters.probes
    here.wait(60.0)
    assert here.core.counters.probes - probes < 60 * 3 / TIMING.worst
    here.wait(120.0, answering="bcd")
    assert here.core.health.score == 0


def test_who_stood_still_blames_nobody_for_it() -> None:
    here = Told(FOUR, "bcd")
    here.hear("c", says("b", "suspect", "c"), says("b", "suspect", "d"))
    here.now += 1000.0
    here.take(here.core.tick(here.now))
    assert here.status("b") == "suspect"
    assert (here.core.counters.stopped, here.core.health.score) == (1, 1)
    here.hear("b", says("b", "alive", "b", incarnation=1))
    here.wait(60.0, answering="bcd")
    assert here.core.counters.accused == here.core.counters.declared == 0


def test_a_closed_stream_that_cannot_be_redialled_is_death_within_five_seconds() -> None:
    here = Told(FOUR, "bcd")
    here.take(here.core.lost("d", here.now))
    here.wait(0.5, answering="bc")
    here.take(here.core.redial_failed("d", here.now))
    here.wait(4.4, answering="bc")
    assert here.status("d") == "dead"


def test_a_closed_stream_is_not_enough_where_nobody_agrees() -> None:
    here = Told(FOUR, "bcd")
    here.take(here.core.lost("d", here.now))
    here.take(here.core.redial_failed("d", here.now))
    asked = [(to, m.word) for to, m in here.sent if isinstance(m, Talk)]
    ((helper, word),) = [(to, w) for to, w in asked if isinstance(w, PingFor)][:1]
    here.core.receive(helper, Talk(Ack(word.probe), ()), here.now)
    here.wait(0.9)
    assert here.status("d") == "alive", "a helper reached it"
    alone = Told(FOUR, "bcd")
    for peer in "bcd":
        alone.core.lost(peer, alone.now)
        alone.take(alone.core.redial_failed(peer, alone.now))
    alone.wait(1 + TIMING.cut)
    assert "dead" not in {alone.status(name) for name in "bcd"}, "its own network is cut"


def test_who_is_no_anchor_judges_nobody_behind_anchors() -> None:
    table = {**open_table("a", "v", "w"), "far": Place(inbound=False, anchors=frozenset("vw"))}
    here = Told(table, "vw")
    here.hear("v", says("far", "alive", "far"))
    here.hear("v", says("far", "suspect", "a"), says("far", "dead", "b"))
    assert here.status("far") == "alive"
    here.hear("v", says("far", "suspect", "v"))
    here.wait(200.0, answering="vw")
    assert here.status("far") == "suspect", "its anchors have not said more"
    here.hear("w", says("far", "dead", "w"))
    assert here.status("far") == "dead"
    here.hear("w", says("far", "alive", "far", incarnation=1))
    here.hear("w", says("v", "dead", "w"), says("w", "dead", "v"))
    assert here.status("far") == "unknown", "nobody is left who could tell"


def test_a_member_that_left_is_forgotten_and_nobody_is_admitted() -> None:
    here = Told(FOUR, "bcd")
    soft = Soft("d", 1, 1, 0, SOFT)
    here.core.receive("d", Talk(None, (), (soft,)), here.now)
    assert "d" in here.core.soft_states()
    here.take(here.core.place(open_table("a", "b", "c"), here.now))
    here.core.receive("c", Talk(None, (says("d", "alive", "d"),), (soft,)), here.now)
    assert here.core.standings(here.now).keys() == {"b", "c"}
    assert "d" not in here.core.soft_states()
    here.sent.clear()
    here.wait(60.0, answering="bc")
    assert "d" not in {to for to, _ in here.sent} | {s.about for p in "bc" for s in here.told(p)}
    here.take(here.core.place(FOUR, here.now))
    assert here.status("d") == "unknown"


def test_comparing_gives_each_what_it_lacked() -> None:
    one, other = (Gossip(name, 1, TIMING, random.Random(name), 0.0) for name in "ab")
    for core in (one, other):
        core.place(FOUR, 0.0)
        core.publish(SOFT, 0.0)
    one.receive("c", Talk(None, (says("c", "alive", "c"),), (Soft("c", 1, 4, 0, SOFT),)), 0.0)
    other.receive("d", Talk(None, (says("d", "dead", "c"),), (Soft("c", 1, 3, 0, SOFT),)), 0.0)
    other.linked("a", 0.0)
    said = [("a", m) for peer, m in one.linked("b", 0.0) if isinstance(m, Compare)]
    assert said
    speakers = {"a": one, "b": other}
    while said:
        sender, message = said.pop()
        receiver = "b" if sender == "a" else "a"
        answers = speakers[receiver].receive(sender, message, 1.0)
        said += [(receiver, m) for _, m in answers if isinstance(m, Compare | Fill)]
    for core in (one, other):
        soft = core.soft_states()
        assert {node: kept.version for node, kept in soft.items()} == {"a": 1, "b": 1, "c": 4}
    assert one.standings(1.0)["d"].status == "dead"
    assert other.standings(1.0)["c"].status == "alive"


@given(st.data())
def test_whatever_it_is_told_it_stays_bounded_and_speaks_to_the_linked_only(
    data: st.DataObject,
) -> None:
    here = Told(FOUR, "bc", replace(TIMING, worst=2))
    links = set("bc")
    for _ in range(data.draw(st.integers(1, 12))):
        peer = data.draw(st.sampled_from("bcd"))
        match data.draw(st.sampled_from(["talk", "word", "link", "lost", "redial", "wait"])):
            case "talk":
                sent = here.core.receive(peer, talk(*data.draw(STATEMENTS)), here.now)
            case "word":
                number = data.draw(st.integers(0, 5))
                word = data.draw(
                    st.sampled_from([Ping(number), Ack(number), Nack(number), PingFor(1, "c", 50)])
                )
                sent = here.core.receive(peer, Talk(word, ()), here.now)
            case "link":
                links.add(peer)
                sent = here.core.linked(peer, here.now)
            case "lost":
                links.discard(peer)
                sent = here.core.lost(peer, here.now)
            case "redial":
                sent = here.core.redial_failed(peer, here.now)
            case _:
                here.now += data.draw(st.floats(0, 30))
                sent = here.core.tick(here.now)
        assert {to for to, _ in sent} <= links
        assert here.core.next_at > here.now - 31
        assert 0 <= here.core.health.score <= 2
        assert here.core.standings(here.now).keys() == set("bcd")
