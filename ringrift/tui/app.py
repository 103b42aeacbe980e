"""The cockpit's app: looks at its node every second, draws what it saw, runs registry actions."""

import asyncio
import signal
import time
from collections.abc import Callable
from functools import partialmethod
from typing import ClassVar

import msgspec
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher

from ringrift.client import ClientError
from ringrift.tui.cluster import names
from ringrift.tui.dialogs.confirm import Confirm
from ringrift.tui.dialogs.describe import Describe
from ringrift.tui.dialogs.menu import Menu
from ringrift.tui.events.pane import EventsPane
from ringrift.tui.footer import Footer
from ringrift.tui.frame import ScreenName
from ringrift.tui.header import Header
from ringrift.tui.listing import ListingView
from ringrift.tui.members.pane import MembersPane
from ringrift.tui.models.pane import ModelsPane
from ringrift.tui.overview.pane import OverviewPane
from ringrift.tui.registry import ACTIONS, BY_VERB, Action, allowed
from ringrift.tui.seen import Notice, Seen, changes
from ringrift.tui.source import Source

LOOK_INTERVAL_S = 1.0
CATCH_UP_EVENTS = 500
_FIRST_FOCUS: dict[ScreenName, str] = {
    "overview": "#stages",
    "models": "#networks",
    "events": "#log",
    "members": "#roster",
}
QUESTION_ON_QUIT = (
    "Leave, and stop the node that this command started? Its children hand in what they have."
)


