"""The book of hints: bounded whatever is said, and what was proven outlives what was said."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringrift.node.net.discovery.hints import (
    FADES_S,
    LONGEST_GUESS_S,
    LONGEST_PAUSE_S,
    MAX_HINTS,
    MAX_PER_NODE,
    Address,
    Hint,
    HintBook,
    Source,
)


def hint(host: str, node: str | None = "n", source: Source = "mdns", port: int = 1) -> Hint:
    return Hint(host, port, node, source)


def test_a_new_address_is_news_once_and_sources_merge() -> None:
    book = HintBook()
    assert book.note([hint("a")], 0)
    assert not book.note([hint("a"), hint("a", source="tailscale")], 1)
    assert book.note([hint("a"), hint("b"), hint("a")], 2)
    assert book.addresses("n", 2) == (("a", 1), ("b", 1))
    assert book.nodes(2) == ("n",)
    assert len(book) == 2


def test_sightings_fade_an_hour_after_the_last_and_lists_stay_until_replaced() -> None:
    book = HintBook()
    book.note([hint("seen"), hint("seen-again")], 0)
    book.replace("static", [hint("written", None, "static")], 0)
    book.note([hint("seen-again")], 10)
    assert book.addresses("n", FADES_S) == (("seen", 1), ("seen-again", 1))
    assert book.addresses("n", FADES_S + 1) == (("seen-again", 1),)
    book.note([], FADES_S + 11)
    assert len(book) == 1
    assert book.nodes(FADES_S + 11) == ()
    assert book.strangers(1e9) == (("written", 1),)
    assert not book.replace("static", [], 1e9)
    assert len(book) == 0
    assert book.replace("static", [hint("written", None, "static")], 1e9), "it is news again"


def test_a_replaced_list_keeps_what_else_is_known_of_an_address() -> None:
    book = HintBook()
    book.replace("members", [hint("a", source="members"), hint("b", source="members")], 0)
    book.note([hint("a")], 0)
    book.failed("n", ("b", 1), 0)
    assert not book.replace("members", [hint("b", source="members")], 0)
    assert book.addresses("n", 0) == (("a", 1), ("b", 1))
    book.replace("members", [], 0)
    assert book.addresses("n", 0) == (("a", 1),)
    with pytest.raises(ValueError, match="members"):
        book.replace("members", [hint("a")], 0)


def test_what_worked_last_is_tried_first_then_who_is_to_be_believed() -> None:
    book = HintBook()
    book.note([hint("mdns"), hint("tail", source="tailscale"), hint("old"), hint("new")], 0)
    book.replace("members", [hint("member", source="members")], 0)
    book.worked("n", ("old", 1), 0)
    book.worked("n", ("new", 1), 5)
    order = ("new", "old", "member", "mdns", "tail")
    assert book.addresses("n", 5) == tuple((host, 1) for host in order)


def test_an_address_where_nobody_answers_is_asked_ever_more_rarely() -> None:
    book = HintBook()
    book.note([hint("a", None), hint("b", None)], 0)
    now, pauses = 0.0, []
    for _ in range(100):
        book.failed(None, ("a", 1), now)
        assert book.strangers(now) == (("b", 1),)
        began = now
        while ("a", 1) not in book.strangers(now):
            now += 0.5
            book.note([hint("a", None), hint("b", None)], now)
        pauses.append(now - began)
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S


def test_machines_that_never_answered_are_asked_ever_more_rarely_seeds_are_not() -> None:
    book = HintBook()
    book.note([hint("phone", None, "tailscale")], 0)
    book.replace("static", [hint("seed", None, "static")], 0)
    for _ in range(2000):
        book.failed(None, ("phone", 1), 0)
        book.failed(None, ("seed", 1), 0)
    assert book.strangers(LONGEST_PAUSE_S) == (("seed", 1),)
    assert set(book.strangers(LONGEST_GUESS_S)) == {("seed", 1), ("phone", 1)}


def test_nobody_is_asked_for_where_somebody_proved_to_be_but_a_claim_keeps_nobody_from_asking() -> (
    None
):
    book = HintBook()
    book.note([hint("a", None, "static"), hint("a", "liar"), hint("b", None, "tailscale")], 0)
    assert book.strangers(0) == (("a", 1), ("b", 1))
    book.worked("n", ("b", 1), 0)
    assert book.strangers(0) == (("a", 1),)
    assert book.addresses("n", 0) == (("b", 1),)
    book.failed("n", ("b", 1), 1)
    assert book.strangers(1) == (("a", 1), ("b", 1)), "who was there has left"


def test_a_clock_that_starts_below_zero_means_nothing() -> None:
    book = HintBook()
    book.note([hint("a"), hint("b")], -50)
    book.worked("n", ("b", 1), 0.0)
    assert book.addresses("n", 0.0) == (("b", 1), ("a", 1))


def test_failures_of_what_is_unknown_are_not_kept() -> None:
    book = HintBook()
    book.failed("n", ("a", 1), 0)
    book.failed(None, ("a", 1), 0)
    assert len(book) == 0


def test_a_flood_stays_bounded_and_washes_nothing_away_that_is_worth_more() -> None:
    book = HintBook()
    book.replace("members", [hint("member", source="members")], 0)
    book.note([hint("lan", "friend")], 0)
    book.worked("friend", ("lan", 1), 1)
    for i in range(10_000):
        book.note([hint(f"h{i}", f"fake{i}"), hint(f"h{i}", "n"), hint(f"h{i}", None)], 2 + i / 1e4)
        assert len(book) <= MAX_HINTS
    assert len(book.addresses("n", 3)) == MAX_PER_NODE
    assert book.addresses("n", 3)[0] == ("member", 1)
    assert book.addresses("friend", 3) == (("lan", 1),)
    assert book.addresses("fake9999", 3) == (("h9999", 1),), "the newest of equals stay"
    book.note((hint(f"x{i}", None) for i in range(10_000)), 4)
    assert len(book) <= MAX_HINTS
    assert book.addresses("friend", 4) == (("lan", 1),)


_nodes = st.sampled_from(["a", "b", None])
_sources = st.sampled_from(["mdns", "tailscale", "static", "members", "seeds"])
_hints = st.builds(Hint, st.sampled_from("pqrs"), st.integers(1, 3), _nodes, _sources)
_steps = st.lists(
    st.tuples(
        st.sampled_from(["note", "replace", "worked", "failed"]),
        st.lists(_hints, min_size=1, max_size=4),
        st.floats(0.01, FADES_S),
    ),
    max_size=25,
)


@given(_steps)
def test_known_is_exactly_what_was_said_or_proven_lately(
    steps: list[tuple[str, list[Hint], float]],
) -> None:
    book, now = HintBook(), 0.0
    told: dict[tuple[str | None, Address], dict[str, float]] = {}
    for what, hints, wait in steps:
        now += wait
        node, address = hints[0].node, (hints[0].host, hints[0].port)
        if what == "note":
            book.note(hints, now)
            for h in hints:
                told.setdefault((h.node, (h.host, h.port)), {})[h.source] = now
        elif what == "replace":
            source = hints[0].source
            book.replace(source, [h for h in hints if h.source == source], now)
            for times in told.values():
                times.pop(source, None)
            for h in hints:
                if h.source == source:
                    told.setdefault((h.node, (h.host, h.port)), {})[source] = math.inf
        elif what == "failed":
            book.failed(node, address, now)
            assert node is not None or address not in book.strangers(now)
        elif node is not None:
            book.worked(node, address, now)
            told.setdefault((node, address), {})["proof"] = now
            assert book.addresses(node, now)[0] == address
            assert address not in book.strangers(now)
        fresh = {
            key for key, times in told.items() if max([-1e9, *times.values()]) >= now - FADES_S
        }
        for name in ("a", "b"):
            known = book.addresses(name, now)
            assert sorted(known) == sorted(a for n, a in fresh if n == name)
            assert (name in book.nodes(now)) == bool(known)
        assert {(None, a) for a in book.strangers(now)} <= fresh
