"""Members: what the cluster bears, who belongs to it, and what changed there."""

from textual.app import ComposeResult
from textual.containers import Vertical

from ringrift.tui import cluster
from ringrift.tui.listing import ListingView
from ringrift.tui.seen import Seen


class MembersPane(Vertical):
    """Three listings; the actions on members go by the cursor in the middle one."""

    def __init__(self) -> None:
        super().__init__(id="members")

    def compose(self) -> ComposeResult:
        yield ListingView(id="cluster")
        yield ListingView(id="roster")
        yield ListingView(id="changes", follow=True)

    def show(self, seen: Seen, *, faults_only: bool) -> None:
        """Draw what has been seen."""
        changes = cluster.changes(seen.events, faults_only=faults_only)
        self.query_one("#changes", ListingView).show(changes)
        if seen.status is not None:
            self.query_one("#cluster", ListingView).show(cluster.summary(seen.status))
            self.query_one("#roster", ListingView).show(cluster.members(seen.status))
