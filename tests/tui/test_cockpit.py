"""The cockpit driven by keys against a fake node."""

import cockpit
import msgspec
import pytest
from fake_source import FakeSource
from textual.pilot import Pilot
from textual.widgets import Input

from ringrift.client import NotRunningError
from ringrift.tui.app import Cockpit
from ringrift.tui.dialogs.confirm import Confirm
from ringrift.tui.dialogs.describe import Describe
from ringrift.tui.dialogs.menu import Menu
from ringrift.tui.events.pane import EventsPane
from ringrift.tui.header import Header
from ringrift.tui.listing import ListingView
from ringrift.wire.actions import (
    CancelWork,
    ChangeRole,
    RestartNode,
    RetryWork,
    RevokeMember,
    SetConfigMode,
    SetNodeMode,
    TransferLeadership,
)

pytestmark = pytest.mark.asyncio
SIZE = (120, 40)


async def settle(app: Cockpit, pilot: Pilot[None]) -> None:
    await app.settled.wait()
    await pilot.pause()


def said(app: Cockpit) -> list[str]:
    return [notification.message for notification in app._notifications]


def line(app: Cockpit, listing: str, key: str) -> str:
    rows = app.query_one(f"#{listing}", ListingView)._listing.rows
    return " ".join(cell.text for row in rows if row.key == key for cell in row.cells)


@pytest.mark.parametrize(
    ("key", "request_", "effect"),
    [
        ("d", SetNodeMode(node="n-6f3a", mode="draining"), "node anvil: ▽ draining, 2 left"),
        ("r", RestartNode(node="n-6f3a"), "node anvil is back: process 41208"),
        ("p", SetConfigMode(config="hex8_2p", mode="paused"), "hex8_2p is now paused"),
        ("x", CancelWork(item=61), "work item 61 cancelled (log #1900)"),
        ("t", RetryWork(item=61), "done as asked (log #1900)"),
        ("e", TransferLeadership(), "the leader hands over to None (log #1900)"),
        ("v", ChangeRole(member="n-6f3a", role="voter"), "done as asked (log #1900)"),
        ("n", ChangeRole(member="n-6f3a", role="node"), "done as asked (log #1900)"),
    ],
)
async def test_an_action_is_confirmed_sent_and_seen(
    make_cockpit, source: FakeSource, key: str, request_: object, effect: str
) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        assert source.asked == []
        await pilot.press("y")
        await pilot.pause()
        assert source.asked == [request_]
        assert effect in said(app)
        assert any("log #1900" in message for message in said(app))


async def test_undrain_and_resume_bring_back(make_cockpit, source: FakeSource) -> None:
    source.now = msgspec.structs.replace(
        source.now,
        nodes=(msgspec.structs.replace(cockpit.NODE, mode="drained"),),
        configs=(msgspec.structs.replace(cockpit.CONFIGS[0], mode="paused"),),
    )
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        assert "drained" in line(app, "nodes", "n-6f3a")
        await pilot.press("u", "y")
        await pilot.pause()
        assert "active" in line(app, "nodes", "n-6f3a")
        await pilot.press("c", "y")
        await pilot.pause()
        assert "active" in line(app, "configs", "hex8_2p")


@pytest.mark.parametrize(
    ("screen", "listing", "downs", "to"),
    [
        ("members", "roster", 0, None),  # the leader itself
        ("members", "roster", 1, None),  # without a vote
        ("members", "roster", 2, "n-22c4"),
        ("overview", "nodes", 2, "n-22c4"),
        ("overview", "work", 0, None),
        ("events", "log", 0, None),
    ],
)
async def test_an_election_goes_to_the_voter_under_the_cursor_or_to_any(
    make_cockpit, source: FakeSource, screen, listing: str, downs: int, to: str | None
) -> None:
    source.now = cockpit.CLUSTER
    app = make_cockpit(first_screen=screen)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        app.query_one(f"#{listing}").focus()
        await pilot.press(*["down"] * downs, "e", "y")
        await pilot.pause()
        assert source.asked == [TransferLeadership(to=to)]
        assert f"{'bellows' if to else 'forge'} leads, term 4" in said(app)


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (["y"], []),
        ([*"forge", "enter"], [RevokeMember(member="n-91c0")]),
        ([*"bellows", "enter"], []),
        (["enter"], []),
        (["escape"], []),
    ],
)
async def test_a_member_is_turned_away_only_by_its_typed_name(
    make_cockpit, source: FakeSource, typed: list[str], asked: list[object]
) -> None:
    source.now = cockpit.CLUSTER
    app = make_cockpit(first_screen="members")
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("down", "down", "down", "R")
        await pilot.pause()
        await pilot.press(*typed)
        await pilot.pause()
        assert source.asked == asked


@pytest.mark.parametrize("answer", ["n", "escape", "enter"])
async def test_not_acting_is_the_default(make_cockpit, source: FakeSource, answer: str) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("d", answer)
        await pilot.pause()
        assert not isinstance(app.screen, Confirm)
        assert source.asked == []


async def test_the_selected_configuration_is_the_one_that_is_paused(
    make_cockpit, source: FakeSource
) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        app.query_one("#configs").focus()
        await pilot.press("down", "c", "y")
        await pilot.pause()
        assert source.asked == [SetConfigMode(config="square8_3p", mode="active")]


