"""Pictures of every screen at three sizes, compared with the approved ones in __snapshots__.

After a wanted change: `pytest tests/tui --snapshot-update`, and look at what changed.
"""

from collections.abc import Callable
from typing import Any

import cockpit
import pytest
from textual.pilot import Pilot

from ringrift.client import NotRunningError

SIZES = [(80, 24), (120, 40), (200, 60)]
SCREENS = ["overview", "models", "events", "members"]
Compare = Callable[..., bool]


async def _settle(pilot: Pilot[None]) -> None:
    app: Any = pilot.app
    await app.settled.wait()
    await pilot.pause(0.1)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(make_cockpit, snap_compare: Compare, screen: str, size) -> None:
    app = make_cockpit(first_screen=screen)
    assert snap_compare(app, terminal_size=size, run_before=_settle)


@pytest.mark.parametrize("screen", SCREENS)
def test_small_screen(make_cockpit, snap_compare: Compare, screen: str) -> None:
    app = make_cockpit(first_screen=screen)
    assert snap_compare(app, terminal_size=(40, 15), run_before=_settle)


@pytest.mark.parametrize("key", ["question_mark", "colon", "d", "enter"])
def test_dialog(make_cockpit, snap_compare: Compare, key: str) -> None:
    async def press(pilot: Pilot[None]) -> None:
        await _settle(pilot)
        await pilot.press(key)
        await pilot.pause()

    assert snap_compare(make_cockpit(), terminal_size=(80, 24), run_before=press)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", ["overview", "members"])
def test_cluster(make_cockpit, source, snap_compare: Compare, screen: str, size) -> None:
    source.now = cockpit.CLUSTER
    app = make_cockpit(first_screen=screen)
    assert snap_compare(app, terminal_size=size, run_before=_settle)


@pytest.mark.parametrize("key", ["e", "R"])
def test_cluster_dialog(make_cockpit, source, snap_compare: Compare, key: str) -> None:
    async def press(pilot: Pilot[None]) -> None:
        await _settle(pilot)
        await pilot.press("down", "down", key)
        await pilot.pause()

    source.now = cockpit.CLUSTER
    app = make_cockpit(first_screen="members")
    assert snap_compare(app, terminal_size=(80, 24), run_before=press)


def test_selected_verdict(make_cockpit, snap_compare: Compare) -> None:
    async def press(pilot: Pilot[None]) -> None:
        await _settle(pilot)
        await pilot.press("down", "down")
        await pilot.pause()

    app = make_cockpit(first_screen="models")
    assert snap_compare(app, terminal_size=(120, 40), run_before=press)


def test_silent_node(make_cockpit, source, snap_compare: Compare) -> None:
    async def lose(pilot: Pilot[None]) -> None:
        await _settle(pilot)
        source.problem = NotRunningError("No node answers at node.sock.")
        app: Any = pilot.app
        await app.look()
        await pilot.pause()

    assert snap_compare(make_cockpit(), terminal_size=(80, 24), run_before=lose)


def test_without_colour(
    make_cockpit, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_cockpit(), terminal_size=(80, 24), run_before=_settle)
