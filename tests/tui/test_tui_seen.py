"""What the cockpit remembers, and what it says has changed."""

import cockpit
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ringrift.tui.seen import MAX_EVENTS, Seen, changes

change = msgspec.structs.replace


@given(st.lists(st.lists(st.integers(294, 312), max_size=6).map(sorted), max_size=6))
def test_events_come_once_and_in_order(batches: list[list[int]]) -> None:
    known = {event.seq: event for event in cockpit.EVENTS}
    seen = Seen()
    for batch in batches:
        seen = seen.with_events(known[seq] for seq in batch)
    seqs = [event.seq for event in seen.events]
    assert seqs == sorted(set(seqs))
    assert not any(batches) or seen.last_seq == max(max(b) for b in batches if b)


def test_memory_is_bounded() -> None:
    many = (change(cockpit.EVENTS[0], seq=seq) for seq in range(MAX_EVENTS + 50))
    seen = Seen().with_events(many)
    assert len(seen.events) == MAX_EVENTS
    assert seen.last_seq == MAX_EVENTS + 49


def test_a_problem_lasts_until_the_next_answer() -> None:
    seen = Seen().with_status(cockpit.STATUS, 10.0).with_problem("gone")
    assert seen.problem == "gone"
    assert seen.silent_for(75.0) == "1 min"
    assert seen.with_status(cockpit.STATUS, 80.0).problem is None


def test_effects_are_told_as_they_become_visible() -> None:
    before = cockpit.STATUS
    assert changes(before, before) == []
    drained = change(before, nodes=(change(cockpit.NODE, mode="drained"),))
    assert [n.text for n in changes(before, drained)] == ["node anvil: ▼ drained"]
    paused = change(before, configs=(change(cockpit.CONFIGS[0], mode="paused"),))
    assert [n.text for n in changes(before, paused)] == ["hex8_2p is now paused"]
    assert [n.text for n in changes(before, change(before, pid=5))] == [
        "node anvil is back: process 5"
    ]


def test_who_leads_and_who_votes_is_told_when_it_changes() -> None:
    before = cockpit.CLUSTER
    moved = change(before, leader_id="n-22c4", term=4)
    assert [n.text for n in changes(before, moved)] == ["bellows leads, term 4"]
    lost = change(before, leader_id=None)
    assert [(n.text, n.tone) for n in changes(before, lost)] == [("nobody leads, term 3", "warn")]
    more = change(before, voters=(*before.voters, "n-b7d2"))
    assert [n.text for n in changes(before, more)] == [
        "4 vote now: anvil-6f3a, anvil-b7d2, bellows, forge"
    ]
    away = change(before, nodes=(change(before.nodes[3], alive=False),))
    assert [n.text for n in changes(before, away)] == ["node anvil-b7d2: ✗ away, active"]