async def test_a_refusal_is_shown_as_the_node_said_it(make_cockpit, source: FakeSource) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        source.problem = NotRunningError("No node answers here.")
        await pilot.press("d", "y")
        await pilot.pause()
        assert "No node answers here." in said(app)
        assert app.is_running


async def test_read_only_changes_nothing(make_cockpit, source: FakeSource) -> None:
    app = make_cockpit(readonly=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("d", "y", "p", "y", "e", "y", "t", "y", "v", "y", "n", "y", "R", "y")
        await pilot.pause()
        assert not isinstance(app.screen, Confirm)
        assert source.asked == []


async def test_silence_is_visible_and_so_is_the_return(make_cockpit, source: FakeSource) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        source.problem = NotRunningError("No node answers at node.sock.")
        await app.look()
        assert app.query_one(Header).has_class("-silent")
        assert "No node answers" in str(app.query_one(Header).render())
        source.problem = None
        source.now = msgspec.structs.replace(source.now, pid=9)
        await app.look()
        await pilot.pause()
        assert not app.query_one(Header).has_class("-silent")
        assert "node anvil is back: process 9" in said(app)


async def test_it_starts_before_its_node(make_cockpit, source: FakeSource) -> None:
    source.problem = NotRunningError("No node answers at node.sock.")
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        for screen in "2341":
            await pilot.press(screen)
        await pilot.press("d")
        assert "No node answers" in str(app.query_one(Header).render())
        source.problem = None
        await app.look()
        await pilot.pause()
        assert "40/64" in line(app, "work", "61")


async def test_streamed_events_appear_and_gaps_are_fetched(
    make_cockpit, source: FakeSource
) -> None:
    app = make_cockpit(first_screen="events")
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        new = [cockpit.event(seq, "WORK_QUEUED", f"item {seq} queued") for seq in (313, 314, 315)]
        source.recorded = (*source.recorded, *new[:2])
        await source.fresh.put(new[2])
        await pilot.pause()
        await pilot.pause()
        assert [event.seq for event in app.seen.events[-3:]] == [313, 314, 315]
        assert "item 315 queued" in line(app, "log", "315")


async def test_the_filter_narrows_and_escape_widens(make_cockpit) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("slash", *"promoted", "enter")
        await pilot.pause()
        log = app.query_one("#log", ListingView)
        assert [row.key for row in log._listing.rows] == ["302"]
        assert app.focused is log
        await pilot.press("escape")
        await pilot.pause()
        assert len(log._listing.rows) == len(cockpit.EVENTS)
        assert not app.query_one(EventsPane).query_one(Input).display


async def test_faults_only_and_all_again(make_cockpit) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        loops = app.query_one("#loops", ListingView)
        await pilot.press("f")
        assert [row.key for row in loops._listing.rows] == ["history"]
        await pilot.press("f")
        assert len(loops._listing.rows) == len(cockpit.LOOPS)


async def test_help_also_executes(make_cockpit) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("question_mark")
        assert isinstance(app.screen, Menu)
        await pilot.press("down", "down", "down", "enter")
        await pilot.pause()
        assert app.query_one("ContentSwitcher").current == "models"


async def test_the_palette_runs_what_is_typed(make_cockpit, source: FakeSource) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("colon", *"undrain", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("y")
        await pilot.pause()
        assert source.asked == [SetNodeMode(node="n-6f3a", mode="active")]


@pytest.mark.parametrize(
    "listing",
    ["stages", "work", "configs", "nodes", "loops", "recent", "networks", "log", "roster"],
)
async def test_every_list_describes_its_lines(make_cockpit, listing: str) -> None:
    screen = {"networks": "models", "log": "events", "roster": "members"}.get(listing, "overview")
    app = make_cockpit(first_screen=screen)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        app.query_one(f"#{listing}").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Describe)
        await pilot.press("escape")
        assert not isinstance(app.screen, Describe)


async def test_the_detail_follows_the_selected_network(make_cockpit) -> None:
    app = make_cockpit(first_screen="models")
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("down")
        await pilot.pause()
        assert "28 of 40" in line(app, "checks", "against champion")
        await pilot.press("end")
        await pilot.pause()
        assert "26 of 40" in line(app, "matches", "random-1")


async def test_the_cursor_stays_on_its_row_when_rows_come(make_cockpit, source) -> None:
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        work = app.query_one("#work", ListingView)
        work.focus()
        await pilot.press("down")
        source.now = msgspec.structs.replace(source.now, work=cockpit.WORK[1:])
        await app.look()
        assert work.selected is not None and work.selected.key == "62"


async def test_a_cursor_that_nobody_moved_stays_on_the_first_row(make_cockpit, source) -> None:
    app = make_cockpit()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(app, pilot)
        work = app.query_one("#work", ListingView)
        assert work.selected is not None
        first = work.selected.key
        newer = msgspec.structs.replace(cockpit.WORK[0], id=1)
        source.now = msgspec.structs.replace(source.now, work=(newer, *cockpit.WORK))
        await app.look()
        await pilot.pause()
        assert first != "1" == work.selected.key
        assert work.scroll_offset.y == 0


async def test_leaving_asks_only_when_the_node_ends_too(make_cockpit) -> None:
    app = make_cockpit(owns_node=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("q", "n")
        await pilot.pause()
        assert app.is_running and not isinstance(app.screen, Confirm)
        await pilot.press("ctrl+c", "ctrl+c")
        await pilot.pause()
        assert not app.is_running
    app = make_cockpit()
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running
