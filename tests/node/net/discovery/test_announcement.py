"""What others say on the network: checked, bounded, and counted when it is not for us."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net.discovery.announcement import (
    MAX_NAMES,
    Announcement,
    Answer,
    Neighbourhood,
    read,
)
from ringrift.node.net.discovery.hints import Hint
from ringrift.node.net.discovery.own import MAX_ADDRESSES

ME = Announcement("me", "a" * 32, "0.1.0", 8775)


def said(who: Announcement, *addresses: str) -> Answer:
    txt: dict[bytes, bytes | None] = {k.encode(): v.encode() for k, v in who.txt().items()}
    return Answer(txt, addresses or ("10.0.0.2",), who.port)


def named(node: str) -> Announcement:
    return replace(ME, node=node)


def heard(around: Neighbourhood, name: str, answer: Answer | None) -> None:
    around.changed(name, gone=False)
    assert around.to_ask(1) == (name,)
    around.answered(name, answer)


def test_what_is_announced_is_read_back() -> None:
    assert read(said(ME, "10.0.0.2", "fd00::1")) == (ME, ("10.0.0.2", "fd00::1"))


@pytest.mark.parametrize(
    "change",
    [
        {b"node": None},
        {b"node": b""},
        {b"node": b"x" * 65},
        {b"node": b"a b"},
        {b"node": b"a\n"},
        {b"node": "ä".encode()},
        {b"node": b"\xff\xfe"},
        {b"incarnation": b"A" * 32},
        {b"incarnation": b"a" * 31},
        {b"incarnation": None},
        {b"version": b"\x00"},
        {b"version": b"v" * 65},
    ],
)
def test_mangled_records_make_no_sense(change: dict[bytes, bytes | None]) -> None:
    answer = said(ME)
    assert read(replace(answer, txt={**answer.txt, **change})) is None


@pytest.mark.parametrize("port", [None, 0, -1, 65_536])
def test_nobody_listens_at_a_port_that_is_none(port: int | None) -> None:
    assert read(replace(said(ME), port=port)) is None


def test_addresses_that_mean_no_one_machine_are_left_out_and_the_rest_is_bounded() -> None:
    bad = ("nonsense", "224.0.0.1", "0.0.0.0", "::", "fe80::1", "ff02::1", "fe80::1%eth0")
    good = tuple(f"10.0.0.{i}" for i in range(1, 100))
    result = read(said(ME, *bad, *good))
    assert result is not None
    assert result[1] == good[:MAX_ADDRESSES]


@given(
    st.dictionaries(
        st.sampled_from([b"node", b"incarnation", b"version", b"x"]) | st.binary(max_size=8),
        st.none() | st.binary(max_size=80),
    ),
    st.lists(st.text(max_size=20), max_size=20),
    st.none() | st.integers(),
)
def test_any_answer_is_read_or_makes_no_sense(
    txt: dict[bytes, bytes | None], addresses: list[str], port: int | None
) -> None:
    assert read(Answer(txt, tuple(addresses), port)) is None or txt.keys() >= {b"node", b"version"}


def test_only_other_nodes_of_this_cluster_are_hints_and_the_others_are_counted() -> None:
    around = Neighbourhood(ME)
    heard(around, "me", said(ME))
    heard(around, "friend", said(named("friend"), "10.0.0.3", "10.0.0.4"))
    heard(around, "renamed-2", said(named("friend"), "10.0.0.3"))
    for node, incarnation in (("x", "b" * 32), ("y", "b" * 32), ("me", "c" * 32)):
        heard(around, node + incarnation, said(Announcement(node, incarnation, "9", 5)))
    heard(around, "garbage", Answer({}, (), None))
    heard(around, "silent", None)
    assert set(around.hints()) == {
        Hint("10.0.0.3", 8775, "friend", "mdns"),
        Hint("10.0.0.4", 8775, "friend", "mdns"),
    }
    assert around.figures() == {
        "nodes": 1,
        "foreign_nodes": 3,
        "foreign_clusters": 2,
        "unreadable": 1,
    }


def test_what_is_withdrawn_is_forgotten_also_while_it_is_asked_for() -> None:
    around = Neighbourhood(ME)
    heard(around, "a", said(named("a")))
    around.changed("b", gone=False)
    assert around.to_ask(9) == ("b",)
    around.changed("a", gone=True)
    around.changed("b", gone=True)
    around.changed("never-heard-of", gone=True)
    around.answered("b", said(named("b")))
    assert around.hints() == []
    assert not around.is_asking


def test_who_does_not_answer_is_asked_again_and_keeps_its_last_word_when_it_had_one() -> None:
    around = Neighbourhood(ME)
    heard(around, "a", None)
    heard(around, "b", said(named("b")))
    assert not around.is_asking
    around.ask_again()
    assert around.to_ask(9) == ("a",)
    heard(around, "b", None)
    assert len(around.hints()) == 1


def test_a_flood_of_names_is_bounded_and_washes_no_neighbour_away() -> None:
    around = Neighbourhood(ME)
    heard(around, "friend", said(named("friend")))
    for i in range(10_000):
        around.changed(f"noise{i}", gone=False)
    asked = around.to_ask(10_000)
    assert len(asked) == MAX_NAMES - 1
    for name in asked:
        around.answered(name, said(named(name)))
    assert len(around.hints()) == MAX_NAMES
    around.changed("late", gone=False)
    assert not around.is_asking, "there is no room left among neighbours"
    around.changed("friend", gone=True)
    around.changed("late", gone=False)
    assert around.to_ask(9) == ("late",)