class Cockpit(App[None]):
    """Attached to one node by a `Source`; `owns_node` asks before leaving ends the node too."""

    CSS_PATH = "cockpit.tcss"
    TITLE = "ringrift"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 (declared by Textual without ClassVar)
        (0, "-narrow"),
        (64, "-medium"),
        (116, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (20, "-middling"),
        (36, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "run('quit')", "quit", show=False, priority=True),
        *(Binding(action.key, f"run('{action.verb}')", action.title) for action in ACTIONS),
    ]

    def __init__(
        self,
        source: Source,
        *,
        readonly: bool = False,
        owns_node: bool = False,
        first_screen: ScreenName = "overview",
        look_interval_s: float = LOOK_INTERVAL_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.seen = Seen()
        self.settled = asyncio.Event()  # the first look and the first events are on the screen
        self._source = source
        self._readonly = readonly
        self._owns_node = owns_node
        self._current: ScreenName = first_screen
        self._look_interval_s = look_interval_s
        self._now = now
        self._faults_only = False
        self._farewell: Confirm | None = None

    def compose(self) -> ComposeResult:
        yield Header(readonly=self._readonly)
        with ContentSwitcher(initial=self._current):
            yield OverviewPane()
            yield ModelsPane()
            yield EventsPane()
            yield MembersPane()
        yield Footer(readonly=self._readonly)

    def on_mount(self) -> None:
        self._switch(self._current)
        self.run_worker(self._keep_looking(), name="look")
        self.run_worker(self._keep_following(), name="follow")
        if not self.is_headless:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit)

    # Looking

    async def look(self) -> None:
        """Ask the node for its state once, draw it, and say what changed."""
        try:
            status = await self._source.status()
            models = await self._source.models()
        except ClientError as error:
            self.seen = self.seen.with_problem(str(error))
        else:
            before = self.seen.status
            self.seen = self.seen.with_status(status, self._now()).with_models(models)
            for notice in changes(before, status) if before is not None else []:
                self._say(notice)
        self._draw()

    async def catch_up(self) -> None:
        """Fetch the recorded events that have not been seen yet."""
        try:
            new = await self._source.recent_events(CATCH_UP_EVENTS, self.seen.last_seq)
        except ClientError as error:
            self.seen = self.seen.with_problem(str(error))
        else:
            self.seen = self.seen.with_events(new)
        self._draw()

    async def _keep_looking(self) -> None:
        await self.look()
        await self.catch_up()
        self.settled.set()
        while True:
            await asyncio.sleep(self._look_interval_s)
            await self.look()

    async def _keep_following(self) -> None:
        await self.settled.wait()
        while True:
            try:
                async for event in self._source.events():
                    last = self.seen.last_seq
                    if last is not None and event.seq > last + 1:
                        await self.catch_up()
                    self.seen = self.seen.with_events((event,))
                    self._draw()
            except ClientError as error:
                self.seen = self.seen.with_problem(str(error))
            await asyncio.sleep(self._look_interval_s)
            await self.catch_up()

    def _draw(self) -> None:
        silent = self.seen.silent_for(self._now())
        self.query_one(Header).show(self.seen, silent, self._current)
        self.query_one(ContentSwitcher).set_class(self.seen.problem is not None, "-stale")
        if self._current == "overview":
            self.query_one(OverviewPane).show(self.seen, faults_only=self._faults_only)
        elif self._current == "models":
            self.query_one(ModelsPane).show(self.seen)
        elif self._current == "members":
            self.query_one(MembersPane).show(self.seen, faults_only=self._faults_only)
        else:
            self.query_one(EventsPane).show(self.seen, faults_only=self._faults_only)

    def _say(self, notice: Notice) -> None:
        self.notify(
            notice.text,
            severity="information" if notice.tone == "good" else "warning",
            markup=False,
        )

    # Acting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "run":
            return allowed(BY_VERB[str(parameters[0])], readonly=self._readonly)
        return True

    def action_run(self, verb: str) -> None:
        action = BY_VERB[verb]
        if action.request is not None:
            self.run_worker(self._ask(action), name=verb)
        else:
            getattr(self, f"do_{verb}")()

    async def _ask(self, action: Action) -> None:
        target = self._target(action)
        if target is None or action.request is None:
            self.notify(f"select a {action.target} first", severity="warning")
            return
        key, label = target
        question = action.confirm.format(target=label)
        typed = label if action.typed else ""
        asked = Confirm(question, action.title, danger=action.danger, typed=typed)
        if not await self.push_screen_wait(asked):
            return
        try:
            reply = await self._source.act(action.request(key))
        except ClientError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
            return
        self.notify(f"{reply.text} (log #{reply.index})", markup=False)
        await self.look()

    def _target(self, action: Action) -> tuple[str, str] | None:
        """The key and the name of what an action is about; None when nothing is selected."""
        status = self.seen.status
        if status is None:
            return None
        if action.target in ("config", "work"):
            key = self._cursor("configs" if action.target == "config" else "work")
            return None if key is None else (key, key)
        listing = "roster" if self._current == "members" else "nodes"
        key, called = self._cursor(listing), names(status)
        if action.target == "voter":
            # Not by a cursor that only rests in its list: who leads is the whole cluster's affair.
            focused = self.focused is not None and self.focused.id == listing
            heir = key is not None and key in status.voters and key != status.leader_id
            return (key, called[key]) if focused and heir and key else ("", "any voter that can")
        if key is None and action.target == "node":
            key = status.node_id
        return None if key is None else (key, called.get(key, key))

    def _cursor(self, listing: str) -> str | None:
        row = self.query_one(f"#{listing}", ListingView).selected
        return None if row is None else row.key

    def do_help(self) -> None:
        self.push_screen(Menu(typing=False, readonly=self._readonly), self._chosen)

    def do_command(self) -> None:
        self.push_screen(Menu(typing=True, readonly=self._readonly), self._chosen)

    def _chosen(self, verb: str | None) -> None:
        if verb is not None:
            self.action_run(verb)

    def _switch(self, name: ScreenName) -> None:
        self._current = name
        self.query_one(ContentSwitcher).current = name
        self.query_one(_FIRST_FOCUS[name]).focus()
        self.query_one(Footer).show(name)
        self._draw()

    do_overview = partialmethod(_switch, "overview")
    do_models = partialmethod(_switch, "models")
    do_events = partialmethod(_switch, "events")
    do_members = partialmethod(_switch, "members")

    def do_filter(self) -> None:
        self._switch("events")
        self.query_one(EventsPane).open_filter()

    def do_clear(self) -> None:
        self._faults_only = False
        if self._current == "events":
            self.query_one(EventsPane).clear_filter()
        self._draw()

    def do_faults(self) -> None:
        self._faults_only = not self._faults_only
        self.notify("only what is failing" if self._faults_only else "everything")
        self._draw()

    def do_describe(self) -> None:
        view = self._under_cursor()
        if view is not None:
            self.push_screen(Describe(view))

    def _under_cursor(self) -> msgspec.Struct | None:
        focused = self.focused
        if not isinstance(focused, ListingView) or focused.selected is None:
            return None
        status, models, key = self.seen.status, self.seen.models, focused.selected.key
        things: dict[str, msgspec.Struct] = {}
        if focused.id in ("log", "recent", "changes"):
            things = {str(event.seq): event for event in self.seen.events}
        elif focused.id == "networks" and models is not None:
            things = {model.sha256: model for model in models.models}
        elif focused.id == "work" and status is not None:
            things = {str(work.id): work for work in status.work}
        elif focused.id == "nodes" and status is not None:
            things = {node.id: node for node in status.nodes}
        elif focused.id == "roster" and status is not None:
            things = {member.id: member for member in status.members}
        elif focused.id in ("stages", "loops", "configs") and status is not None:
            named = getattr(status, focused.id)
            things = {thing.name: thing for thing in named}
        return things.get(key)

    def do_quit(self) -> None:
        asked = self._farewell is not None and self.screen is self._farewell
        if not self._owns_node or asked:  # ctrl+c twice is a yes
            self.exit()
            return
        self._farewell = Confirm(QUESTION_ON_QUIT, "stop and leave", danger=True)
        self.push_screen(self._farewell, self._leave)

    def _leave(self, yes: bool | None) -> None:
        if yes:
            self.exit()
