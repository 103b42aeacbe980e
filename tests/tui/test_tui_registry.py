"""The registry is whole: every action is reachable, explained, confirmed where it acts."""

from pathlib import Path

import pytest

from ringrift.tui.app import Cockpit
from ringrift.tui.footer import shown
from ringrift.tui.listing import ListingView
from ringrift.tui.registry import ACTIONS, BY_VERB, Action, allowed, found, key_name
from ringrift.wire.actions import TransferLeadership

EXAMPLE = {
    "node": "n-6f3a",
    "voter": "n-6f3a",
    "member": "n-6f3a",
    "config": "hex8_2p",
    "work": "61",
}


def test_verbs_and_keys_are_unique() -> None:
    assert len({action.verb for action in ACTIONS}) == len(ACTIONS)
    assert len({action.key for action in ACTIONS}) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.verb)
def test_each_action_is_whole(action: Action) -> None:
    assert action.description.endswith(".")
    if action.request is None:
        assert callable(getattr(Cockpit, f"do_{action.verb}"))
        assert not action.confirm
    else:
        assert "{target}" in action.confirm
        assert action.request(EXAMPLE[action.target]) is not None
        assert action.danger or not action.typed


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.verb)
def test_each_action_has_its_key_in_the_app(action: Action) -> None:
    bound = {binding.action for binding in Cockpit.BINDINGS if hasattr(binding, "action")}
    assert f"run('{action.verb}')" in bound


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.verb)
def test_each_action_is_in_the_manual(action: Action) -> None:
    manual = Path(__file__).parents[2] / "docs" / "cockpit.md"
    line = f"| `{key_name(action)}` | {action.title} | {action.description} |"
    assert line in manual.read_text(encoding="utf-8").splitlines()


def test_read_only_leaves_only_looking() -> None:
    kept = [action.verb for action in ACTIONS if allowed(action, readonly=True)]
    assert "drain" not in kept and "models" in kept
    assert all(BY_VERB[verb].request is None for verb in kept)


def test_the_palette_prefers_the_exact_verb() -> None:
    assert found("drain", readonly=False)[0].verb == "drain"
    assert [a.verb for a in found("re", readonly=False)][:2] == ["restart", "resume"]
    assert found("drain", readonly=True) == []
    assert found("zzz", readonly=False) == []


def test_no_key_of_an_action_moves_in_a_list() -> None:
    moving = {key for binding in ListingView.BINDINGS for key in binding.key.split(",")}
    assert moving.isdisjoint(action.key for action in ACTIONS)


def test_an_election_without_a_chosen_voter_takes_any() -> None:
    elect = BY_VERB["elect"].request
    assert elect is not None
    assert elect("") == TransferLeadership(to=None)
    assert elect("n-22c4") == TransferLeadership(to="n-22c4")


def test_the_members_screen_offers_what_is_done_to_members() -> None:
    offered = {action.verb for action in shown(80, readonly=False, screen="members")}
    assert offered >= {"help", "elect", "voter", "node", "revoke", "quit"}
    assert "elect" not in {a.verb for a in shown(200, readonly=True, screen="members")}


def test_a_narrow_footer_keeps_help_and_quit() -> None:
    assert [a.verb for a in shown(16, readonly=False)] == ["help", "quit"]
    assert len(shown(200, readonly=False)) == sum(1 for a in ACTIONS if a.footer)
    assert key_name(BY_VERB["help"]) == "?"
