"""Events: newest last, narrowed by words as they are typed."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from ringrift.tui import rows
from ringrift.tui.listing import ListingView
from ringrift.tui.seen import Seen


class EventsPane(Vertical):
    """The log of events; `/` opens the filter, esc drops it."""

    def __init__(self) -> None:
        super().__init__(id="events")
        self._seen = Seen()
        self._faults_only = False

    def compose(self) -> ComposeResult:
        yield ListingView(id="log", follow=True)
        yield Input(
            placeholder="words to look for, e.g. promoted hex8_2p", id="filter", compact=True
        )

    def on_mount(self) -> None:
        self.query_one(Input).display = False

    def show(self, seen: Seen, *, faults_only: bool) -> None:
        """Draw what has been seen."""
        self._seen, self._faults_only = seen, faults_only
        wanted = self.query_one(Input).value
        listing = rows.events(seen.events, wanted=wanted, faults_only=faults_only)
        self.query_one(ListingView).show(listing)

    def open_filter(self) -> None:
        """Let the operator type."""
        box = self.query_one(Input)
        box.display = True
        box.focus()

    def clear_filter(self) -> None:
        """Show everything again."""
        box = self.query_one(Input)
        box.value = ""
        box.display = False
        self.query_one(ListingView).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.show(self._seen, faults_only=self._faults_only)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one(ListingView).focus()
