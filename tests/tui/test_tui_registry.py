"""The registry is whole: every action is reachable, explained, confirmed where it acts."""

import pytest

from ringrift.tui.app import Cockpit
from ringrift.tui.footer import shown
from ringrift.tui.registry import ACTIONS, BY_VERB, Action, allowed, found, key_name

EXAMPLE = {"node": "n-6f3a", "config": "hex8_2p", "work": "61"}


def test_verbs_and_keys_are_unique() -> None:
    assert len({action.verb for action in ACTIONS}) == len(ACTIONS)
    assert len({action.key for action in ACTIONS}) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.verb)
def test_each_action_is_whole(action: Action) -> None:
    assert action.description.endswith(".")
    if action.request is None:
        assert callable(getattr(Cockpit, f"do_{action.verb}"))
        assert action.role == "viewer" and not action.confirm
    else:
        assert action.role == "operator"
        assert "{target}" in action.confirm
        assert action.request(EXAMPLE[action.target]) is not None


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.verb)
def test_each_action_has_its_key_in_the_app(action: Action) -> None:
    bound = {binding.action for binding in Cockpit.BINDINGS if hasattr(binding, "action")}
    assert f"run('{action.verb}')" in bound


def test_read_only_leaves_only_looking() -> None:
    kept = [action.verb for action in ACTIONS if allowed(action, readonly=True)]
    assert "drain" not in kept and "models" in kept
    assert all(BY_VERB[verb].request is None for verb in kept)


def test_the_palette_prefers_the_exact_verb() -> None:
    assert found("drain", readonly=False)[0].verb == "drain"
    assert [a.verb for a in found("re", readonly=False)][:2] == ["restart", "resume"]
    assert found("drain", readonly=True) == []
    assert found("zzz", readonly=False) == []


def test_a_narrow_footer_keeps_help_and_quit() -> None:
    assert [a.verb for a in shown(16, readonly=False)] == ["help", "quit"]
    assert len(shown(200, readonly=False)) == sum(1 for a in ACTIONS if a.footer)
    assert key_name(BY_VERB["help"]) == "?"
